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
        let ends = molecule.bonds().map(|bond| (bond.begin, bond.end));
        Self::from_ends(molecule.num_atoms(), ends)
    }

    /// From the two atoms of each bond.
    pub(crate) fn from_ends<I>(num_atoms: usize, ends: I) -> Self
    where
        I: ExactSizeIterator<Item = (usize, usize)> + DoubleEndedIterator + Clone,
    {
        let mut offsets = vec![0_u32; num_atoms + 1];
        for (begin, end) in ends.clone() {
            offsets[begin] += 1;
            offsets[end] += 1;
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        // Filled from the back, the offsets end at the start of each list.
        let mut entries = vec![Neighbor { atom: 0, bond: 0 }; total as usize];
        for (bond, (begin, end)) in ends.enumerate().rev() {
            for (from, to) in [(end, begin), (begin, end)] {
                offsets[from] -= 1;
                entries[offsets[from] as usize] = Neighbor { atom: to, bond };
            }
        }
        Self { offsets, entries }
    }

    /// The neighbours of `atom` in bond order.
    pub(crate) fn neighbors(&self, atom: usize) -> &[Neighbor] {
        &self.entries[self.range(atom)]
    }

    /// Where the neighbours of `atom` stand in the lists of all atoms.
    pub(crate) fn range(&self, atom: usize) -> std::ops::Range<usize> {
        self.offsets[atom] as usize..self.offsets[atom + 1] as usize
    }

    pub(crate) fn degree(&self, atom: usize) -> usize {
        self.range(atom).len()
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
        let adjacency = Adjacency::from_ends(4, [(1, 0), (2, 1), (1, 3)].into_iter());
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
