//! Rings joined to rings: each next ring is hung on the outside of what is drawn.

use std::f64::consts::{PI, TAU};

use super::block::Block;
use super::macrocycle::{LARGEST_REGULAR, Outline, regular};
use super::plane::{Point, largest_gap};

/// A block with positions, exact where all rings are regular polygons that fit.
pub(super) struct Fused {
    pub(super) points: Vec<Point>,
    /// Turn at each atom of the large rings, `(ring, turns)`.
    pub(super) large: Vec<(usize, Vec<f64>)>,
}

/// Places the rings of a block one after another. `outline` tells what is asked of a ring.
pub(super) fn fuse(block: &Block, outline: impl Fn(&[usize]) -> Outline) -> Fused {
    let mut drawing = Drawing {
        points: vec![Point::default(); block.len()],
        placed: vec![false; block.len()],
        clockwise: vec![None; block.rings.len()],
        rings_of_atom: vec![Vec::new(); block.len()],
        block,
    };
    for (index, ring) in block.rings.iter().enumerate() {
        for &atom in ring {
            drawing.rings_of_atom[atom].push(index);
        }
    }
    let mut large = Vec::new();
    let mut shared = vec![0_usize; block.rings.len()];
    let mut waiting: Vec<usize> = (0..block.rings.len()).collect();
    while !waiting.is_empty() {
        let first = waiting.len() == block.rings.len();
        let best = if first {
            drawing.start()
        } else {
            // Rings that close a bay come before rings that only share one bond.
            let most = waiting.iter().enumerate().max_by_key(|&(at, &ring)| {
                let size = block.rings[ring].len();
                (shared[ring], std::cmp::Reverse(size), std::cmp::Reverse(at))
            });
            most.map_or(0, |(at, _)| at)
        };
        let index = waiting.remove(best);
        let ring = &block.rings[index];
        if ring.len() > LARGEST_REGULAR {
            let (points, turns) = outline(ring).points();
            if first {
                drawing.set(ring, &points);
            }
            large.push((index, turns));
        } else if first {
            drawing.set(ring, &regular(ring.len()));
        }
        if !first {
            drawing.attach(index);
        }
        drawing.clockwise[index] = Some(drawing.area(ring) < 0.0);
        for &atom in ring {
            for &other in &drawing.rings_of_atom[atom] {
                shared[other] += 1;
            }
        }
    }
    Fused {
        points: drawing.points,
        large,
    }
}

struct Drawing<'a> {
    block: &'a Block,
    points: Vec<Point>,
    placed: Vec<bool>,
    /// Sense of the stored order of each ring that is drawn.
    clockwise: Vec<Option<bool>>,
    rings_of_atom: Vec<Vec<usize>>,
}

impl Drawing<'_> {
    /// The ring to begin with: a large one, else the one with most neighbours.
    fn start(&self) -> usize {
        let rings = &self.block.rings;
        let last = rings.len() - 1;
        if rings[last].len() > LARGEST_REGULAR {
            return last;
        }
        let mut best = (0, 0);
        for (index, ring) in rings.iter().enumerate() {
            let touched = ring
                .iter()
                .map(|&atom| self.rings_of_atom[atom].len())
                .sum::<usize>();
            if touched > best.1 {
                best = (index, touched);
            }
        }
        best.0
    }

    fn set(&mut self, ring: &[usize], points: &[Point]) {
        for (&atom, &point) in ring.iter().zip(points) {
            self.points[atom] = point;
            self.placed[atom] = true;
        }
    }

    /// Twice the signed area; negative when the ring runs clockwise.
    fn area(&self, ring: &[usize]) -> f64 {
        (0..ring.len())
            .map(|at| self.points[ring[at]].cross(self.points[ring[(at + 1) % ring.len()]]))
            .sum()
    }

    /// Draws the missing atoms of a ring outside of the rings that it shares bonds with.
    fn attach(&mut self, index: usize) {
        let block = self.block;
        let ring = &block.rings[index];
        let count = ring.len();
        let Some(start) = (0..count).find(|&at| self.placed[ring[at]]) else {
            return self.set(ring, &regular(count));
        };
        let clockwise = self.sense(ring);
        let ring: Vec<usize> = (0..=count).map(|at| ring[(start + at) % count]).collect();
        let mut at = 0;
        while at < count {
            if self.placed[ring[at + 1]] {
                at += 1;
                continue;
            }
            let end = (at + 1..=count)
                .find(|&to| self.placed[ring[to]])
                .unwrap_or(count);
            let missing = &ring[at + 1..end];
            let arc = if ring[at] == ring[end] {
                self.hung(ring[at], missing.len())
            } else {
                let bulge = if clockwise { 1.0 } else { -1.0 };
                arc(
                    self.points[ring[at]],
                    self.points[ring[end]],
                    missing.len(),
                    bulge,
                )
            };
            self.set(missing, &arc);
            at = end;
        }
    }

    /// Whether a new ring runs clockwise when it lies outside of its drawn neighbour.
    fn sense(&self, ring: &[usize]) -> bool {
        for (at, &atom) in ring.iter().enumerate() {
            let next = ring[(at + 1) % ring.len()];
            for &other in &self.rings_of_atom[atom] {
                let Some(clockwise) = self.clockwise[other] else {
                    continue;
                };
                let drawn = &self.block.rings[other];
                let place = drawn.iter().position(|&a| a == atom).unwrap_or(0);
                if drawn[(place + 1) % drawn.len()] == next {
                    return !clockwise;
                }
                if drawn[(place + drawn.len() - 1) % drawn.len()] == next {
                    return clockwise;
                }
            }
        }
        false
    }

    /// A polygon that hangs on one atom.
    fn hung(&self, atom: usize, missing: usize) -> Vec<Point> {
        let at = self.points[atom];
        let neighbors = self.block.neighbors[atom].iter();
        let drawn = neighbors.filter(|&&other| self.placed[other]);
        let (start, width) = largest_gap(drawn.map(|&other| self.points[other] - at));
        let polygon = regular(missing + 1);
        let turn = start + width / 2.0 + PI / 2.0;
        let middle = at - polygon[0].rotated(turn);
        polygon[1..]
            .iter()
            .map(|point| middle + point.rotated(turn))
            .collect()
    }
}

/// `count` points between `from` and `to` on a circle, bond length 1 where they reach;
/// the arc lies to the left of the line for a positive `bulge`, else to its right.
fn arc(from: Point, to: Point, count: usize, bulge: f64) -> Vec<Point> {
    let chord = (to - from).length();
    let bonds = count as f64 + 1.0;
    if chord >= bonds - 1e-6 {
        let step = (to - from) * (1.0 / bonds);
        return (1..=count)
            .map(|index| from + step * index as f64)
            .collect();
    }
    // The turn per bond: the chord over all bonds shrinks as it grows.
    let (mut low, mut high) = (1e-9, TAU / bonds);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let reach = (bonds * middle / 2.0).sin() / (middle / 2.0).sin();
        if reach > chord {
            low = middle;
        } else {
            high = middle;
        }
    }
    let turn = f64::midpoint(low, high);
    let heading = (to - from).angle() + bulge * (bonds - 1.0) * turn / 2.0;
    let mut at = from;
    (0..count)
        .map(|index| {
            at = at + Point::at_angle(heading - bulge * turn * index as f64);
            at
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arc_over_one_bond_completes_the_hexagon() {
        let arc = arc(Point::new(0.0, 0.0), Point::new(1.0, 0.0), 4, -1.0);
        let height = 3_f64.sqrt();
        assert!((arc[1] - Point::new(0.0, -height)).length() < 1e-9);
        assert!((arc[3] - Point::new(1.5, -height / 2.0)).length() < 1e-9);
    }
}
