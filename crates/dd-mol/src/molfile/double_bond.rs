//! Double-bond geometry from positions in the plane or in space.

use super::ctab::{Ctab, Wedge};
use crate::adjacency::{Adjacency, Neighbor};
use crate::molecule::{BondOrder, BondStereo};
use crate::vector::{Vector, dot, norm_squared, sub};

/// Double bonds in rings up to this size have no geometry of their own.
const LARGEST_RIGID_RING: usize = 7;
/// Cosine of 178 degrees: straighter arrangements have no sides.
const STRAIGHT: f64 = -0.999_388;

/// What the coordinates say of one double bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) stereo: BondStereo,
    pub(super) stereo_atoms: Option<[u32; 2]>,
}

impl Geometry {
    const UNKNOWN: Self = Self {
        stereo: BondStereo::Any,
        stereo_atoms: None,
    };
}

/// The geometry of bond `index`; `None` for bonds that cannot have one.
pub(super) fn geometry(
    ctab: &Ctab,
    adjacency: &Adjacency,
    rings: &mut SmallRings,
    index: usize,
) -> Option<Geometry> {
    let bond = ctab.bonds[index];
    if bond.order != BondOrder::Double {
        return None;
    }
    let ends = [bond.begin, bond.end];
    if ends.iter().any(|&end| adjacency.degree(end) < 2) {
        return None;
    }
    if ctab.wedges[index] == Wedge::Crossed {
        return Some(Geometry::UNKNOWN);
    }
    if rings.close(ctab, adjacency, index, ends) {
        return None;
    }
    let single = |step: &&Neighbor| {
        let order = ctab.bonds[step.bond].order;
        step.bond != index && matches!(order, BondOrder::Single | BondOrder::Aromatic)
    };
    let singles = |end: usize| adjacency.neighbors(end).iter().filter(single);
    // As in RDKit, a wavy bond at the begin atom says enough, also beside a cumulene.
    for end in ends {
        singles(end).next()?;
        if singles(end).any(|step| ctab.wedges[step.bond] == Wedge::Wavy) {
            return Some(Geometry::UNKNOWN);
        }
    }
    let mut references = [0; 2];
    let mut sides = [[0.0; 3]; 2];
    for end in 0..2 {
        let (atom, opposite) = (ends[end], ends[1 - end]);
        let axis = sub(ctab.positions[opposite], ctab.positions[atom]);
        let is_hydrogen = |step: &&Neighbor| ctab.atoms[step.atom].atomic_number == 1;
        // Heavy substituents first: they stay when hydrogens are merged.
        let heavy = singles(atom).filter(|step| !is_hydrogen(step));
        let bent = heavy
            .chain(singles(atom).filter(is_hydrogen))
            .map(|step| {
                (
                    step.atom,
                    sub(ctab.positions[step.atom], ctab.positions[atom]),
                )
            })
            .find(|&(_, arm)| !is_straight(arm, axis));
        let Some((reference, arm)) = bent else {
            return Some(Geometry::UNKNOWN);
        };
        references[end] = reference as u32;
        sides[end] = across(arm, axis);
    }
    let trans = dot(sides[0], sides[1]) <= 0.0;
    Some(Geometry {
        stereo: if trans {
            BondStereo::Trans
        } else {
            BondStereo::Cis
        },
        stereo_atoms: Some(references),
    })
}

/// The part of `arm` that is perpendicular to `axis`.
fn across(arm: Vector, axis: Vector) -> Vector {
    let along = dot(arm, axis) / norm_squared(axis);
    sub(arm, axis.map(|x| along * x))
}

/// Opposite directions within two degrees; zero lengths count as straight.
fn is_straight(a: Vector, b: Vector) -> bool {
    let size = norm_squared(a) * norm_squared(b);
    size < 1e-6 || dot(a, b) < STRAIGHT * size.sqrt()
}

/// Search for short ways around a bond; keeps its memory from bond to bond.
#[derive(Debug, Default)]
pub(super) struct SmallRings {
    near: [Vec<usize>; 2],
}

impl SmallRings {
    /// Bonds from either end to the middle of the longest way around.
    const HALF_WAY: usize = (LARGEST_RIGID_RING - 1) / 2;

    /// Whether the ends are joined by another path short enough to close a rigid ring: then what is near one end, the bond
    /// aside, meets what is near the other.
    fn close(
        &mut self,
        ctab: &Ctab,
        adjacency: &Adjacency,
        bond: usize,
        [from, to]: [usize; 2],
    ) -> bool {
        let [here, there] = &mut self.near;
        // As in RDKit, dative bonds and those of order zero close no ring.
        let closes = |step: &Neighbor| {
            let order = ctab.bonds[step.bond].order;
            let is_end = adjacency.degree(step.atom) == 1;
            step.bond != bond && !is_end && !matches!(order, BondOrder::Dative | BondOrder::Zero)
        };
        here.clear();
        here.push(from);
        spread(here, adjacency, closes, &[]);
        there.clear();
        there.push(to);
        here.contains(&to) || spread(there, adjacency, closes, here)
    }
}

/// Adds the atoms within half the way of the first along bonds that count; stops with true at one of `others`.
fn spread(
    near: &mut Vec<usize>,
    adjacency: &Adjacency,
    counts: impl Fn(&Neighbor) -> bool,
    others: &[usize],
) -> bool {
    let mut shell = 0;
    for _ in 0..SmallRings::HALF_WAY {
        let end = near.len();
        for place in shell..end {
            for step in adjacency.neighbors(near[place]) {
                if !counts(step) || near.contains(&step.atom) {
                    continue;
                }
                if others.contains(&step.atom) {
                    return true;
                }
                near.push(step.atom);
            }
        }
        shell = end;
    }
    false
}
