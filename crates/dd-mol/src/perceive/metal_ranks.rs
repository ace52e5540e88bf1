//! The order in which RDKit's organometallic clean-up takes atoms: canonical ranks of the
//! unsanitised molecule.
//!
//! A partition of the atoms is refined by invariants, then by the bonds and classes around
//! each atom, then by chirality and, in symmetric ring systems, by the shells around each
//! ring atom; remaining ties are broken one by one. Which of two equivalent metals ranks
//! higher depends on the order of the splits, so that is RDKit's.
//!
//! Source: N. Schneider, R. A. Sayle, G. A. Landrum, J. Chem. Inf. Model. 55 (2015) 2111.

mod invariants;
mod shells;

use std::cmp::{Ordering, Reverse};

use self::invariants::{Invariant, Step, invariants, steps};
use super::draft::Draft;
use crate::molecule::ChiralTag;
use crate::parity::swaps;

/// Larger molecules are ranked by index: ties cost quadratic time.
const MAX_ATOMS: usize = 5_000;

/// A rank for every atom, a permutation of `0..num_atoms`. Needs valences.
pub(super) fn ranks(draft: &Draft) -> Vec<u32> {
    let count = draft.atoms.len();
    if count > MAX_ATOMS {
        return (0..count as u32).collect();
    }
    let mut partition = Partition::new(draft);
    partition.activate();
    partition.refine(By::Neighbors);
    if partition.any_tie() {
        partition.activate();
        partition.refine(By::Chirality);
    }
    if partition.is_symmetric_ring_system() {
        partition.shells = shells::around(draft, &partition.rings);
        partition.activate();
        partition.refine(By::Shells);
    }
    partition.break_ties();
    partition.class
}

/// What tells the atoms of one class apart.
#[derive(Debug, Clone, Copy)]
enum By {
    Neighbors,
    Chirality,
    Shells,
}

struct Partition<'a> {
    draft: &'a Draft,
    invariants: Vec<Invariant>,
    /// The bonds of each atom, highest first as of the last comparison.
    steps: Vec<Vec<Step>>,
    /// Rings of a depth-first walk that hold each atom.
    rings: Vec<u32>,
    shells: Vec<[Vec<i32>; 2]>,
    /// Position in `order` at which the class of each atom begins.
    class: Vec<u32>,
    order: Vec<u32>,
    /// Members of a class at its first atom, 0 at the others.
    size: Vec<u32>,
    /// First atoms of the classes to be sorted, the next one last.
    active: Vec<u32>,
    is_active: Vec<bool>,
    /// Atoms whose surroundings changed since they were last compared.
    changed: Vec<bool>,
}

impl<'a> Partition<'a> {
    fn new(draft: &'a Draft) -> Self {
        let count = draft.atoms.len();
        let mut size = vec![0; count];
        if let Some(first) = size.first_mut() {
            *first = count as u32;
        }
        Self {
            draft,
            invariants: invariants(draft),
            steps: steps(draft),
            rings: shells::ring_counts(draft),
            shells: Vec::new(),
            class: vec![0; count],
            order: (0..count as u32).collect(),
            size,
            active: Vec::new(),
            is_active: vec![false; count],
            changed: vec![true; count],
        }
    }

    fn activate(&mut self) {
        for at in 0..self.order.len() {
            self.push(self.order[at]);
        }
        self.changed.fill(true);
    }

    fn push(&mut self, first: u32) {
        let atom = first as usize;
        if self.size[atom] > 1 && !std::mem::replace(&mut self.is_active[atom], true) {
            self.active.push(first);
        }
    }

    fn any_tie(&self) -> bool {
        self.size.contains(&0)
    }

    fn is_symmetric_ring_system(&self) -> bool {
        let rings = |atom: &&u32| self.rings[**atom as usize] > 0;
        let size = |atom: &u32| self.size[*atom as usize];
        let in_rings = self.order.iter().filter(rings).count() as u32;
        let tied = self.order.iter().filter(rings).map(size);
        let tied: u32 = tied.filter(|size| *size > 2).sum();
        let branched = |atom: &u32| self.rings[*atom as usize] > 1 && size(atom) > 1;
        self.any_tie() && 2 * tied > in_rings && self.order.iter().any(branched)
    }

    fn refine(&mut self, by: By) {
        while let Some(first) = self.active.pop() {
            self.is_active[first as usize] = false;
            let start = self.class[first as usize] as usize;
            let end = start + self.size[first as usize] as usize;
            let members = self.order[start..end].to_vec();
            let runs = self.sorted(&members, by);
            let kept = runs[0].len();
            let mut at = start;
            for run in &runs {
                self.size[run[0] as usize] = run.len() as u32;
                for (place, atom) in run.iter().enumerate() {
                    self.changed[*atom as usize] = false;
                    self.order[at + place] = *atom;
                    if place > 0 {
                        self.size[*atom as usize] = 0;
                    }
                }
                at += run.len();
            }
            let mut class = start + kept;
            for run in &runs[1..] {
                for atom in run {
                    self.class[*atom as usize] = class as u32;
                }
                class += run.len();
            }
            let moved = self.order[start + kept..end].to_vec();
            self.wake_neighbors(&moved);
        }
    }

    /// Marks the neighbours of atoms as changed and queues their classes, lowest first.
    fn wake_neighbors(&mut self, atoms: &[u32]) {
        let mut classes = Vec::new();
        for atom in atoms {
            for link in self.draft.adjacency.of(*atom as usize) {
                self.changed[link.atom as usize] = true;
                classes.push(self.class[link.atom as usize]);
            }
        }
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            self.push(self.order[class as usize]);
        }
    }

    /// Merge sort into runs of equal atoms. Two atoms around which nothing changed are
    /// equal, for they were when they were last compared.
    fn sorted(&mut self, atoms: &[u32], by: By) -> Vec<Vec<u32>> {
        if atoms.len() == 1 {
            return vec![atoms.to_vec()];
        }
        let (left, right) = atoms.split_at(atoms.len() / 2);
        let mut left = self.sorted(left, by).into_iter().peekable();
        let mut right = self.sorted(right, by).into_iter().peekable();
        let mut runs = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (a, b) = (a[0] as usize, b[0] as usize);
            let order = if self.changed[a] || self.changed[b] {
                self.compare(a, b, by)
            } else {
                Ordering::Equal
            };
            match order {
                Ordering::Less => runs.extend(left.next()),
                Ordering::Greater => runs.extend(right.next()),
                Ordering::Equal => {
                    runs.push(
                        left.next()
                            .into_iter()
                            .chain(right.next())
                            .flatten()
                            .collect(),
                    );
                }
            }
        }
        runs.extend(left.chain(right));
        runs
    }

    fn compare(&mut self, a: usize, b: usize, by: By) -> Ordering {
        let first = match by {
            By::Neighbors => self.invariants[a]
                .cmp(&self.invariants[b])
                .then_with(|| self.handedness(a).cmp(&self.handedness(b))),
            By::Shells => self.shells[a].cmp(&self.shells[b]),
            By::Chirality => Ordering::Equal,
        };
        if first.is_ne() {
            return first;
        }
        self.sort_steps(a);
        self.sort_steps(b);
        let keys = |atom: usize| self.steps[atom].iter().map(Step::key);
        let around = keys(a).cmp(keys(b));
        match by {
            // All shared bonds come before the number of bonds, which is equal by now.
            By::Chirality => around.then_with(|| self.turns(a).cmp(&self.turns(b))),
            _ => around,
        }
    }

    fn sort_steps(&mut self, atom: usize) {
        for step in &mut self.steps[atom] {
            step.class = self.class[step.atom as usize];
        }
        self.steps[atom].sort_by_key(|step| Reverse(step.key()));
    }

    /// 1 or 2 for the two senses of a centre whose neighbours all differ, else 0.
    fn handedness(&self, atom: usize) -> u8 {
        let clockwise = match self.draft.atoms[atom].tag {
            ChiralTag::TetrahedralCw => true,
            ChiralTag::TetrahedralCcw => false,
            _ => return 0,
        };
        let links = self.draft.adjacency.of(atom).iter();
        let classes: Vec<u32> = links.map(|link| self.class[link.atom as usize]).collect();
        let mut sorted = classes.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return 0;
        }
        1 + u8::from(clockwise != (swaps(&classes, &sorted) % 2 == 1))
    }

    /// How the chiral neighbours of a ring atom turn when they are seen from it, by class.
    fn turns(&self, atom: usize) -> Vec<u8> {
        let mut turns: Vec<(u32, u8)> = self.steps[atom]
            .iter()
            .filter_map(|step| Some((step.class, self.turn(atom, step.atom as usize)?)))
            .collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, turn)| turn).collect()
    }

    fn turn(&self, from: usize, centre: usize) -> Option<u8> {
        let tag = self.draft.atoms[centre].tag;
        if self.rings[from] == 0 || tag == ChiralTag::Unspecified {
            return Some(0);
        }
        let links = self.draft.adjacency.of(centre).iter();
        let reference: Vec<u32> = links.map(|link| link.atom).collect();
        let others = |atoms: &[u32]| -> Vec<u32> {
            let others = atoms.iter().filter(|other| **other as usize != from);
            others.copied().collect()
        };
        let mut classes: Vec<u32> = others(&reference)
            .iter()
            .map(|other| self.class[*other as usize])
            .collect();
        classes.sort_unstable();
        if classes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Some(0);
        }
        let by_class: Vec<u32> = self.steps[centre].iter().map(|step| step.atom).collect();
        let probe: Vec<u32> = std::iter::once(from as u32)
            .chain(others(&by_class))
            .collect();
        let odd = swaps(&reference, &probe) % 2 == 1;
        match tag {
            ChiralTag::TetrahedralCw => Some(1 + u8::from(odd)),
            ChiralTag::TetrahedralCcw => Some(2 - u8::from(odd)),
            _ => None,
        }
    }

    /// Takes the last member out of the first tied class, again and again.
    fn break_ties(&mut self) {
        let mut at = 0;
        while at < self.order.len() {
            let first = self.order[at] as usize;
            let class = self.class[first];
            while self.size[first] > 1 {
                let last = self.class[first] + self.size[first] - 1;
                let atom = self.order[last as usize];
                self.class[atom as usize] = last;
                self.size[first] -= 1;
                self.size[atom as usize] = 1;
                self.wake_neighbors(&[atom]);
                self.refine(By::Neighbors);
            }
            // The refinement may have put another atom here.
            if self.class[first] == class {
                at += 1;
            }
        }
    }
}
