//! Wedges: the bonds that show which way the substituents of a centre turn.

use super::plane::Point;
use crate::Molecule;
use crate::adjacency::{Adjacency, Neighbor};
use crate::molecule::{BondOrder, ChiralTag};
use crate::molfile::{Drawn, drawn_chirality};

/// A bond drawn as a wedge; its narrow end is the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wedge {
    /// Index of the bond.
    pub(crate) bond: usize,
    /// The atom at the narrow end.
    pub(crate) centre: usize,
    /// Towards the viewer (solid) rather than away (hashed).
    pub(crate) up: bool,
}

/// One wedge for every tetrahedral centre, chosen so that reading the drawing gives its
/// chirality back; the centres for which no bond does follow.
pub(crate) fn wedges(
    molecule: &Molecule,
    adjacency: &Adjacency,
    orders: &[BondOrder],
    points: &[Point],
) -> (Vec<Wedge>, Vec<usize>) {
    let is_centre = |atom: usize| {
        matches!(
            molecule.atom(atom).chiral_tag,
            ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw
        )
    };
    let mut in_ring = vec![false; molecule.num_bonds()];
    for bond in molecule.bonds() {
        in_ring[bond.index] = bond.bond.in_ring;
    }
    let mut taken = vec![false; molecule.num_bonds()];
    let mut found = Vec::new();
    let mut lost = Vec::new();
    // Centres with fewest bonds that lead away from centres choose first.
    let mut centres: Vec<usize> = (0..molecule.num_atoms())
        .filter(|&atom| is_centre(atom))
        .collect();
    centres.sort_by_key(|&atom| {
        let steps = adjacency.neighbors(atom).iter();
        steps
            .filter(|step| !is_centre(step.atom) && orders[step.bond] == BondOrder::Single)
            .count()
    });
    for centre in centres {
        let steps = adjacency.neighbors(centre);
        let mut choices: Vec<usize> = (0..steps.len())
            .filter(|&place| {
                orders[steps[place].bond] == BondOrder::Single && !taken[steps[place].bond]
            })
            .collect();
        // Hydrogens and chain ends first, bonds in rings and between centres last.
        choices.sort_by_key(|&place| {
            let Neighbor { atom, bond } = steps[place];
            let hydrogen = molecule.atom(atom).atomic_number == 1;
            (
                is_centre(atom),
                !hydrogen,
                in_ring[bond],
                molecule.atom(atom).in_ring,
                adjacency.degree(atom),
            )
        });
        let drawn = |wedged: usize, lift: i8| -> Vec<Drawn> {
            let neighbor = |(place, step): (usize, &Neighbor)| {
                let point = points[step.atom];
                Drawn {
                    position: [point.x, point.y, 0.0],
                    lift: if place == wedged { lift } else { 0 },
                }
            };
            steps.iter().enumerate().map(neighbor).collect()
        };
        let at = [points[centre].x, points[centre].y, 0.0];
        let tag = molecule.atom(centre).chiral_tag;
        let mark = choices.into_iter().find_map(|place| {
            [1, -1].into_iter().find_map(|lift| {
                let read = drawn_chirality(at, &drawn(place, lift), place);
                (read == Some(tag)).then_some(Wedge {
                    bond: steps[place].bond,
                    centre,
                    up: lift == 1,
                })
            })
        });
        match mark {
            Some(wedge) => {
                taken[wedge.bond] = true;
                found.push(wedge);
            }
            None => lost.push(centre),
        }
    }
    (found, lost)
}
