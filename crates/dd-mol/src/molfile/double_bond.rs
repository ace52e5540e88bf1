//! Double-bond geometry from positions in the plane or in space.

use super::ctab::{Ctab, Wedge};
use crate::adjacency::Adjacency;
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
pub(super) fn geometry(ctab: &Ctab, adjacency: &Adjacency, index: usize) -> Option<Geometry> {
    let bond = ctab.bonds[index];
    if bond.order != BondOrder::Double {
        return None;
    }
    if bond.wedge == Wedge::Crossed {
        return Some(Geometry::UNKNOWN);
    }
    let ends = [bond.begin, bond.end];
    if ends.iter().any(|&end| adjacency.degree(end) < 2) || in_small_ring(adjacency, index, ends) {
        return None;
    }
    let mut references = [0; 2];
    let mut sides = [[0.0; 3]; 2];
    for end in 0..2 {
        let (atom, opposite) = (ends[end], ends[1 - end]);
        let steps = adjacency.neighbors(atom).iter();
        let singles = steps.filter(|step| {
            let order = ctab.bonds[step.bond].order;
            step.bond != index && matches!(order, BondOrder::Single | BondOrder::Aromatic)
        });
        let mut singles: Vec<_> = singles.collect();
        if singles.is_empty() {
            return None;
        }
        if singles
            .iter()
            .any(|step| ctab.bonds[step.bond].wedge == Wedge::Wavy)
        {
            return Some(Geometry::UNKNOWN);
        }
        // Heavy substituents first: they stay when hydrogens are merged.
        singles.sort_by_key(|step| ctab.atoms[step.atom].spec.atomic_number == 1);
        let position = |atom: usize| ctab.atoms[atom].position;
        let axis = sub(position(opposite), position(atom));
        let bent = singles
            .iter()
            .map(|step| (step.atom, sub(position(step.atom), position(atom))))
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

/// Whether the ends are joined by another path short enough to close a rigid ring.
fn in_small_ring(adjacency: &Adjacency, bond: usize, [from, to]: [usize; 2]) -> bool {
    let mut seen = vec![from];
    let mut shell = vec![from];
    for _ in 1..LARGEST_RIGID_RING {
        let mut next = Vec::new();
        for &atom in &shell {
            for step in adjacency.neighbors(atom) {
                if step.bond == bond || seen.contains(&step.atom) {
                    continue;
                }
                if step.atom == to {
                    return true;
                }
                seen.push(step.atom);
                next.push(step.atom);
            }
        }
        shell = next;
    }
    false
}
