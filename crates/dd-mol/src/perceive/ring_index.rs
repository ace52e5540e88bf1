//! The rings of a molecule and who belongs to them.

use crate::rows::Rows;

/// Rings as atoms and as bonds, with look-ups from both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rings {
    /// Atoms of each ring, in ring order.
    pub(crate) atoms: Rows,
    /// Bonds of each ring: the first joins the first two atoms.
    pub(crate) bonds: Rows,
    /// Rings of each atom; without rows when there is no ring.
    of_atom: Rows,
    /// Size of the smallest ring of each bond, 0 outside rings; empty without rings.
    smallest: Vec<u32>,
}

impl Rings {
    pub(crate) fn clear(&mut self) {
        self.atoms.clear();
        self.bonds.clear();
        self.of_atom.clear();
        self.smallest.clear();
    }

    /// Fills the look-ups from the lists of rings.
    pub(crate) fn index(&mut self, num_atoms: usize, num_bonds: usize) {
        if self.atoms.is_empty() {
            return;
        }
        let members = self.atoms.iter().enumerate();
        let pairs =
            members.flat_map(|(ring, atoms)| atoms.iter().map(move |atom| (*atom, ring as u32)));
        self.of_atom.fill(num_atoms, pairs);
        self.smallest.resize(num_bonds, 0);
        for ring in self.bonds.iter() {
            let size = ring.len() as u32;
            for bond in ring {
                let smallest = &mut self.smallest[*bond as usize];
                if *smallest == 0 || size < *smallest {
                    *smallest = size;
                }
            }
        }
    }

    /// The rings of an atom.
    pub(crate) fn of_atom(&self, atom: usize) -> &[u32] {
        if self.of_atom.is_empty() {
            return &[];
        }
        self.of_atom.row(atom)
    }

    /// Whether a bond belongs to a ring.
    pub(crate) fn has_bond(&self, bond: usize) -> bool {
        self.smallest_of_bond(bond) > 0
    }

    pub(crate) fn atom_in_ring_of(&self, atom: usize, size: usize) -> bool {
        self.of_atom(atom)
            .iter()
            .any(|ring| self.atoms.row(*ring as usize).len() == size)
    }

    /// Size of the smallest ring of a bond, 0 outside rings.
    pub(crate) fn smallest_of_bond(&self, bond: usize) -> usize {
        self.smallest.get(bond).map_or(0, |size| *size as usize)
    }
}
