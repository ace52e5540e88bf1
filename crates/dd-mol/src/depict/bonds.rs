//! Bonds as lines: double bonds towards their ring, wedges, gaps at labels.

use std::collections::HashMap;

use super::canvas::Canvas;
use super::colour::INK;
use super::plane::{Point, centre};
use super::svg::BOND;
use super::wedges::{Wedge, wedges};
use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::molecule::{BondOrder, BondRef, BondStereo};

/// Width of lines, in pixels.
const STROKE: f64 = 1.6;
/// Distance between the lines of a double bond.
const DOUBLE: f64 = 0.17 * BOND;
/// Half of the wide end of a wedge.
const WIDE: f64 = 0.14 * BOND;
/// What is left free at both ends of the inner line of a double bond.
const SHORTER: f64 = 0.13;

/// Where the second line of a double bond lies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Second {
    /// On the side of this direction, shorter.
    Inside(Point),
    /// Both lines beside the axis.
    Both,
}

pub(super) struct BondPainter<'a> {
    molecule: &'a Molecule,
    adjacency: &'a Adjacency,
    orders: &'a [BondOrder],
    /// Positions in pixels.
    at: &'a [Point],
    wedges: HashMap<usize, Wedge>,
    /// Centre of the ring on whose side a bond's second line lies.
    inside: HashMap<usize, Point>,
}

impl<'a> BondPainter<'a> {
    pub(super) fn new(
        molecule: &'a Molecule,
        adjacency: &'a Adjacency,
        orders: &'a [BondOrder],
        places: &[Point],
        at: &'a [Point],
    ) -> Self {
        let (found, _) = wedges(molecule, adjacency, orders, places);
        Self {
            molecule,
            adjacency,
            orders,
            at,
            wedges: found.into_iter().map(|wedge| (wedge.bond, wedge)).collect(),
            inside: ring_sides(molecule, adjacency, orders, at),
        }
    }

    /// Paints all bonds; `covered` gives the corners of what an atom's label covers.
    pub(super) fn paint(&self, canvas: &mut Canvas, covered: impl Fn(usize) -> Vec<[Point; 2]>) {
        for bond in self.molecule.bonds() {
            let ends = [self.at[bond.begin], self.at[bond.end]];
            let gaps = [covered(bond.begin), covered(bond.end)];
            let clipped = |line: [Point; 2]| clip(line, &gaps);
            if let Some(wedge) = self.wedges.get(&bond.index) {
                let line = clipped(ends);
                let line = if wedge.centre == bond.begin {
                    line
                } else {
                    [line[1], line[0]]
                };
                paint_wedge(canvas, line, wedge.up);
                continue;
            }
            let across = left_of(ends) * DOUBLE;
            let mut line = |shift: f64, dash: Option<&str>| {
                let line = clipped(ends.map(|end| end + across * shift));
                canvas.line(line, INK, STROKE, dash);
            };
            match self.orders[bond.index] {
                BondOrder::Single => line(0.0, None),
                BondOrder::Double if bond.bond.stereo == BondStereo::Any => {
                    let [a, b] = ends;
                    for side in [0.5, -0.5] {
                        let crossed = clipped([a + across * side, b - across * side]);
                        canvas.line(crossed, INK, STROKE, None);
                    }
                }
                BondOrder::Double => match self.second(&bond) {
                    Second::Both => [0.5, -0.5].into_iter().for_each(|shift| line(shift, None)),
                    Second::Inside(side) => {
                        line(0.0, None);
                        canvas.line(clipped(shortened(ends, side * DOUBLE)), INK, STROKE, None);
                    }
                },
                BondOrder::Triple => [0.0, 0.9, -0.9]
                    .into_iter()
                    .for_each(|shift| line(shift, None)),
                BondOrder::Quadruple => {
                    [0.4, -0.4, 1.2, -1.2]
                        .into_iter()
                        .for_each(|shift| line(shift, None));
                }
                BondOrder::Aromatic => {
                    line(0.0, None);
                    let side = self.inside.get(&bond.index).copied().unwrap_or(ends[0]);
                    let side = towards(ends, side);
                    canvas.line(
                        clipped(shortened(ends, side * DOUBLE)),
                        INK,
                        STROKE,
                        Some("3 3"),
                    );
                }
                BondOrder::Dative => paint_arrow(canvas, clipped(ends)),
                BondOrder::Zero | BondOrder::Unspecified => line(0.0, Some("3 4")),
            }
        }
    }

    /// Where the second line goes: into the ring, else to the side with more neighbours,
    /// else both lines beside the axis (ends of chains, equal sides).
    fn second(&self, bond: &BondRef<'_>) -> Second {
        let ends = [self.at[bond.begin], self.at[bond.end]];
        if let Some(&centre) = self.inside.get(&bond.index) {
            return Second::Inside(towards(ends, centre));
        }
        let degrees = [bond.begin, bond.end].map(|atom| self.adjacency.degree(atom));
        if degrees.contains(&1) {
            return Second::Both;
        }
        let axis = left_of(ends);
        let mut balance = 0.0;
        for atom in [bond.begin, bond.end] {
            for step in self.adjacency.neighbors(atom) {
                let side = axis.dot((self.at[step.atom] - self.at[atom]).unit());
                if side.abs() > 0.2 {
                    balance += side.signum();
                }
            }
        }
        if balance == 0.0 && degrees.iter().all(|&degree| degree == 2) {
            // Trans: either side is good.
            return Second::Inside(axis);
        }
        if balance == 0.0 {
            Second::Both
        } else {
            Second::Inside(axis * f64::signum(balance))
        }
    }
}

/// For every double or aromatic bond in a ring the centre of the ring that it is drawn
/// into: one with many such bonds, then a small one.
fn ring_sides(
    molecule: &Molecule,
    adjacency: &Adjacency,
    orders: &[BondOrder],
    at: &[Point],
) -> HashMap<usize, Point> {
    let mut best: HashMap<usize, ((usize, usize), Point)> = HashMap::new();
    for ring in molecule.rings() {
        let next = |place: usize| ring[(place + 1) % ring.len()] as usize;
        let bonds: Vec<usize> = (0..ring.len())
            .filter_map(|place| {
                let steps = adjacency.neighbors(ring[place] as usize).iter();
                steps
                    .clone()
                    .find(|step| step.atom == next(place))
                    .map(|step| step.bond)
            })
            .filter(|&bond| matches!(orders[bond], BondOrder::Double | BondOrder::Aromatic))
            .collect();
        let worth = (bonds.len().min(3), usize::MAX - ring.len());
        let middle = centre(ring.iter().map(|&atom| at[atom as usize]));
        for bond in bonds {
            let entry = best.entry(bond).or_insert((worth, middle));
            if worth > entry.0 {
                *entry = (worth, middle);
            }
        }
    }
    best.into_iter()
        .map(|(bond, (_, middle))| (bond, middle))
        .collect()
}

/// The unit vector across a line, to its left on a plane with y upwards.
fn left_of([a, b]: [Point; 2]) -> Point {
    let along = (b - a).unit();
    Point::new(-along.y, along.x)
}

/// The unit vector across a line on the side of `point`.
fn towards(line: [Point; 2], point: Point) -> Point {
    let left = left_of(line);
    if left.dot(point - line[0]) < 0.0 {
        left * -1.0
    } else {
        left
    }
}

fn shortened([a, b]: [Point; 2], shift: Point) -> [Point; 2] {
    let inset = (b - a) * SHORTER;
    [a + shift + inset, b + shift - inset]
}

/// The part of a line outside of what the labels at its ends cover.
fn clip([a, b]: [Point; 2], gaps: &[Vec<[Point; 2]>; 2]) -> [Point; 2] {
    const STEPS: usize = 48;
    let inside = |point: Point, rectangles: &[[Point; 2]]| {
        rectangles.iter().any(|[low, high]| {
            (low.x..=high.x).contains(&point.x) && (low.y..=high.y).contains(&point.y)
        })
    };
    let free = |from: Point, to: Point, rectangles: &[[Point; 2]]| {
        let step = (to - from) * (0.8 / STEPS as f64);
        let mut last = None;
        for index in 0..=STEPS {
            if inside(from + step * index as f64, rectangles) {
                last = Some(index);
            }
        }
        last.map_or(from, |index| from + step * (index as f64 + 1.0))
    };
    [free(a, b, &gaps[0]), free(b, a, &gaps[1])]
}

/// A wedge from its narrow to its wide end.
fn paint_wedge(canvas: &mut Canvas, [from, to]: [Point; 2], up: bool) {
    let across = left_of([from, to]) * WIDE;
    if up {
        canvas.polygon(&[from, to + across, to - across], INK);
        return;
    }
    let count = (((to - from).length() / 4.0).round() as usize).max(4);
    for index in 0..count {
        let share = (index as f64 + 0.6) / (count as f64 - 0.4);
        let middle = from + (to - from) * share;
        let half = across * (0.12 + 0.88 * share);
        canvas.line([middle + half, middle - half], INK, 1.4, None);
    }
}

/// A dative bond: an arrow to the acceptor.
fn paint_arrow(canvas: &mut Canvas, [from, to]: [Point; 2]) {
    let along = (to - from).unit();
    let neck = to - along * 7.0;
    let across = left_of([from, to]) * 3.5;
    canvas.line([from, neck], INK, STROKE, None);
    canvas.polygon(&[to, neck + across, neck - across], INK);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stop_at_labels() {
        let label = [Point::new(-5.0, -5.0), Point::new(5.0, 5.0)];
        let line = [Point::default(), Point::new(20.0, 0.0)];
        let [from, to] = clip(line, &[vec![label], vec![]]);
        assert!(from.x > 5.0 && from.x < 5.6 && to.x == 20.0);
    }
}
