//! Ranks of atoms by an approximation of the Cahn-Ingold-Prelog rules.
//!
//! Atoms are ranked by element, isotope and atom class; then, round by round, by the
//! ranks of their neighbours, highest first, each counted twice the bond order.
//! Source: P. Labute, "An Efficient Algorithm for the Determination of Topological RS
//! Chirality", Journal of the Chemical Computing Group (1996), in RDKit's form.

use std::ops::Range;

use super::draft::{Draft, DraftBond};
use crate::molecule::BondOrder;

/// Atoms that the rounds of one molecule may look at. Molecules of up to 4,000 atoms never
/// need as many; in longer polymers atoms that only differ in what is thousands of bonds
/// away may keep one rank.
pub(super) const BUDGET: usize = 10_000_000;

/// Dense ranks from 0, equal for atoms that the rules do not tell apart.
pub(super) fn initial(draft: &Draft, budget: &mut usize) -> Vec<u32> {
    let keys: Vec<u64> = draft
        .atoms
        .iter()
        .map(|atom| {
            let mut mass = 0;
            if atom.isotope != 0 {
                mass = i32::from(atom.isotope) - i32::from(atom.element().common_isotope);
                mass += i32::from(mass >= 0);
            }
            let mass = (mass + 512).max(0) % 1024;
            // An absent class counts like none; a class like its number plus one.
            let class = match atom.atom_map {
                0 => 0,
                number => (u64::from(number) + 1) % 1024,
            };
            u64::from(atom.atomic_number % 128) << 20 | (mass as u64) << 10 | class
        })
        .collect();
    refine(draft, &keys, budget)
}

/// Ranks again from keys that hold the earlier ranks and the stereo found since.
///
/// Only the order of ranks counts, so while classes fall apart a rank is the place of its
/// class in the order of all atoms, which the other classes do not change. A class is
/// looked at again when the rank of a neighbour of its atoms has changed.
pub(super) fn refine(draft: &Draft, keys: &[u64], budget: &mut usize) -> Vec<u32> {
    let count = draft.atoms.len();
    let mut classes = Classes::new(keys);
    let mut neighborhoods = Neighborhoods::default();
    let rounds = count / 2 + 1;
    for _ in 0..rounds {
        let visited = classes.open.iter().map(Range::len).sum::<usize>();
        if visited == 0 || *budget < visited {
            break;
        }
        *budget -= visited;
        neighborhoods.collect(draft, &classes);
        classes.split(&neighborhoods);
        classes.reopen(draft);
    }
    classes.into_ranks()
}

/// The atoms in order of rank, and which share one.
struct Classes {
    order: Vec<u32>,
    /// Place in `order` of the first atom of each atom's class.
    ranks: Vec<u32>,
    /// End in `order` of the class that starts at a place.
    ends: Vec<u32>,
    /// Classes of several atoms that are looked at in this round.
    open: Vec<Range<usize>>,
    /// Atoms that got another rank in this round.
    changed: Vec<u32>,
}

impl Classes {
    fn new(keys: &[u64]) -> Self {
        let count = keys.len();
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_unstable_by_key(|atom| keys[*atom as usize]);
        let mut classes = Self {
            order,
            ranks: vec![0; count],
            ends: vec![0; count],
            open: Vec::new(),
            changed: Vec::new(),
        };
        let same = |a: u32, b: u32| keys[a as usize] == keys[b as usize];
        classes.number(0..count, same);
        let starts = (0..count).filter(|at| classes.ends[*at] as usize > at + 1);
        classes.open = starts.map(|at| at..classes.ends[at] as usize).collect();
        classes
    }

    /// Makes classes of the atoms at `places` of the order, where neighbours may be the same.
    fn number(&mut self, places: Range<usize>, same: impl Fn(u32, u32) -> bool) {
        let mut first = places.start;
        for at in places.clone() {
            let atom = self.order[at];
            if at > first && !same(self.order[at - 1], atom) {
                self.ends[first] = at as u32;
                first = at;
            }
            if self.ranks[atom as usize] != first as u32 {
                self.ranks[atom as usize] = first as u32;
                self.changed.push(atom);
            }
        }
        if !places.is_empty() {
            self.ends[first] = places.end as u32;
        }
    }

    /// Splits the open classes by the neighbourhoods of their atoms.
    fn split(&mut self, neighborhoods: &Neighborhoods) {
        self.changed.clear();
        for class in std::mem::take(&mut self.open) {
            let of = |atom: u32| neighborhoods.of(atom);
            self.order[class.clone()].sort_unstable_by(|a, b| of(*a).cmp(of(*b)));
            self.number(class, |a, b| of(a) == of(b));
        }
    }

    /// Opens the classes of several atoms around the atoms whose rank has changed.
    fn reopen(&mut self, draft: &Draft) {
        for &atom in &self.changed {
            for (other, _) in draft.bonds_of(atom as usize) {
                let start = self.ranks[other] as usize;
                let end = self.ends[start] as usize;
                if end > start + 1 {
                    self.open.push(start..end);
                }
            }
        }
        self.open.sort_unstable_by_key(|class| class.start);
        self.open.dedup();
    }

    /// Ranks without gaps.
    fn into_ranks(mut self) -> Vec<u32> {
        let mut rank = 0;
        let mut first = 0;
        while first < self.order.len() {
            let end = self.ends[first] as usize;
            for &atom in &self.order[first..end] {
                self.ranks[atom as usize] = rank;
            }
            rank += 1;
            first = end;
        }
        self.ranks
    }
}

/// The ranks around each atom of the open classes.
#[derive(Default)]
struct Neighborhoods {
    ranges: Vec<(u32, u32)>,
    entries: Vec<u32>,
}

impl Neighborhoods {
    fn of(&self, atom: u32) -> &[u32] {
        let (start, end) = self.ranges[atom as usize];
        &self.entries[start as usize..end as usize]
    }

    fn collect(&mut self, draft: &Draft, classes: &Classes) {
        self.ranges.resize(classes.ranks.len(), (0, 0));
        self.entries.clear();
        for class in &classes.open {
            for &atom in &classes.order[class.clone()] {
                let start = self.entries.len();
                let index = atom as usize;
                for (other, bond) in draft.bonds_of(index) {
                    let weight = weight(draft, other, bond);
                    let entry = classes.ranks[other] + 1;
                    self.entries.extend(std::iter::repeat_n(entry, weight));
                }
                // All entries of a single neighbour are equal.
                if draft.degree(index) > 1 {
                    self.entries[start..].sort_unstable_by(|a, b| b.cmp(a));
                }
                let hydrogens = draft.atoms[index].hydrogens().max(0) as usize;
                self.entries.extend(std::iter::repeat_n(0, hydrogens));
                self.ranges[index] = (start as u32, self.entries.len() as u32);
            }
        }
    }
}

/// Twice the bond order; the double bonds of phosphorus with three or four neighbours
/// count as one, for its d orbitals do not.
fn weight(draft: &Draft, other: usize, bond: &DraftBond) -> usize {
    match bond.order {
        BondOrder::Double
            if draft.atoms[other].atomic_number == 15 && matches!(draft.degree(other), 3 | 4) =>
        {
            1
        }
        BondOrder::Single | BondOrder::Dative => 2,
        BondOrder::Aromatic => 3,
        BondOrder::Double => 4,
        BondOrder::Triple => 6,
        BondOrder::Quadruple => 8,
        BondOrder::Zero | BondOrder::Unspecified => 0,
    }
}
