//! The circular environments of a molecule, each by its hash.

use std::collections::HashSet;

use super::invariants::{atom_invariant, bond_invariant, combine};
use crate::Molecule;
use crate::adjacency::Adjacency;

/// The hashes of the environments of all atoms up to `radius`, without those whose bonds
/// an environment before had already. Symmetric atoms give equal hashes.
pub(super) fn environments(molecule: &Molecule, radius: u32) -> Vec<u32> {
    let atoms = 0..molecule.num_atoms();
    let mut growth = Growth::new(molecule);
    let mut found: Vec<u32> = atoms.map(|atom| atom_invariant(molecule, atom)).collect();
    growth.hashes.clone_from(&found);
    for layer in 0..radius {
        let before = found.len();
        growth.widen(layer, &mut found);
        if found.len() == before {
            break;
        }
    }
    found
}

/// The environments of one radius.
struct Growth {
    neighbors: Adjacency,
    /// Invariant of each bond.
    orders: Vec<u32>,
    /// Hash of each atom's environment.
    hashes: Vec<u32>,
    /// Bonds of each atom's environment.
    bonds: BondSets,
    /// Bonds of the environments that were kept.
    seen: HashSet<Box<[u128]>>,
    /// Atoms whose environments cannot be new any more.
    dead: Vec<bool>,
}

impl Growth {
    fn new(molecule: &Molecule) -> Self {
        let neighbors = Adjacency::of(molecule);
        let atoms = 0..molecule.num_atoms();
        Self {
            orders: molecule
                .bonds()
                .map(|bond| bond_invariant(bond.bond.order))
                .collect(),
            hashes: Vec::new(),
            bonds: BondSets {
                words: Vec::new(),
                ends: vec![0; molecule.num_atoms()],
            },
            seen: HashSet::new(),
            dead: atoms.map(|atom| neighbors.degree(atom) == 0).collect(),
            neighbors,
        }
    }

    /// Grows the environments of all live atoms by one bond and appends the hashes of the
    /// new ones to `found`.
    fn widen(&mut self, layer: u32, found: &mut Vec<u32>) {
        // As in RDKit, an atom that is dead for a round counts 0 in the round after.
        let mut hashes = vec![0; self.hashes.len()];
        let mut bonds = BondSets::default();
        let mut live = Vec::new();
        for (atom, hash) in hashes.iter_mut().enumerate() {
            let own = self.bonds.of(atom).iter().copied();
            if self.dead[atom] {
                bonds.push(own);
                continue;
            }
            let steps = self.neighbors.neighbors(atom).iter();
            let around = steps.flat_map(|step| {
                let of_neighbor = self.bonds.of(step.atom).iter().copied();
                of_neighbor.chain([word_of(step.bond)])
            });
            bonds.push(own.chain(around));
            *hash = self.hash(layer, atom);
            live.push(atom);
        }
        live.sort_unstable_by_key(|&atom| (bonds.of(atom), hashes[atom], atom));
        for atom in live {
            if self.seen.contains(bonds.of(atom)) {
                self.dead[atom] = true;
            } else {
                self.seen.insert(bonds.of(atom).into());
                found.push(hashes[atom]);
            }
        }
        self.hashes = hashes;
        self.bonds = bonds;
    }

    /// The hash of an atom and its neighbours, which are ordered by bond and hash.
    fn hash(&self, layer: u32, atom: usize) -> u32 {
        let steps = self.neighbors.neighbors(atom).iter();
        let mut around: Vec<(u32, u32)> = steps
            .map(|step| (self.orders[step.bond], self.hashes[step.atom]))
            .collect();
        around.sort_unstable();
        around
            .into_iter()
            .map(|(order, hash)| combine(combine(0, order), hash))
            .fold(combine(layer, self.hashes[atom]), combine)
    }
}

/// One set of bonds per atom, one behind the other: 64 bonds a word, in its lower half, below the word's number; words
/// without a bond are left out.
#[derive(Default)]
struct BondSets {
    words: Vec<u128>,
    /// Where the words of each atom end.
    ends: Vec<usize>,
}

impl BondSets {
    fn of(&self, atom: usize) -> &[u128] {
        let start = atom.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.words[start..self.ends[atom]]
    }

    /// Appends the set of the next atom: the union of these words.
    fn push(&mut self, words: impl Iterator<Item = u128>) {
        let start = self.words.len();
        for word in words {
            let before = self.words[start..].iter();
            let place = start + before.take_while(|&known| known >> 64 < word >> 64).count();
            match self.words.get_mut(place) {
                Some(known) if *known >> 64 == word >> 64 => *known |= word,
                _ => self.words.insert(place, word),
            }
        }
        self.ends.push(self.words.len());
    }
}

fn word_of(bond: usize) -> u128 {
    ((bond / 64) as u128) << 64 | 1 << (bond % 64)
}
