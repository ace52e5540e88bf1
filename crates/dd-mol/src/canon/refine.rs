//! Colour refinement over bonds, stereocentres and double bonds.

use std::collections::VecDeque;

use super::geometry::Geometries;
use super::orbits::Search;
use super::partition::Partition;
use crate::molecule::{BondOrder, ChiralTag};
use crate::nontetrahedral::Placement;
use crate::outline::{Outline, OutlineAtom};

/// Bits of a rank key that tell the radical electrons.
const RADICALS: u32 = 3;
/// Rounds of hashing before the colours are looked at.
const ROUNDS: usize = 6;
/// Looks after which refinement goes on cell by cell: long chains need many rounds.
const LOOKS: usize = 4;

/// Everything of a molecule that refinement looks at.
pub(super) struct Refiner<'a> {
    outline: &'a Outline,
    /// Per entry of the neighbour lists an odd number that stands for the bond.
    labels: Vec<u64>,
    geometries: Geometries,
}

/// Space that refinements share, so that a small change costs little.
pub(super) struct Desk {
    /// Per atom the hash under construction, 0 between refinements.
    keys: Vec<u64>,
    /// Atoms with a hash under construction.
    touched: Vec<u32>,
    parts: Vec<usize>,
    queue: VecDeque<usize>,
    queued: Vec<bool>,
    pub(super) search: Search,
    /// Whether geometry counts; it is looked at as a whole, which takes time.
    pub(super) geometry: bool,
}

impl Desk {
    pub(super) fn new(num_atoms: usize) -> Self {
        Self {
            keys: vec![0; num_atoms],
            touched: Vec::new(),
            parts: Vec::new(),
            queue: VecDeque::new(),
            queued: vec![false; num_atoms],
            search: Search::default(),
            geometry: true,
        }
    }

    fn enqueue(&mut self, cell: usize) {
        if !std::mem::replace(&mut self.queued[cell], true) {
            self.queue.push_back(cell);
        }
    }
}

impl<'a> Refiner<'a> {
    pub(super) fn new(outline: &'a Outline) -> Self {
        let mut labels = Vec::with_capacity(2 * outline.bonds.len());
        for atom in 0..outline.atoms.len() {
            let neighbors = outline.adjacency.neighbors(atom).iter();
            labels.extend(neighbors.map(|step| {
                let bond = &outline.bonds[step.bond];
                bond_label(bond.order, bond.begin == atom)
            }));
        }
        Self {
            labels,
            geometries: Geometries::of(outline),
            outline,
        }
    }

    pub(super) fn num_atoms(&self) -> usize {
        self.outline.atoms.len()
    }

    /// The neighbours of an atom, each with the label of the bond as seen from the atom.
    fn neighbors(&self, atom: usize) -> impl Iterator<Item = (usize, u64)> {
        let range = self.outline.adjacency.range(atom);
        let neighbors = self.outline.adjacency.neighbors(atom).iter();
        let atoms = neighbors.map(|step| step.atom);
        atoms.zip(self.labels[range].iter().copied())
    }

    /// The coarsest equitable partition.
    pub(super) fn initial(&self, desk: &mut Desk) -> Partition {
        let n = self.num_atoms();
        let atoms = &self.outline.atoms;
        let mut hashes: Vec<u64> = atoms.iter().map(atom_hash).collect();
        let mut sorted: Vec<(u64, u32)> = Vec::with_capacity(n);
        let mut stable = n == 0;
        for _ in 0..LOOKS {
            for _ in 0..ROUNDS {
                self.hash_neighbors(&mut hashes, &mut desk.keys);
            }
            sorted.clear();
            sorted.extend((0..n).map(|atom| (self.rank_key(atom, hashes[atom]), atom as u32)));
            sorted.sort_unstable();
            let tied = |pair: &&[(u64, u32)]| pair[0].0 == pair[1].0;
            if !sorted.windows(2).any(|pair| tied(&pair)) {
                stable = true;
                break;
            }
            self.hash_neighbors(&mut hashes, &mut desk.keys);
            let hash = |entry: (u64, u32)| hashes[entry.1 as usize];
            let mut pairs = sorted.windows(2).filter(tied);
            if pairs.all(|pair| hash(pair[0]) == hash(pair[1])) {
                stable = true;
                break;
            }
        }
        desk.keys.fill(0);
        let mut partition = Partition::of_sorted(&sorted);
        // The hashes of neighbours know nothing of these.
        stable &= atoms.iter().all(|atom| atom.radical_electrons == 0);
        if !stable {
            for cell in partition.cells() {
                desk.enqueue(cell);
            }
        }
        self.refine(&mut partition, &[], desk);
        partition
    }

    /// One round: each hash takes up those of the neighbours.
    fn hash_neighbors(&self, hashes: &mut Vec<u64>, next: &mut Vec<u64>) {
        for (atom, next) in next.iter_mut().enumerate() {
            *next = mix(hashes[atom], self.surroundings(atom, |other| hashes[other]));
        }
        std::mem::swap(hashes, next);
    }

    /// Low degree first, then low atomic number, so that SMILES begin at chain ends; the
    /// hash decides the rest. Radicals come last: a SMILES tells them by hydrogens and bonds
    /// only, and where they are others its order must not depend on them.
    fn rank_key(&self, index: usize, hash: u64) -> u64 {
        let atom = &self.outline.atoms[index];
        let fields = [
            (self.outline.adjacency.degree(index) as u64, 4),
            (u64::from(atom.atomic_number), 7),
            (u64::from(!atom.is_aromatic), 1),
            ((i64::from(atom.formal_charge) + 8).max(0) as u64, 4),
            (u64::from(atom.hydrogens), 4),
        ];
        let widest = |bits: u32| (1 << bits) - 1;
        let key = |key, &(value, bits): &(u64, u32)| key << bits | value.min(widest(bits));
        let radicals = u64::from(atom.radical_electrons).min(widest(RADICALS));
        fields.iter().fold(0, key) << 44 | hash >> (20 + RADICALS) << RADICALS | radicals
    }

    /// Splits cells until neighbours and geometry tell no more atoms apart. `changed` are
    /// the cells that are new since the partition was last equitable.
    ///
    /// # Complexity
    /// `O(m log n)` but for the geometry: of two parts only the smaller one has to be
    /// looked at from its neighbours (Hopcroft).
    pub(super) fn refine(&self, partition: &mut Partition, changed: &[usize], desk: &mut Desk) {
        for &cell in changed {
            desk.enqueue(cell);
        }
        loop {
            while let Some(splitter) = desk.queue.pop_front() {
                desk.queued[splitter] = false;
                for &from in partition.members(splitter) {
                    for (atom, label) in self.neighbors(from as usize) {
                        if !partition.is_tied(atom) {
                            continue;
                        }
                        if desk.keys[atom] == 0 {
                            desk.touched.push(atom as u32);
                        }
                        // Never 0, so that an atom is touched once.
                        desk.keys[atom] = desk.keys[atom].wrapping_add(label).max(1);
                    }
                }
                split_touched(partition, desk);
            }
            if !desk.geometry || self.geometries.atoms().all(|a| !partition.is_tied(a)) {
                return;
            }
            self.geometries.add_keys(partition, &mut desk.keys);
            let known = self.geometries.atoms().filter(|&a| desk.keys[a] != 0);
            desk.touched.extend(known.map(|atom| atom as u32));
            desk.touched.sort_unstable();
            desk.touched.dedup();
            split_touched(partition, desk);
            if desk.queue.is_empty() {
                return;
            }
        }
    }

    /// A hash of the bonds around an atom and of the hashes that `value` gives for the
    /// neighbours.
    fn surroundings(&self, atom: usize, value: impl Fn(usize) -> u64) -> u64 {
        let one = |(other, label): (usize, u64)| label.wrapping_mul(value(other));
        self.neighbors(atom).map(one).fold(0, u64::wrapping_add)
    }

    /// A hash of the whole coloured molecule, equal for partitions that a relabelling
    /// of the atoms carries into each other.
    pub(super) fn certificate(&self, partition: &Partition, desk: &mut Desk) -> u64 {
        self.geometries.add_keys(partition, &mut desk.keys);
        let color = |atom: usize| mix(u64::from(partition.color(atom)), 0);
        let one = |atom: usize| {
            mix(
                mix(color(atom), self.surroundings(atom, color)),
                desk.keys[atom],
            )
        };
        let whole = (0..self.num_atoms()).map(one).fold(0, u64::wrapping_add);
        for atom in self.geometries.atoms() {
            desk.keys[atom] = 0;
        }
        whole
    }

    /// The first tied cell next to a centre or double bond whose geometry is open.
    pub(super) fn open_stereo_cell(&self, partition: &Partition) -> Option<usize> {
        self.geometries.open_cell(partition)
    }

    pub(super) fn has_open_geometry(&self, partition: &Partition) -> bool {
        !self.geometries.is_empty() && self.open_stereo_cell(partition).is_some()
    }

    /// True for leaves on one atom: any order of them is as good as another, unless the
    /// atom is a centre that they surround.
    pub(super) fn interchangeable(&self, members: &[u32]) -> bool {
        let anchor = |&atom: &u32| match self.outline.adjacency.neighbors(atom as usize) {
            [only] => Some(only.atom),
            _ => None,
        };
        let first = anchor(&members[0]);
        let placed = |atom: usize| {
            matches!(
                self.outline.atoms[atom].chiral_tag,
                ChiralTag::NonTetrahedral(..)
            )
        };
        first.is_some_and(|atom| !placed(atom)) && members.iter().all(|m| anchor(m) == first)
    }
}

/// Splits every cell with touched members by their keys, queues the parts whose neighbours
/// have to be looked at, and clears the desk.
fn split_touched(partition: &mut Partition, desk: &mut Desk) {
    let mut touched = std::mem::take(&mut desk.touched);
    let mut parts = std::mem::take(&mut desk.parts);
    touched.sort_unstable_by_key(|&atom| partition.color(atom as usize));
    let mut rest = &mut touched[..];
    while let Some(&first) = rest.first() {
        let cell = partition.color(first as usize);
        let count = rest.partition_point(|&atom| partition.color(atom as usize) == cell);
        let (group, others) = rest.split_at_mut(count);
        rest = others;
        if partition.members(cell as usize).len() == 1 {
            continue;
        }
        parts.clear();
        partition.split(cell as usize, group, &desk.keys, &mut parts);
        let size = |part: usize| partition.members(part).len();
        // A part that waits for its turn already has to be joined by all the others.
        let waits = desk.queued[cell as usize];
        let largest = parts.iter().copied().rev().max_by_key(|&part| size(part));
        for &part in &parts {
            if waits || Some(part) != largest {
                desk.enqueue(part);
            }
        }
    }
    for &atom in &touched {
        desk.keys[atom as usize] = 0;
    }
    touched.clear();
    desk.touched = touched;
    desk.parts = parts;
}

/// A hash of what an atom is by itself.
fn atom_hash(atom: &OutlineAtom) -> u64 {
    let geometry = match atom.chiral_tag {
        ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw => 1,
        ChiralTag::NonTetrahedral(class, number) => match Placement::of(class, number) {
            Some(_) => 2 + class as u64,
            None => 8 + u64::from(number),
        },
        _ => 0,
    };
    let fields = [
        (u64::from(atom.atomic_number), 8),
        (u64::from(atom.is_aromatic), 1),
        (u64::from(atom.formal_charge as u8), 8),
        (u64::from(atom.hydrogens), 8),
        (geometry, 17),
        (u64::from(atom.isotope), 16),
    ];
    let key = |key, &(value, bits): &(u64, u32)| key << bits | value;
    mix(fields.iter().fold(0, key), u64::from(atom.atom_map))
}

/// Only dative bonds look different from their two ends.
fn bond_label(order: BondOrder, from_begin: bool) -> u64 {
    let label = match order {
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 5,
        BondOrder::Zero => 6,
        BondOrder::Unspecified => 9,
        BondOrder::Dative => 7 + u64::from(from_begin),
    };
    mix(label, 0) | 1
}

/// One step of SplitMix64 (Steele, Lea & Flood, doi:10.1145/2660193.2660195) over a pair.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(31)
        .wrapping_add(b)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
