//! A conformer as atomic numbers and positions, on the host.

/// One conformer.
#[derive(Debug, Clone, PartialEq)]
pub struct PointCloud {
    /// Atomic number of each atom, `[N]`.
    pub atomic_numbers: Vec<u8>,
    /// Positions in angstrom, `[N, 3]`.
    pub positions: Vec<[f32; 3]>,
    /// Atom of the source molecule behind each point, `[N]`.
    pub atom_index: Vec<u32>,
    /// Number of the record in its data set: names the molecule's stream of random numbers.
    pub record: u64,
}

impl PointCloud {
    /// Number of atoms.
    pub fn num_atoms(&self) -> usize {
        self.atomic_numbers.len()
    }
}
