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
    /// Bonds of each atom's environment, a row of bits.
    bonds: BondSets,
    /// Bonds of the environments that were kept.
    seen: HashSet<Box<[u64]>>,
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
            bonds: BondSets::new(molecule.num_atoms(), molecule.num_bonds()),
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
        let mut bonds = self.bonds.clone();
        let mut live = Vec::new();
        for atom in (0..self.dead.len()).filter(|atom| !self.dead[*atom]) {
            for step in self.neighbors.neighbors(atom) {
                bonds.unite(atom, self.bonds.row(step.atom));
                bonds.insert(atom, step.bond);
            }
            hashes[atom] = self.hash(layer, atom);
            live.push(atom);
        }
        live.sort_unstable_by_key(|&atom| (bonds.row(atom), hashes[atom], atom));
        for atom in live {
            if self.seen.contains(bonds.row(atom)) {
                self.dead[atom] = true;
            } else {
                self.seen.insert(bonds.row(atom).into());
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

/// One set of bonds per atom, each a row of bits.
#[derive(Clone)]
struct BondSets {
    words: Vec<u64>,
    row: usize,
}

impl BondSets {
    fn new(atoms: usize, bonds: usize) -> Self {
        let row = bonds.div_ceil(64);
        Self {
            words: vec![0; atoms * row],
            row,
        }
    }

    fn row(&self, atom: usize) -> &[u64] {
        &self.words[atom * self.row..(atom + 1) * self.row]
    }

    fn unite(&mut self, atom: usize, others: &[u64]) {
        let row = &mut self.words[atom * self.row..(atom + 1) * self.row];
        for (word, other) in row.iter_mut().zip(others) {
            *word |= other;
        }
    }

    fn insert(&mut self, atom: usize, bond: usize) {
        self.words[atom * self.row + bond / 64] |= 1 << (bond % 64);
    }
}
