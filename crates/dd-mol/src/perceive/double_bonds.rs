//! E and Z of double bonds from the slashes around them.

use super::centres::Pass;
use super::draft::Draft;
use crate::builder::BondDirection;
use crate::molecule::{BondOrder, BondStereo};

/// Smallest ring in which a double bond can have two geometries.
const MIN_RING: usize = 8;

/// Whether rings leave the geometry of a double bond open.
pub(super) fn may_have_stereo(draft: &Draft, bond: usize) -> bool {
    let smallest = draft.rings.smallest_of_bond(bond);
    smallest == 0 || smallest >= MIN_RING
}

/// Whether slashes or a known geometry stand beside some double bond.
pub(super) fn any_marked(draft: &Draft) -> bool {
    draft.bonds.iter().any(|bond| {
        bond.order == BondOrder::Double
            && (bond.known.is_some()
                || [bond.begin, bond.end].iter().any(|end| {
                    draft
                        .bonds_of(*end as usize)
                        .any(|(_, beside)| beside.has_slash())
                }))
    })
}

/// The double bonds that could have two geometries, but state none.
pub(super) fn open(draft: &Draft, ranks: &[u32]) -> Vec<usize> {
    let is_open = |&index: &usize| {
        let bond = &draft.bonds[index];
        let ends = [bond.begin as usize, bond.end as usize];
        bond.order == BondOrder::Double
            && matches!(bond.stereo, BondStereo::None | BondStereo::Any)
            && may_have_stereo(draft, index)
            && ends
                .iter()
                .all(|&end| has_two_sides(draft, end, index, ranks))
    };
    (0..draft.bonds.len()).filter(is_open).collect()
}

/// One or two neighbours by single bonds, different from each other and from hydrogen.
fn has_two_sides(draft: &Draft, end: usize, double: usize, ranks: &[u32]) -> bool {
    let mut beside = Vec::new();
    for link in draft.adjacency.of(end) {
        if link.bond as usize == double {
            continue;
        }
        let order = draft.bonds[link.bond as usize].order;
        if !matches!(order, BondOrder::Single | BondOrder::Aromatic) {
            return false;
        }
        beside.push(ranks[link.atom as usize]);
    }
    match beside[..] {
        [_] => draft.atoms[end].hydrogens() <= 1,
        [a, b] => a != b && draft.atoms[end].hydrogens() == 0,
        _ => false,
    }
}

/// A neighbour beside a double bond, and on which side of it.
#[derive(Debug, Clone, Copy)]
struct Side {
    atom: u32,
    direction: BondDirection,
}

/// Assigns E or Z where both ends are marked and have neighbours of different rank.
pub(super) fn assign(draft: &mut Draft, ranks: &[u32]) -> Pass {
    let mut pass = Pass {
        unassigned: false,
        changed: false,
    };
    let mut conflicting = Vec::new();
    for index in 0..draft.bonds.len() {
        let bond = draft.bonds[index];
        if bond.order != BondOrder::Double
            || bond.stereo != BondStereo::None
            || !may_have_stereo(draft, index)
        {
            continue;
        }
        let ends = [bond.begin as usize, bond.end as usize];
        if !ends.iter().all(|end| matches!(draft.degree(*end), 2 | 3)) {
            continue;
        }
        let sides = match bond.known {
            Some(known) => known_sides(draft, index, known, ranks),
            None => ends.map(|end| sides(draft, end, index, ranks)),
        };
        if sides.iter().any(Vec::is_empty) {
            pass.unassigned = true;
            continue;
        }
        pass.changed = true;
        let clash = |side: &[Side]| side.len() == 2 && side[0].direction == side[1].direction;
        if sides.iter().any(|side| clash(side)) {
            for (end, side) in ends.iter().zip(&sides).filter(|(_, side)| clash(side)) {
                conflicting.extend(
                    draft
                        .adjacency
                        .of(*end)
                        .iter()
                        .filter(|link| side.iter().any(|s| s.atom == link.atom))
                        .map(|link| link.bond),
                );
            }
            continue;
        }
        let highest = |side: &[Side]| match side {
            [first, second] if ranks[first.atom as usize] <= ranks[second.atom as usize] => *second,
            _ => side[0],
        };
        let [begin, end] = [highest(&sides[0]), highest(&sides[1])];
        let bond = &mut draft.bonds[index];
        bond.stereo_atoms = Some([begin.atom, end.atom]);
        bond.stereo = if begin.direction == end.direction {
            BondStereo::Z
        } else {
            BondStereo::E
        };
    }
    for bond in conflicting {
        draft.bonds[bond as usize].direction = BondDirection::None;
    }
    pass
}

/// The neighbours of one end with their directions as seen from it; none when no
/// direction is marked or the two neighbours have the same rank.
fn sides(draft: &Draft, end: usize, double: usize, ranks: &[u32]) -> Vec<Side> {
    let mut sides: Vec<Side> = draft
        .adjacency
        .of(end)
        .iter()
        .filter(|link| link.bond as usize != double)
        .map(|link| {
            let bond = &draft.bonds[link.bond as usize];
            Side {
                atom: link.atom,
                direction: if bond.begin as usize == end {
                    bond.direction
                } else {
                    bond.direction.reversed()
                },
            }
        })
        .collect();
    complete(&mut sides, ranks);
    sides
}

fn is_marked(side: Side) -> bool {
    matches!(side.direction, BondDirection::Up | BondDirection::Down)
}

/// Gives an unmarked neighbour the direction opposite to the marked one.
fn complete(sides: &mut Vec<Side>, ranks: &[u32]) {
    let equal = |sides: &[Side]| {
        sides.len() == 2 && ranks[sides[0].atom as usize] == ranks[sides[1].atom as usize]
    };
    if !sides.iter().copied().any(is_marked) || equal(sides) {
        sides.clear();
    } else if let [first, second] = &mut sides[..] {
        if !is_marked(*first) {
            first.direction = second.direction.reversed();
        } else if !is_marked(*second) {
            second.direction = first.direction.reversed();
        }
    }
}

/// As [`sides`], from a geometry that the input states.
fn known_sides(
    draft: &Draft,
    double: usize,
    (atoms, same_side): ([u32; 2], bool),
    ranks: &[u32],
) -> [Vec<Side>; 2] {
    let bond = &draft.bonds[double];
    let directions = [
        BondDirection::Up,
        if same_side {
            BondDirection::Up
        } else {
            BondDirection::Down
        },
    ];
    let mut index = 0;
    [bond.begin, bond.end].map(|end| {
        let (marked, direction) = (atoms[index], directions[index]);
        index += 1;
        let mut sides: Vec<Side> = draft
            .adjacency
            .of(end as usize)
            .iter()
            .filter(|link| link.bond as usize != double)
            .map(|link| Side {
                atom: link.atom,
                direction: if link.atom == marked {
                    direction
                } else {
                    BondDirection::None
                },
            })
            .collect();
        complete(&mut sides, ranks);
        sides
    })
}
