//! Double-bond geometry as the drawing has to show it.

use super::plane::Point;
use crate::Molecule;
use crate::molecule::BondStereo;

/// A double bond, one neighbour beside each end, and whether these share a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) bond: [usize; 2],
    pub(super) beside: [usize; 2],
    pub(super) same_side: bool,
}

impl Geometry {
    /// Whether the points show it.
    pub(super) fn holds(&self, points: &[Point]) -> bool {
        let [a, b] = self.bond.map(|atom| points[atom]);
        let side = |of: usize| (b - a).cross(points[of] - a);
        let [x, y] = self.beside.map(side);
        x * y != 0.0 && (x * y > 0.0) == self.same_side
    }

    /// The same geometry told by two other neighbours, one at a time: a double bond has
    /// two on each end at most, on opposite sides.
    pub(super) fn told_by(mut self, beside: [usize; 2]) -> Self {
        for (old, new) in self.beside.iter_mut().zip(beside) {
            if *old != new {
                *old = new;
                self.same_side = !self.same_side;
            }
        }
        self
    }
}

/// All geometries that a molecule states, in bond order.
pub(super) fn stated(molecule: &Molecule) -> Vec<Geometry> {
    molecule
        .bonds()
        .filter_map(|bond| {
            let same_side = match bond.bond.stereo {
                BondStereo::Z | BondStereo::Cis => true,
                BondStereo::E | BondStereo::Trans => false,
                _ => return None,
            };
            Some(Geometry {
                bond: [bond.begin, bond.end],
                beside: bond.bond.stereo_atoms?.map(|atom| atom as usize),
                same_side,
            })
        })
        .collect()
}
