//! Ring perception: the relevant cycles.
//!
//! A cycle is relevant when it is no sum of shorter cycles; the relevant cycles are the
//! union of all smallest sets of smallest rings, and so do not depend on the order of
//! the atoms. They are what RDKit calls symmetrised smallest rings since it rests on
//! RingDecomposerLib. Rings begin with their lowest atom and go on to its lower
//! neighbour; dative and zero-order bonds close no ring.
//!
//! Sources: P. Vismara, Electron. J. Combin. 4 (1997) R9; A. Kolodzik, S. Urbaczek,
//! M. Rarey, J. Chem. Inf. Model. 52 (2012) 2013; F. Flachsenberg, N. Andresen,
//! M. Rarey, J. Chem. Inf. Model. 57 (2017) 122.

use super::cycles::CycleSearch;
use super::draft::{Adjacency, Draft};
use super::effort::Effort;
use super::ring_index::Rings;
use super::ring_systems::SystemSearch;
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// Memory for the search, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct RingSearch {
    systems: SystemSearch,
    cycles: CycleSearch,
}

/// Finds the rings of a molecule.
pub(crate) fn find(
    draft: &mut Draft,
    search: &mut RingSearch,
    max_ring_system: usize,
    effort: &mut Effort,
) -> Result<(), PerceptionError> {
    let Draft {
        bonds,
        adjacency,
        rings,
        ..
    } = draft;
    rings.clear();
    if bonds.len() < 3 {
        return Ok(());
    }
    let RingSearch { systems, cycles } = search;
    systems.each(
        adjacency,
        bonds,
        |bond| !matches!(bond.order, BondOrder::Zero | BondOrder::Dative),
        |system| {
            if system.is_single_ring {
                let mut atom = system.entry;
                for bond in system.bonds {
                    rings.atoms.push(atom);
                    atom = bonds[*bond as usize].other(atom as usize) as u32;
                }
                rings.atoms.close();
                return Ok(());
            }
            cycles.load(bonds, system.bonds, adjacency.num_atoms());
            if cycles.num_nodes() > max_ring_system {
                return Err(PerceptionError::RingSystemTooLarge {
                    found: cycles.num_nodes(),
                    limit: max_ring_system,
                });
            }
            cycles.relevant(&mut rings.atoms, effort)
        },
    )?;
    rings.atoms.for_each_mut(normalize);
    fill_bonds(adjacency, rings);
    rings.index(adjacency.num_atoms(), bonds.len());
    Ok(())
}

/// Turns a ring so that it starts with its lowest atom and goes to the lower neighbour.
pub(crate) fn normalize(ring: &mut [u32]) {
    let lowest = (0..ring.len()).min_by_key(|at| ring[*at]).unwrap_or(0);
    ring.rotate_left(lowest);
    if ring.len() > 2 && ring[ring.len() - 1] < ring[1] {
        ring[1..].reverse();
    }
}

fn fill_bonds(adjacency: &Adjacency, rings: &mut Rings) {
    for ring in rings.atoms.iter() {
        for (at, atom) in ring.iter().enumerate() {
            let next = *ring.get(at + 1).unwrap_or(&ring[0]);
            let mut links = adjacency.of(*atom as usize).iter();
            let link = links
                .find(|link| link.atom == next)
                .expect("consecutive atoms of a ring are bound");
            rings.bonds.push(link.bond);
        }
        rings.bonds.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    fn sizes(smiles: &str) -> Vec<usize> {
        let molecule = parse(smiles).expect("valid SMILES");
        let mut sizes: Vec<usize> = molecule.rings().map(<[u32]>::len).collect();
        sizes.sort_unstable();
        sizes
    }

    #[test]
    fn rings_start_at_the_lowest_atom() {
        let mut ring = [4, 2, 7, 3];
        normalize(&mut ring);
        assert_eq!(ring, [2, 4, 3, 7]);
    }

    #[test]
    fn cages_are_symmetrised() {
        assert_eq!(sizes("CCC"), []);
        assert_eq!(sizes("c1ccc2ccccc2c1"), [6, 6]);
        assert_eq!(sizes("C1CC2CCC1CC2"), [6, 6, 6]);
        assert_eq!(sizes("C12C3C4C1C5C2C3C45"), [4; 6]);
        assert_eq!(sizes("C1C2C3C1C23"), [3, 3, 4, 4]);
        assert_eq!(sizes("C12C3C4C5C1C6C2C3C4C56"), [4, 4, 4, 4, 4, 5, 5]);
        assert_eq!(sizes("C1CCCCCCCCCCC1"), [12]);
    }
}
