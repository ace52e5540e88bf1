//! Ring blocks that no regular polygons fit: springs pull them into shape.
//!
//! Starting points are the drawing ring by ring and barycentric drawings with different
//! rings outside (Tutte, doi:10.1112/plms/s3-13.1.743), which have no crossing bonds; the
//! result with the lowest faults is kept.

use super::block::Block;
use super::fuse::{Fused, fuse};
use super::geometry::Geometry;
use super::macrocycle::{LARGEST_REGULAR, Outline, across_corner, regular};
use super::plane::{Point, centre, cross_each_other, distance_to_segment, largest_gap};

/// Larger blocks stay as they are fused.
const LARGEST_RELAXED: usize = 400;
/// Barycentric drawings that are tried.
const OUTLINES: usize = 8;
/// Steps of one relaxation.
const STEPS: usize = 400;
/// Atoms that are not neighbours keep this distance.
const APART: f64 = 1.5;
/// Atoms keep this distance from bonds that are not theirs.
const OFF_BOND: f64 = 0.6;
/// Comparisons of one relaxation, which limit its steps.
const WORK: usize = 3_000_000;
/// Only one outline is tried for larger blocks.
const LARGEST_TURNED: usize = 60;
/// What two crossing bonds count.
const CROSSING: f64 = 20.0;
/// Faults below this are not worth another attempt.
const FLAWLESS: f64 = 0.02;

/// Coordinates of the block's atoms, bond length about 1; `occupied` atoms have something
/// bound outside the block.
pub(super) fn layout(
    block: &Block,
    geometries: &[Geometry],
    occupied: &[bool],
    outline: impl Fn(&[usize]) -> Outline,
) -> Vec<Point> {
    let fused = fuse(block, outline);
    let springs = Springs::new(block, &fused, geometries, occupied);
    let mut best = (springs.faults(&fused.points), fused.points.clone());
    if best.0 < FLAWLESS || block.len() > LARGEST_RELAXED {
        return best.1;
    }
    let mut consider = |points: Vec<Point>| {
        let points = springs.relaxed(points);
        let faults = springs.faults(&points);
        if faults < best.0 - 1e-9 {
            best = (faults, points);
        }
        best.0
    };
    if consider(fused.points) < FLAWLESS {
        return best.1;
    }
    let outlines = if block.len() > LARGEST_TURNED {
        1
    } else {
        OUTLINES
    };
    for ring in block.outlines().into_iter().take(outlines) {
        if consider(barycentric(block, &ring)) < FLAWLESS {
            break;
        }
    }
    best.1
}

/// `ring` as a polygon, every other atom in the middle of its neighbours.
fn barycentric(block: &Block, ring: &[usize]) -> Vec<Point> {
    let mut points = vec![Point::default(); block.len()];
    let mut fixed = vec![false; block.len()];
    for (&atom, corner) in ring.iter().zip(regular(ring.len())) {
        points[atom] = corner;
        fixed[atom] = true;
    }
    for _ in 0..200 {
        for atom in (0..block.len()).filter(|&atom| !fixed[atom]) {
            let neighbors = &block.neighbors[atom];
            points[atom] = centre(neighbors.iter().map(|&other| points[other]));
        }
    }
    // Off the straight lines on which forces would cancel.
    for atom in (0..block.len()).filter(|&atom| !fixed[atom]) {
        points[atom] = points[atom] + Point::at_angle(2.4 * atom as f64) * 0.02;
    }
    points
}

struct Springs<'a> {
    block: &'a Block,
    /// Atoms two bonds apart with their distance and how much it matters.
    angles: Vec<(usize, usize, f64, f64)>,
    /// For each atom the atoms that repulsion leaves out.
    near: Vec<Vec<usize>>,
    geometries: &'a [Geometry],
    occupied: &'a [bool],
}

impl<'a> Springs<'a> {
    fn new(
        block: &'a Block,
        fused: &Fused,
        geometries: &'a [Geometry],
        occupied: &'a [bool],
    ) -> Self {
        let mut angles = Vec::new();
        let mut near = block.neighbors.clone();
        for (index, ring) in block.rings.iter().enumerate() {
            let count = ring.len();
            let turns = fused.large.iter().find(|(of, _)| *of == index);
            for at in 0..count {
                let (a, b) = (ring[at], ring[(at + 2) % count]);
                let (distance, weight) = match turns {
                    Some((_, turns)) => (2.0 * (turns[(at + 1) % count] / 2.0).cos(), 0.3),
                    None if count <= LARGEST_REGULAR => (across_corner(count), 0.6),
                    None => (across_corner(count), 0.1),
                };
                if count > 3 && block.bond(a, b).is_none() {
                    angles.push((a, b, distance, weight));
                    near[a].push(b);
                    near[b].push(a);
                }
            }
        }
        Self {
            block,
            angles,
            near,
            geometries,
            occupied,
        }
    }

    /// Follows the forces until little moves.
    fn relaxed(&self, mut points: Vec<Point>) -> Vec<Point> {
        let count = points.len();
        let mut forces = vec![Point::default(); count];
        let mut kept = (f64::INFINITY, points.clone());
        let steps = STEPS.min(WORK / (count * self.block.bonds.len()).max(1));
        for step in 0..steps {
            forces.fill(Point::default());
            let mut pull = |a: usize, b: usize, wanted: f64, weight: f64| {
                let apart = points[b] - points[a];
                let force = apart.unit() * (weight * (apart.length() - wanted));
                forces[a] = forces[a] + force;
                forces[b] = forces[b] - force;
            };
            for &[a, b] in &self.block.bonds {
                pull(a, b, 1.0, 1.0);
            }
            for &(a, b, wanted, weight) in &self.angles {
                pull(a, b, wanted, weight);
            }
            for a in 0..count {
                for b in a + 1..count {
                    let (dx, dy) = (points[a].x - points[b].x, points[a].y - points[b].y);
                    if dx * dx + dy * dy < APART * APART && !self.near[a].contains(&b) {
                        pull(a, b, APART, 0.3);
                    }
                }
            }
            self.push_off_bonds(&points, &mut forces);
            let largest = forces
                .iter()
                .map(|force| force.length())
                .fold(0.0, f64::max);
            if largest < 1e-4 {
                break;
            }
            let rate = (0.1 / largest).min(0.3);
            for (point, force) in points.iter_mut().zip(&forces) {
                *point = *point + *force * rate;
            }
            if step % 20 == 19 {
                let faults = self.faults(&points);
                if faults < kept.0 {
                    kept = (faults, points.clone());
                }
            }
        }
        if self.faults(&points) < kept.0 {
            points
        } else {
            kept.1
        }
    }

    /// Keeps atoms off the bonds of others, so that nothing comes to cross.
    fn push_off_bonds(&self, points: &[Point], forces: &mut [Point]) {
        for &[a, b] in &self.block.bonds {
            let along = points[b] - points[a];
            let squared = along.dot(along).max(1e-9);
            for (atom, &point) in points.iter().enumerate() {
                let share = (point - points[a]).dot(along) / squared;
                if atom == a || atom == b || !(0.0..=1.0).contains(&share) {
                    continue;
                }
                let away = point - (points[a] + along * share);
                let distance = away.length();
                if distance < OFF_BOND && distance > 1e-6 {
                    let force = away * (2.0 * (OFF_BOND - distance) / distance);
                    forces[atom] = forces[atom] + force;
                    forces[a] = forces[a] - force * (1.0 - share);
                    forces[b] = forces[b] - force * share;
                }
            }
        }
    }

    /// What a reader would object to: crossings, wrong geometries, atoms on atoms or on
    /// bonds, uneven bonds and angles.
    fn faults(&self, points: &[Point]) -> f64 {
        let bonds = &self.block.bonds;
        let segment = |bond: &[usize; 2]| bond.map(|atom| points[atom]);
        let mut faults = 0.0;
        for (index, first) in bonds.iter().enumerate() {
            let length = (points[first[0]] - points[first[1]]).length();
            faults += (length - 1.0).powi(2) + 8.0 * (0.6 - length).max(0.0);
            for second in &bonds[index + 1..] {
                let touching = first.iter().any(|atom| second.contains(atom));
                if !touching && cross_each_other(segment(first), segment(second)) {
                    faults += CROSSING;
                }
            }
        }
        for &(a, b, wanted, weight) in &self.angles {
            faults += 0.5 * weight * ((points[a] - points[b]).length() - wanted).powi(2);
        }
        for (atom, &point) in points.iter().enumerate() {
            for other in &points[atom + 1..] {
                faults += 16.0 * (0.7 - (point - *other).length()).max(0.0);
            }
            for bond in bonds.iter().filter(|bond| !bond.contains(&atom)) {
                faults += 16.0 * (0.35 - distance_to_segment(point, segment(bond))).max(0.0);
            }
        }
        let leaving = (0..points.len()).filter(|&atom| self.occupied[atom]);
        faults += leaving.map(|atom| self.blocked(points, atom)).sum::<f64>();
        let wrong = self
            .geometries
            .iter()
            .filter(|geometry| !geometry.holds(points));
        faults + 50.0 * wrong.count() as f64
    }

    /// How badly the block is in the way of a bond that leaves it at an atom.
    fn blocked(&self, points: &[Point], atom: usize) -> f64 {
        let from = points[atom];
        let neighbors = self.block.neighbors[atom].iter();
        let (start, gap) = largest_gap(neighbors.map(|&other| points[other] - from));
        let bond = [from, from + Point::at_angle(start + gap / 2.0)];
        let others = self.block.bonds.iter().filter(|ends| !ends.contains(&atom));
        let crossed = others.filter(|ends| cross_each_other(bond, ends.map(|end| points[end])));
        let near = points
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != atom);
        let crowd = near.map(|(_, &point)| (0.9 - (point - bond[1]).length()).max(0.0));
        CROSSING * crossed.count() as f64 + 4.0 * crowd.sum::<f64>()
    }
}
