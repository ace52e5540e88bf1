//! Points of the drawing plane.

use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};

/// A point or a vector; x to the right, y upwards, in bond lengths.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    pub(super) fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The unit vector at an angle, in radians anticlockwise from the x axis.
    pub(super) fn at_angle(angle: f64) -> Self {
        Self::new(angle.cos(), angle.sin())
    }

    pub(super) fn angle(self) -> f64 {
        self.y.atan2(self.x)
    }

    pub(super) fn length(self) -> f64 {
        // Not `hypot`, which guards against overflow at several times the cost.
        (self.x * self.x + self.y * self.y).sqrt()
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// Positive when `other` lies to the left of this vector.
    pub(super) fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    /// The same direction with length 1; zero stays zero.
    pub(super) fn unit(self) -> Self {
        let length = self.length();
        if length > 0.0 {
            self * (1.0 / length)
        } else {
            self
        }
    }

    pub(super) fn rotated(self, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self::new(cos * self.x - sin * self.y, sin * self.x + cos * self.y)
    }

    /// The mirror image in the line through the origin along the unit vector `axis`.
    pub(super) fn reflected(self, axis: Self) -> Self {
        axis * (2.0 * self.dot(axis)) - self
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// The centre of some points.
pub(super) fn centre(points: impl ExactSizeIterator<Item = Point>) -> Point {
    let count = points.len().max(1) as f64;
    points.fold(Point::default(), Add::add) * (1.0 / count)
}

/// Whether two segments cross at a point inside both.
pub(super) fn cross_each_other([a, b]: [Point; 2], [c, d]: [Point; 2]) -> bool {
    const TOUCH: f64 = 1e-9;
    let (ab, cd) = (b - a, d - c);
    ab.cross(c - a) * ab.cross(d - a) < -TOUCH && cd.cross(a - c) * cd.cross(b - c) < -TOUCH
}

/// Distance of `point` from the segment between two points.
pub(super) fn distance_to_segment(point: Point, [a, b]: [Point; 2]) -> f64 {
    let ab = b - a;
    let along = (point - a).dot(ab) / ab.dot(ab).max(1e-12);
    (point - (a + ab * along.clamp(0.0, 1.0))).length()
}

/// The largest angle without a direction in it: where it begins (anticlockwise) and its width.
pub(super) fn largest_gap(directions: impl Iterator<Item = Point>) -> (f64, f64) {
    let mut angles: Vec<f64> = directions.map(Point::angle).collect();
    angles.sort_by(f64::total_cmp);
    let Some((&first, &last)) = angles.first().zip(angles.last()) else {
        return (0.0, TAU);
    };
    let mut best = (last, first + TAU - last);
    for pair in angles.windows(2) {
        if pair[1] - pair[0] > best.1 + 1e-9 {
            best = (pair[0], pair[1] - pair[0]);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        let at = Point::new;
        let diagonal = [at(0.0, 0.0), at(1.0, 1.0)];
        assert!(cross_each_other(diagonal, [at(0.0, 1.0), at(1.0, 0.0)]));
        assert!(!cross_each_other(diagonal, [at(1.0, 1.0), at(2.0, 0.0)]));
        assert!((distance_to_segment(at(2.0, 2.0), diagonal) - 2_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn gaps() {
        let directions = [0.0, 1.0, 2.0].map(Point::at_angle);
        let (start, width) = largest_gap(directions.into_iter());
        assert!((start - 2.0).abs() < 1e-12 && (width - (TAU - 2.0)).abs() < 1e-12);
        assert_eq!(largest_gap(std::iter::empty()).1, TAU);
    }
}
