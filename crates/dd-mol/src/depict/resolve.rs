//! Overlaps undone: limbs are flipped, turned, exchanged or stretched until nothing collides.

use std::f64::consts::PI;

use super::clash::{Clashes, Weights};
use super::limbs::Limbs;
use super::plane::Point;
use super::sketch::Sketch;

/// Pairs of atoms that one fragment may compare, a fraction of a second.
const WORK: usize = 10_000_000;
/// Moves that are made at most.
const ROUNDS: usize = 200;
/// What the search for collisions costs per atom, in comparisons.
const SEARCH: usize = 50;
/// Limbs that are tried against one collision.
const CANDIDATES: usize = 40;
/// Limbs of which two are flipped at a time.
const PAIRED: usize = 12;
/// Collisions that are looked at before the best move is made.
const LOOKED_AT: usize = 4;
/// An improvement smaller than this is none.
const LEAST: f64 = 1e-3;

/// A change of one limb.
#[derive(Debug, Clone, Copy)]
enum Move {
    Flip(usize),
    /// By an angle, about the pivot.
    Turn(usize, f64),
    /// Away from the pivot, by a part of a bond length.
    Stretch(usize, f64),
    /// Two limbs of one pivot change places.
    Exchange(usize, usize),
}

/// Moves limbs until no atoms or bonds collide, or no move helps.
pub(super) fn resolve(sketch: &mut Sketch<'_>, limbs: &Limbs) {
    let parents = parents(limbs);
    let mut resolver = Resolver {
        clashes: Clashes::new(sketch, limbs),
        hopeless: Vec::new(),
        work: WORK,
        limbs,
        parents,
    };
    for _ in 0..ROUNDS {
        resolver.work = resolver.work.saturating_sub(SEARCH * limbs.order.len());
        let conflicts = resolver.clashes.find(&sketch.points);
        let open: Vec<[usize; 2]> = conflicts
            .into_iter()
            .filter(|conflict| !resolver.hopeless.contains(conflict))
            .take(LOOKED_AT)
            .collect();
        if open.is_empty() || resolver.work == 0 {
            break;
        }
        let candidates = resolver.between(&open);
        match resolver.best(sketch, &candidates) {
            Some(moves) => moves
                .iter()
                .for_each(|&change| resolver.apply(sketch, change)),
            None => resolver.hopeless.extend(open),
        }
    }
}

/// The limb that each atom belongs to without being its pivot, by place.
fn parents(limbs: &Limbs) -> Vec<usize> {
    let mut parents = vec![usize::MAX; limbs.order.len()];
    for (index, limb) in limbs.limbs.iter().enumerate() {
        for &atom in &limb.block {
            parents[limbs.place[atom]] = index;
        }
    }
    parents
}

struct Resolver<'a> {
    limbs: &'a Limbs,
    parents: Vec<usize>,
    clashes: Clashes,
    hopeless: Vec<[usize; 2]>,
    work: usize,
}

impl Resolver<'_> {
    /// The limbs that hold exactly one atom of a conflict, those nearest to it first.
    fn between(&self, conflicts: &[[usize; 2]]) -> Vec<usize> {
        let mut found = Vec::new();
        for conflict in conflicts {
            let mut ways = conflict.map(|atom| self.parents[self.limbs.place[atom]]);
            let mut steps = 0;
            while steps < CANDIDATES && ways.iter().any(|&limb| limb != usize::MAX) {
                for (way, &other) in ways.iter_mut().zip([conflict[1], conflict[0]].iter()) {
                    if *way == usize::MAX {
                        continue;
                    }
                    if self.limbs.holds(*way, other) {
                        *way = usize::MAX;
                        continue;
                    }
                    if !found.contains(way) {
                        found.push(*way);
                    }
                    let pivot = self.limbs.limbs[*way].pivot;
                    *way = self.parents[self.limbs.place[pivot]];
                    steps += 1;
                }
            }
        }
        found
    }

    /// The move, or pair of moves, that improves the drawing most.
    fn best(&mut self, sketch: &mut Sketch<'_>, candidates: &[usize]) -> Option<Vec<Move>> {
        let mut best: (f64, Option<Vec<Move>>) = (-LEAST, None);
        for &limb in candidates {
            for change in self.moves(limb) {
                let gain = self.gain(sketch, change);
                if gain < best.0 {
                    best = (gain, Some(vec![change]));
                }
            }
        }
        if best.1.is_some() {
            return best.1;
        }
        for (index, &first) in candidates.iter().take(PAIRED).enumerate() {
            let first = Move::Flip(first);
            let alone = self.gain(sketch, first);
            if alone > Weights::FORBIDDEN / 2.0 {
                continue;
            }
            let before = sketch.points.clone();
            self.apply(sketch, first);
            for &second in candidates.iter().take(PAIRED).skip(index + 1) {
                let turns = [
                    Move::Flip(second),
                    Move::Turn(second, PI / 6.0),
                    Move::Turn(second, -PI / 6.0),
                ];
                for second in turns {
                    let gain = alone + self.gain(sketch, second);
                    if gain < best.0 {
                        best = (gain, Some(vec![first, second]));
                    }
                }
            }
            sketch.points = before;
        }
        best.1
    }

    fn moves(&self, limb: usize) -> Vec<Move> {
        let mut moves = vec![Move::Flip(limb)];
        for degrees in [15.0, -15.0, 30.0, -30.0, 60.0, -60.0, 120.0, -120.0] {
            moves.push(Move::Turn(limb, f64::to_radians(degrees)));
        }
        let data = &self.limbs.limbs[limb];
        if data.is_chain() {
            moves.extend([0.3, 0.6].map(|by| Move::Stretch(limb, by)));
        }
        let beside = self.limbs.of_atom[data.pivot].iter();
        moves.extend(
            beside
                .filter(|&&other| other != limb)
                .map(|&other| Move::Exchange(limb, other)),
        );
        moves
    }

    /// Change of the faults by a move, and what the move itself costs.
    fn gain(&mut self, sketch: &mut Sketch<'_>, change: Move) -> f64 {
        let cost = match change {
            Move::Flip(_) => 0.0,
            Move::Exchange(..) => 0.01,
            Move::Turn(_, angle) => 0.15 + 0.5 * angle.abs(),
            Move::Stretch(_, by) => 0.3 + by,
        };
        let moved: Vec<usize> = match change {
            Move::Exchange(a, b) => [a, b]
                .iter()
                .flat_map(|&l| self.limbs.atoms(l))
                .copied()
                .collect(),
            Move::Flip(limb) | Move::Turn(limb, _) | Move::Stretch(limb, _) => {
                self.limbs.atoms(limb).to_vec()
            }
        };
        let compared = moved.len() * (self.limbs.order.len() - moved.len()).max(1);
        if self.work < compared {
            self.work = 0;
            return 0.0;
        }
        self.work -= compared;
        let before = self.clashes.of_moved(&sketch.points, self.limbs, &moved);
        let kept: Vec<Point> = moved.iter().map(|&atom| sketch.points[atom]).collect();
        self.apply(sketch, change);
        let after = self.clashes.of_moved(&sketch.points, self.limbs, &moved);
        let pivot = self.limbs.limbs[first_limb(change)].pivot;
        let mut touched = vec![pivot];
        touched.extend(self.limbs.limbs[first_limb(change)].block.first());
        let wrong = touched
            .iter()
            .any(|&atom| sketch.contradicts(atom, |_| true));
        for (&atom, point) in moved.iter().zip(kept) {
            sketch.points[atom] = point;
        }
        after - before + cost + if wrong { Weights::FORBIDDEN } else { 0.0 }
    }

    fn apply(&self, sketch: &mut Sketch<'_>, change: Move) {
        let towards = |sketch: &Sketch<'_>, limb: usize| {
            let data = &self.limbs.limbs[limb];
            let pivot = sketch.points[data.pivot];
            let bound = sketch.adjacency.neighbors(data.pivot).iter();
            let inside = bound.filter(|step| self.limbs.holds(limb, step.atom));
            let sum = inside
                .map(|step| (sketch.points[step.atom] - pivot).unit())
                .fold(Point::default(), |sum, next| sum + next);
            if sum.length() < 1e-6 {
                Point::new(1.0, 0.0)
            } else {
                sum.unit()
            }
        };
        let mut each = |limb: usize, place: &dyn Fn(Point) -> Point| {
            let pivot = sketch.points[self.limbs.limbs[limb].pivot];
            for &atom in self.limbs.atoms(limb) {
                sketch.points[atom] = pivot + place(sketch.points[atom] - pivot);
            }
        };
        match change {
            Move::Turn(limb, angle) => each(limb, &|arm| arm.rotated(angle)),
            Move::Flip(limb) => {
                let axis = towards(sketch, limb);
                let pivot = sketch.points[self.limbs.limbs[limb].pivot];
                for &atom in self.limbs.atoms(limb) {
                    sketch.points[atom] = pivot + (sketch.points[atom] - pivot).reflected(axis);
                }
            }
            Move::Stretch(limb, by) => {
                let shift = towards(sketch, limb) * by;
                for &atom in self.limbs.atoms(limb) {
                    sketch.points[atom] = sketch.points[atom] + shift;
                }
            }
            Move::Exchange(a, b) => {
                let angle = towards(sketch, b).angle() - towards(sketch, a).angle();
                for (limb, angle) in [(a, angle), (b, -angle)] {
                    let pivot = sketch.points[self.limbs.limbs[limb].pivot];
                    for &atom in self.limbs.atoms(limb) {
                        sketch.points[atom] = pivot + (sketch.points[atom] - pivot).rotated(angle);
                    }
                }
            }
        }
    }
}

fn first_limb(change: Move) -> usize {
    match change {
        Move::Flip(limb)
        | Move::Turn(limb, _)
        | Move::Stretch(limb, _)
        | Move::Exchange(limb, _) => limb,
    }
}
