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

use super::cycles;
use super::draft::{Draft, Rings};
use super::ring_systems::ring_systems;
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// Finds the rings of a molecule.
pub(crate) fn find(draft: &Draft, max_ring_system: usize) -> Result<Rings, PerceptionError> {
    let mut rings = Rings::default();
    if draft.bonds.len() < 3 {
        return Ok(rings);
    }
    let systems = ring_systems(draft, |bond| {
        !matches!(bond.order, BondOrder::Zero | BondOrder::Dative)
    });
    for system in &systems {
        if system.edges.len() == system.nodes.len() {
            rings.atoms.push(system.single_ring());
            continue;
        }
        if system.nodes.len() > max_ring_system {
            return Err(PerceptionError::RingSystemTooLarge {
                found: system.nodes.len(),
                limit: max_ring_system,
            });
        }
        rings.atoms.extend(cycles::relevant(system));
    }
    for ring in &mut rings.atoms {
        normalize(ring);
    }
    fill_bonds(draft, &mut rings);
    rings.index(draft.atoms.len(), draft.bonds.len());
    Ok(rings)
}

/// Turns a ring so that it starts with its lowest atom and goes to the lower neighbour.
fn normalize(ring: &mut [u32]) {
    let lowest = (0..ring.len()).min_by_key(|at| ring[*at]).unwrap_or(0);
    ring.rotate_left(lowest);
    if ring.len() > 2 && ring[ring.len() - 1] < ring[1] {
        ring[1..].reverse();
    }
}

fn fill_bonds(draft: &Draft, rings: &mut Rings) {
    rings.bonds = rings
        .atoms
        .iter()
        .map(|ring| {
            (0..ring.len())
                .map(|at| {
                    let next = ring[(at + 1) % ring.len()];
                    draft
                        .adjacency
                        .of(ring[at] as usize)
                        .iter()
                        .find(|link| link.atom == next)
                        .expect("consecutive atoms of a ring are bound")
                        .bond
                })
                .collect()
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    fn sizes(smiles: &str) -> Vec<usize> {
        let molecule = parse(smiles).expect("valid SMILES");
        let mut sizes: Vec<usize> = molecule.rings().iter().map(Vec::len).collect();
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
