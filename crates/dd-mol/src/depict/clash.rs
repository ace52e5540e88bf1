//! Where a drawing collides with itself, and how badly.

use std::collections::{BTreeSet, HashMap};

use super::limbs::Limbs;
use super::plane::{Point, cross_each_other, distance_to_segment};
use super::sketch::Sketch;

/// Atoms without a bond between them that are closer collide.
const ATOMS_APART: f64 = 0.85;
/// The same for an atom and a bond that is not its own.
const BOND_APART: f64 = 0.35;
/// Longest bond after stretching, in bond lengths.
const LONGEST: f64 = 2.5;

/// How bad each collision is.
pub(super) struct Weights;

impl Weights {
    const CROSSING: f64 = 6.0;
    const ATOMS: f64 = 10.0;
    const ON_ATOM: f64 = 5.0;
    const ON_BOND: f64 = 4.0;
    /// For a move that turns a double bond round.
    pub(super) const FORBIDDEN: f64 = 1000.0;
}

/// The bonds of a fragment, to find collisions in any positions of its atoms.
pub(super) struct Clashes {
    atoms: Vec<usize>,
    bonds: Vec<[usize; 2]>,
}

impl Clashes {
    pub(super) fn new(sketch: &Sketch<'_>, limbs: &Limbs) -> Self {
        let from = |&atom: &usize| {
            let steps = sketch.adjacency.neighbors(atom).iter();
            steps
                .filter(move |step| step.atom > atom)
                .map(move |step| [atom, step.atom])
        };
        let mut bonds: Vec<[usize; 2]> = limbs.order.iter().flat_map(from).collect();
        bonds.sort_unstable();
        Self {
            atoms: limbs.order.clone(),
            bonds,
        }
    }

    /// One atom of each side of every collision.
    pub(super) fn find(&self, points: &[Point]) -> Vec<[usize; 2]> {
        let mut found = BTreeSet::new();
        let cell = |point: Point| {
            (
                (point.x / LONGEST).floor() as i32,
                (point.y / LONGEST).floor() as i32,
            )
        };
        let around = |(x, y): (i32, i32)| {
            (x - 1..=x + 1).flat_map(move |x| (y - 1..=y + 1).map(move |y| (x, y)))
        };
        let mut atoms: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
        for &atom in &self.atoms {
            atoms.entry(cell(points[atom])).or_default().push(atom);
        }
        let mut bonds: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
        for (index, bond) in self.bonds.iter().enumerate() {
            bonds.entry(cell(points[bond[0]])).or_default().push(index);
        }
        for &atom in &self.atoms {
            let point = points[atom];
            for other in around(cell(point))
                .filter_map(|key| atoms.get(&key))
                .flatten()
            {
                if *other > atom
                    && (points[*other] - point).length() < ATOMS_APART
                    && !self.bound(atom, *other)
                {
                    found.insert([atom, *other]);
                }
            }
            for &bond in around(cell(point))
                .filter_map(|key| bonds.get(&key))
                .flatten()
            {
                let ends = self.bonds[bond];
                if !ends.contains(&atom)
                    && distance_to_segment(point, ends.map(|end| points[end])) < BOND_APART
                {
                    found.insert([atom.min(ends[0]), atom.max(ends[0])]);
                    found.insert([atom.min(ends[1]), atom.max(ends[1])]);
                }
            }
        }
        for (index, bond) in self.bonds.iter().enumerate() {
            let segment = bond.map(|end| points[end]);
            for &other in around(cell(segment[0]))
                .filter_map(|key| bonds.get(&key))
                .flatten()
            {
                let second = self.bonds[other];
                if other > index
                    && !touching(*bond, second)
                    && cross_each_other(segment, second.map(|end| points[end]))
                {
                    found.insert([bond[0].min(second[0]), bond[0].max(second[0])]);
                    found.insert([bond[1].min(second[1]), bond[1].max(second[1])]);
                }
            }
        }
        found.into_iter().collect()
    }

    fn bound(&self, a: usize, b: usize) -> bool {
        let ends = [a.min(b), a.max(b)];
        self.bonds.binary_search(&ends).is_ok()
    }

    /// Badness of all collisions between the moved atoms and the others.
    pub(super) fn of_moved(&self, points: &[Point], limbs: &Limbs, moved: &[usize]) -> f64 {
        let mut is_moved = vec![false; limbs.order.len()];
        for &atom in moved {
            is_moved[limbs.place[atom]] = true;
        }
        let is_moved = |atom: usize| is_moved[limbs.place[atom]];
        let others: Vec<usize> = self
            .atoms
            .iter()
            .copied()
            .filter(|&a| !is_moved(a))
            .collect();
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for &bond in &self.bonds {
            if bond.iter().any(|&atom| is_moved(atom)) {
                inside.push(bond);
            } else {
                outside.push(bond);
            }
        }
        let mut badness = 0.0;
        for &atom in moved {
            for &other in &others {
                let distance = (points[atom] - points[other]).length();
                if distance < ATOMS_APART && !self.bound(atom, other) {
                    badness += Weights::ATOMS * (1.0 - distance / ATOMS_APART).powi(2);
                    badness += if distance < 0.5 {
                        Weights::ON_ATOM
                    } else {
                        0.0
                    };
                }
            }
        }
        let mut on_bonds = |atoms: &[usize], bonds: &[[usize; 2]]| {
            for bond in bonds {
                let segment = bond.map(|end| points[end]);
                for &atom in atoms.iter().filter(|atom| !bond.contains(atom)) {
                    if (points[atom] - segment[0]).length() < LONGEST {
                        let distance = distance_to_segment(points[atom], segment);
                        badness += Weights::ON_BOND * (1.0 - distance / BOND_APART).max(0.0);
                    }
                }
            }
        };
        on_bonds(moved, &outside);
        on_bonds(&others, &inside);
        for first in &inside {
            let segment = first.map(|end| points[end]);
            for second in &outside {
                let other = second.map(|end| points[end]);
                let near = (segment[0] - other[0]).length() < 2.0 * LONGEST;
                if near && !touching(*first, *second) && cross_each_other(segment, other) {
                    badness += Weights::CROSSING;
                }
            }
        }
        badness
    }
}

fn touching(a: [usize; 2], b: [usize; 2]) -> bool {
    a.iter().any(|atom| b.contains(atom))
}
