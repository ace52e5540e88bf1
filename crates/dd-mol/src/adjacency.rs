//! Neighbour lists in bond order, the order that chirality tags refer to.

use crate::Molecule;

/// Compressed neighbour lists of one molecule; each atom's bonds ascend by index.
#[derive(Debug, Clone)]
pub(crate) struct Adjacency {
    offsets: Vec<u32>,
    entries: Vec<Neighbor>,
}

/// One step from an atom over a bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neighbor {
    pub(crate) atom: usize,
    pub(crate) bond: usize,
}

impl Adjacency {
    pub(crate) fn of(molecule: &Molecule) -> Self {
        let ends: Vec<(usize, usize)> = molecule
            .bonds()
            .map(|bond| (bond.begin, bond.end))
            .collect();
        Self::from_bonds(molecule.num_atoms(), &ends)
    }

    pub(crate) fn from_bonds(num_atoms: usize, ends: &[(usize, usize)]) -> Self {
        let mut offsets = vec![0_u32; num_atoms + 1];
        for &(begin, end) in ends {
            offsets[begin + 1] += 1;
            offsets[end + 1] += 1;
        }
        for atom in 0..num_atoms {
            offsets[atom + 1] += offsets[atom];
        }
        let mut next = offsets.clone();
        let mut entries = vec![Neighbor { atom: 0, bond: 0 }; 2 * ends.len()];
        for (bond, &(begin, end)) in ends.iter().enumerate() {
            for (from, to) in [(begin, end), (end, begin)] {
                entries[next[from] as usize] = Neighbor { atom: to, bond };
                next[from] += 1;
            }
        }
        Self { offsets, entries }
    }

    /// The neighbours of `atom` in bond order.
    pub(crate) fn neighbors(&self, atom: usize) -> &[Neighbor] {
        &self.entries[self.offsets[atom] as usize..self.offsets[atom + 1] as usize]
    }

    pub(crate) fn degree(&self, atom: usize) -> usize {
        self.neighbors(atom).len()
    }

    pub(crate) fn num_atoms(&self) -> usize {
        self.offsets.len() - 1
    }
}

/// True when sorting `items` takes an odd number of swaps.
pub(crate) fn is_odd_permutation<T: PartialOrd>(items: &[T]) -> bool {
    let mut odd = false;
    for (i, a) in items.iter().enumerate() {
        for b in &items[i + 1..] {
            odd ^= a > b;
        }
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_ascend_by_bond() {
        let adjacency = Adjacency::from_bonds(4, &[(1, 0), (2, 1), (1, 3)]);
        let bonds: Vec<usize> = adjacency.neighbors(1).iter().map(|n| n.bond).collect();
        assert_eq!(bonds, [0, 1, 2]);
        let atoms: Vec<usize> = adjacency.neighbors(1).iter().map(|n| n.atom).collect();
        assert_eq!(atoms, [0, 2, 3]);
        assert_eq!(adjacency.degree(3), 1);
    }

    #[test]
    fn permutation_parity() {
        assert!(!is_odd_permutation(&[1, 2, 3]));
        assert!(is_odd_permutation(&[2, 1, 3]));
        assert!(!is_odd_permutation(&[2, 3, 1]));
    }
}
