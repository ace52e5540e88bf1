//! Partitions whose ties are symmetries, so that it does not matter how they are broken.
//!
//! Take the atoms that share their cell with others, and the bonds between them. Bonds to
//! the remaining atoms are the same for all members of a cell, since the partition is
//! equitable. When every connected piece is a tree, or has no two atoms of one cell, then
//! two atoms of one cell are always carried into each other by a symmetry: pieces with a
//! common colour are equal, because colours and bonds determine a tree, and a piece
//! without repeated colours, completely (compare V. Arvind, J. Köbler, G. Rattan,
//! O. Verbitsky, doi:10.1007/s00037-016-0147-6). Telling atoms apart only shrinks the
//! pieces, so this stays true until no tie is left. Geometry has to be settled by the
//! colours already; then a symmetry of the bonds keeps it.

use super::partition::Partition;
use crate::outline::Outline;

/// Space for the walk over the tied atoms.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Per atom the piece that it belongs to, from 1.
    piece: Vec<u32>,
    /// Per cell the last piece that has an atom in it.
    last: Vec<u32>,
    stack: Vec<u32>,
}

/// Whether all tied atoms of an equitable partition are exchanged by symmetries.
///
/// # Complexity
/// Linear in the atoms and the bonds of tied atoms.
pub(super) fn cells_are_orbits(
    outline: &Outline,
    partition: &Partition,
    search: &mut Search,
) -> bool {
    let Search { piece, last, stack } = search;
    for list in [&mut *piece, &mut *last] {
        list.clear();
        list.resize(outline.atoms.len(), 0);
    }
    let mut pieces = 0;
    for cell in partition.cells() {
        let members = partition.members(cell);
        if members.len() == 1 {
            continue;
        }
        for &start in members {
            if piece[start as usize] > 0 {
                continue;
            }
            pieces += 1;
            piece[start as usize] = pieces;
            stack.push(start);
            let (mut atoms, mut bond_ends, mut repeated) = (0, 0, false);
            while let Some(atom) = stack.pop() {
                atoms += 1;
                let color = partition.color(atom as usize) as usize;
                repeated |= std::mem::replace(&mut last[color], pieces) == pieces;
                for step in outline.adjacency.neighbors(atom as usize) {
                    if !partition.is_tied(step.atom) {
                        continue;
                    }
                    bond_ends += 1;
                    if piece[step.atom] == 0 {
                        piece[step.atom] = pieces;
                        stack.push(step.atom as u32);
                    }
                }
            }
            if repeated && bond_ends >= 2 * atoms {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::refine::{Desk, Refiner};
    use crate::smiles::{WriteOptions, parse};

    fn orbits(smiles: &str) -> bool {
        let molecule = parse(smiles).expect("a SMILES");
        let outline = Outline::of(&molecule, WriteOptions::ISOMERIC);
        let mut desk = Desk::new(outline.atoms.len());
        let partition = Refiner::new(&outline).initial(&mut desk);
        cells_are_orbits(&outline, &partition, &mut Search::default())
    }

    #[test]
    fn trees_and_simple_rings_are_recognised() {
        for smiles in ["CC(C)(C)C", "CC(C)NC(C)C", "Cc1ccccc1", "CC.CC.CC"] {
            assert!(orbits(smiles), "{smiles}");
        }
        // Rings of tied atoms need a closer look: the first pair is not symmetric at all.
        for smiles in ["C1CCCCC1.C1CCCCCCCC1", "c1ccccc1", "c1ccccc1Pc1ccccc1"] {
            assert!(!orbits(smiles), "{smiles}");
        }
    }
}
