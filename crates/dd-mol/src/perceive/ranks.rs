//! Ranks of atoms by an approximation of the Cahn-Ingold-Prelog rules.
//!
//! Atoms are ranked by element, isotope and atom class; then, round by round, by the
//! ranks of their neighbours, highest first, each counted twice the bond order.
//! Source: P. Labute, "An Efficient Algorithm for the Determination of Topological RS
//! Chirality", Journal of the Chemical Computing Group (1996), in RDKit's form.

use super::draft::{Draft, DraftBond};
use crate::molecule::BondOrder;

/// Atoms times rounds that one molecule may take. Molecules of up to 4,000 atoms never
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
pub(super) fn refine(draft: &Draft, keys: &[u64], budget: &mut usize) -> Vec<u32> {
    let count = draft.atoms.len();
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_unstable_by_key(|atom| keys[*atom as usize]);
    let mut ranks = vec![0; count];
    let mut num_ranks = assign(&order, &mut ranks, |a, b| {
        keys[a as usize] == keys[b as usize]
    });
    let rounds = count / 2 + 1;
    let mut neighborhoods = Neighborhoods::default();
    for _ in 0..rounds {
        if num_ranks >= count || *budget < count {
            break;
        }
        *budget -= count;
        neighborhoods.collect(draft, &order, &ranks);
        sort_ties(&mut order, &ranks, &neighborhoods);
        let old = ranks.clone();
        let found = assign(&order, &mut ranks, |a, b| {
            old[a as usize] == old[b as usize] && neighborhoods.of(a) == neighborhoods.of(b)
        });
        if found == num_ranks {
            break;
        }
        num_ranks = found;
    }
    ranks
}

/// Numbers the classes along `order`; returns how many there are.
fn assign(order: &[u32], ranks: &mut [u32], same: impl Fn(u32, u32) -> bool) -> usize {
    let mut rank = 0;
    for (at, atom) in order.iter().enumerate() {
        if at > 0 && !same(order[at - 1], *atom) {
            rank += 1;
        }
        ranks[*atom as usize] = rank;
    }
    if order.is_empty() {
        0
    } else {
        rank as usize + 1
    }
}

/// Sorts each run of atoms of one rank by their neighbourhoods.
fn sort_ties(order: &mut [u32], ranks: &[u32], neighborhoods: &Neighborhoods) {
    let mut first = 0;
    while first < order.len() {
        let rank = ranks[order[first] as usize];
        let last = first + order[first..].partition_point(|atom| ranks[*atom as usize] == rank);
        if last - first > 1 {
            order[first..last].sort_by(|a, b| neighborhoods.of(*a).cmp(neighborhoods.of(*b)));
        }
        first = last;
    }
}

/// The ranks around each atom that shares its rank with another.
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

    fn collect(&mut self, draft: &Draft, order: &[u32], ranks: &[u32]) {
        self.ranges.clear();
        self.ranges.resize(ranks.len(), (0, 0));
        self.entries.clear();
        for (at, atom) in order.iter().enumerate() {
            let rank = ranks[*atom as usize];
            let tied = |other: Option<&u32>| other.is_some_and(|o| ranks[*o as usize] == rank);
            let before = at.checked_sub(1).and_then(|at| order.get(at));
            if !tied(before) && !tied(order.get(at + 1)) {
                continue;
            }
            let start = self.entries.len();
            let index = *atom as usize;
            for (other, bond) in draft.bonds_of(index) {
                let weight = weight(draft, other, bond);
                let entry = ranks[other] + 1;
                self.entries.extend(std::iter::repeat_n(entry, weight));
            }
            self.entries[start..].sort_unstable_by(|a, b| b.cmp(a));
            let hydrogens = draft.atoms[index].hydrogens().max(0) as usize;
            self.entries.extend(std::iter::repeat_n(0, hydrogens));
            self.ranges[index] = (start as u32, self.entries.len() as u32);
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
