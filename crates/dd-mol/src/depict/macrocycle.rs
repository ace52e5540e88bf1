//! The outline of a ring: a regular polygon, or with dents where geometry asks for them.
//!
//! Walking round a ring, every atom is a turn to the left (convex) or to the right (a
//! dent). The ring neighbours of a bond are on one side of it when both its atoms turn
//! the same way; so trans double bonds need a dent on one of their atoms.

use std::f64::consts::{FRAC_PI_3, PI, TAU};

use super::plane::{Point, centre};

/// Rings up to this size are regular polygons.
pub(super) const LARGEST_REGULAR: usize = 8;

/// What is asked of a ring of `n` atoms; bond `i` joins atoms `i` and `i + 1`.
pub(super) struct Outline {
    /// Geometry of each bond: `Some(true)` when its ring neighbours must be on one side.
    pub(super) same_side: Vec<Option<bool>>,
    /// Atoms that must be dents, with their turn in radians: middle atoms of a smaller
    /// ring that is fused outside over more than one bond.
    pub(super) forced: Vec<Option<f64>>,
    /// Atoms with something bound outside the ring, bad places for a dent.
    pub(super) occupied: Vec<bool>,
}

impl Outline {
    /// Corner points anticlockwise, bond length about 1, and the turn at each.
    pub(super) fn points(&self) -> (Vec<Point>, Vec<f64>) {
        let count = self.forced.len();
        let dents = self.dents();
        let taken: f64 = dents.iter().flatten().sum();
        let convex = dents.iter().filter(|dent| dent.is_none()).count();
        let turn = (TAU + taken) / convex.max(1) as f64;
        let turns: Vec<f64> = dents
            .iter()
            .map(|dent| dent.map_or(turn, |dent| -dent))
            .collect();
        let mut points = Vec::with_capacity(count);
        let (mut at, mut heading) = (Point::default(), 0.0);
        for turn in &turns {
            heading += turn;
            points.push(at);
            at = at + Point::at_angle(heading);
        }
        // What is missing to a closed line is shared by all bonds.
        for (index, point) in points.iter_mut().enumerate() {
            *point = *point - at * (index as f64 / count as f64);
        }
        let middle = centre(points.iter().copied());
        for point in &mut points {
            *point = *point - middle;
        }
        (points, turns)
    }

    /// The dents: the forced ones, and one atom of each trans bond.
    fn dents(&self) -> Vec<Option<f64>> {
        let count = self.forced.len();
        let mut dents = self.forced.clone();
        let mut settled: Vec<bool> = dents.iter().map(Option::is_some).collect();
        for (first, same_side) in self.same_side.iter().enumerate() {
            let second = (first + 1) % count;
            let Some(same_side) = *same_side else {
                continue;
            };
            let pair = [first, second];
            let fits = dents[first].is_some() != dents[second].is_some();
            if fits != same_side {
                pair.iter().for_each(|&atom| settled[atom] = true);
                continue;
            }
            let cost = |atom: usize| {
                let beside = [(atom + 1) % count, (atom + count - 1) % count];
                let dented = beside
                    .iter()
                    .filter(|&&other| dents[other].is_some())
                    .count();
                10 * usize::from(settled[atom]) + 3 * usize::from(self.occupied[atom]) + dented
            };
            // Equally good atoms alternate along the ring, so that dents do not crowd.
            let atom = if cost(second) < cost(first) {
                second
            } else {
                first
            };
            dents[atom] = match dents[atom] {
                None => Some(FRAC_PI_3),
                Some(_) => None,
            };
            pair.iter().for_each(|&atom| settled[atom] = true);
        }
        dents
    }
}

/// A regular polygon of bond length 1, anticlockwise, the first corner on top.
pub(super) fn regular(count: usize) -> Vec<Point> {
    let radius = 0.5 / (PI / count as f64).sin();
    (0..count)
        .map(|corner| Point::at_angle(PI / 2.0 + TAU * corner as f64 / count as f64) * radius)
        .collect()
}

/// Distance of the neighbours of a corner of a regular polygon of bond length 1.
pub(super) fn across_corner(count: usize) -> f64 {
    2.0 * (PI / count as f64).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(count: usize) -> Outline {
        Outline {
            same_side: vec![None; count],
            forced: vec![None; count],
            occupied: vec![false; count],
        }
    }

    #[test]
    fn without_wishes_the_outline_is_regular() {
        let (points, turns) = outline(14).points();
        assert!(turns.iter().all(|turn| (turn - TAU / 14.0).abs() < 1e-12));
        for index in 0..14 {
            let length = (points[(index + 1) % 14] - points[index]).length();
            assert!((length - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_trans_bond_has_one_dent_away_from_substituents() {
        let mut wishes = outline(12);
        wishes.same_side[3] = Some(false);
        wishes.occupied[3] = true;
        let dents = wishes.dents();
        assert_eq!(dents.iter().flatten().count(), 1);
        assert!(dents[4].is_some());
    }
}
