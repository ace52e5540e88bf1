//! Double-bond geometry as the drawing has to show it.

use super::plane::Point;
use crate::Molecule;
use crate::molecule::BondStereo;

/// Sine of the smallest angle between a double bond and the bonds beside it.
const SEEN: f64 = 0.3;

/// A double bond, one neighbour beside each end, and whether these share a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) bond: [usize; 2],
    pub(super) beside: [usize; 2],
    pub(super) same_side: bool,
}

impl Geometry {
    /// Whether the points show it, well enough to be seen.
    pub(super) fn holds(&self, points: &[Point]) -> bool {
        let [a, b] = self.bond.map(|atom| points[atom]);
        let axis = (b - a).unit();
        let side = |of: usize, end: Point| axis.cross((points[of] - end).unit());
        let (x, y) = (side(self.beside[0], a), side(self.beside[1], b));
        x.abs().min(y.abs()) > SEEN && (x * y > 0.0) == self.same_side
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
