//! Colour refinement over bonds, tetrahedral centres and double bonds.

use std::collections::VecDeque;

use super::RankBy;
use super::partition::Partition;
use crate::Molecule;
use crate::adjacency::{Adjacency, Neighbor, is_odd_permutation};
use crate::molecule::{Atom, BondOrder, BondRef, BondStereo, ChiralTag};

/// A tetrahedral centre: its neighbours in bond order and the sense of rotation.
struct Center {
    atom: usize,
    neighbors: Vec<usize>,
    clockwise: bool,
}

/// A double bond with known geometry and, per end, the other substituents.
struct DoubleBond {
    ends: [usize; 2],
    /// Substituents at each end; the first is the one that `trans` refers to.
    substituents: [Vec<usize>; 2],
    trans: bool,
}

/// Everything of a molecule that refinement looks at.
pub(crate) struct Refiner {
    adjacency: Adjacency,
    /// Begin atom and label of each bond; only dative bonds look different from there.
    bonds: Vec<(usize, BondOrder)>,
    atom_keys: Vec<[u64; 2]>,
    centers: Vec<Center>,
    double_bonds: Vec<DoubleBond>,
}

/// Space that refinements share, so that a small change costs little.
pub(crate) struct Desk {
    /// Per atom the hash under construction, 0 between refinements.
    keys: Vec<u64>,
    queue: VecDeque<usize>,
    queued: Vec<bool>,
    /// Whether geometry counts; it is looked at as a whole, which takes time.
    pub(crate) geometry: bool,
}

impl Desk {
    pub(crate) fn new(num_atoms: usize) -> Self {
        Self {
            keys: vec![0; num_atoms],
            queue: VecDeque::new(),
            queued: vec![false; num_atoms],
            geometry: true,
        }
    }

    fn enqueue(&mut self, cell: usize) {
        if !std::mem::replace(&mut self.queued[cell], true) {
            self.queue.push_back(cell);
        }
    }
}

impl Refiner {
    pub(crate) fn new(molecule: &Molecule, by: RankBy) -> Self {
        let adjacency = Adjacency::of(molecule);
        let atoms = molecule.atoms().enumerate();
        let atom_keys = atoms
            .map(|(index, atom)| atom_key(atom, adjacency.degree(index), by))
            .collect();
        let (mut centers, mut double_bonds) = (Vec::new(), Vec::new());
        if by.isomeric {
            centers = tetrahedral_centers(molecule, &adjacency);
            double_bonds = molecule
                .bonds()
                .filter_map(|bond| double_bond(bond, &adjacency))
                .collect();
        }
        Self {
            bonds: molecule.bonds().map(|b| (b.begin, b.bond.order)).collect(),
            adjacency,
            atom_keys,
            centers,
            double_bonds,
        }
    }

    pub(crate) fn num_atoms(&self) -> usize {
        self.adjacency.num_atoms()
    }

    /// The coarsest equitable partition.
    pub(crate) fn initial(&self, desk: &mut Desk) -> Partition {
        let mut partition = Partition::by_keys(&self.atom_keys);
        let cells: Vec<usize> = partition.cells().collect();
        self.refine(&mut partition, &cells, desk);
        partition
    }

    /// Splits cells until neighbours and geometry tell no more atoms apart. `changed` are
    /// the cells that are new since the partition was last equitable.
    ///
    /// # Complexity
    /// `O(m log n)` but for the geometry: of two parts only the smaller one has to be
    /// looked at from its neighbours (Hopcroft).
    pub(crate) fn refine(&self, partition: &mut Partition, changed: &[usize], desk: &mut Desk) {
        for &cell in changed {
            desk.enqueue(cell);
        }
        loop {
            while let Some(splitter) = desk.queue.pop_front() {
                desk.queued[splitter] = false;
                let mut touched = Vec::new();
                for &from in partition.members(splitter) {
                    for step in self.adjacency.neighbors(from as usize) {
                        if desk.keys[step.atom] == 0 {
                            touched.push(step.atom as u32);
                        }
                        let (begin, order) = self.bonds[step.bond];
                        let label = bond_label(order, begin == step.atom);
                        // Never 0, so that an atom is touched once.
                        let key = desk.keys[step.atom].wrapping_add(mix(label, 0));
                        desk.keys[step.atom] = key.max(1);
                    }
                }
                let keys = std::mem::take(&mut desk.keys);
                split_all(partition, &mut touched, &keys, desk);
                desk.keys = keys;
                for atom in touched {
                    desk.keys[atom as usize] = 0;
                }
            }
            if !desk.geometry || (self.centers.is_empty() && self.double_bonds.is_empty()) {
                return;
            }
            let geometry = self.geometry(partition);
            let known = |&atom: &u32| geometry[atom as usize] != 0;
            let mut touched: Vec<u32> = (0..self.num_atoms() as u32).filter(known).collect();
            split_all(partition, &mut touched, &geometry, desk);
            if desk.queue.is_empty() {
                return;
            }
        }
    }

    /// A hash of the colours and bonds around an atom.
    fn surroundings(&self, partition: &Partition, atom: usize) -> u64 {
        let one = |step: &Neighbor| {
            let (begin, order) = self.bonds[step.bond];
            let label = bond_label(order, begin == atom);
            mix(label, u64::from(partition.color(step.atom)))
        };
        let neighbors = self.adjacency.neighbors(atom);
        neighbors.iter().map(one).fold(0, u64::wrapping_add)
    }

    /// Per atom, what its geometry looks like relative to the colours (0 when open).
    fn geometry(&self, partition: &Partition) -> Vec<u64> {
        let mut keys = vec![0_u64; self.adjacency.num_atoms()];
        for center in &self.centers {
            if let Some(odd) = orientation(partition, &center.neighbors) {
                keys[center.atom] = mix(1, u64::from(odd ^ center.clockwise));
            }
        }
        for bond in &self.double_bonds {
            if let Some(trans) = bond.geometry(partition) {
                for (end, other) in [(0, 1), (1, 0)] {
                    let color = partition.color(bond.ends[other]);
                    let key = mix(2 + u64::from(trans), u64::from(color));
                    keys[bond.ends[end]] = keys[bond.ends[end]].wrapping_add(key);
                }
            }
        }
        keys
    }

    /// A hash of the whole coloured molecule, equal for partitions that a relabelling
    /// of the atoms carries into each other.
    pub(crate) fn certificate(&self, partition: &Partition) -> u64 {
        let geometry = self.geometry(partition);
        (0..self.adjacency.num_atoms())
            .map(|atom| {
                let color = u64::from(partition.color(atom));
                mix(
                    mix(color, self.surroundings(partition, atom)),
                    geometry[atom],
                )
            })
            .fold(0, u64::wrapping_add)
    }

    /// The first tied cell next to a centre or double bond whose geometry is open.
    pub(crate) fn open_stereo_cell(&self, partition: &Partition) -> Option<usize> {
        let centers = self.centers.iter();
        let open_centers = centers.filter(|c| orientation(partition, &c.neighbors).is_none());
        let bonds = self.double_bonds.iter();
        let open_bonds = bonds.filter(|bond| bond.geometry(partition).is_none());
        let around_bonds = open_bonds.flat_map(|bond| bond.substituents.iter().flatten());
        open_centers
            .flat_map(|center| &center.neighbors)
            .chain(around_bonds)
            .map(|&atom| partition.color(atom) as usize)
            .filter(|&cell| partition.members(cell).len() > 1)
            .min()
    }

    /// True for leaves on one atom: any order of them is as good as another.
    pub(crate) fn interchangeable(&self, members: &[u32]) -> bool {
        let anchor = |&atom: &u32| match self.adjacency.neighbors(atom as usize) {
            [only] => Some(only.atom),
            _ => None,
        };
        let first = anchor(&members[0]);
        let alone = |m: &u32| self.adjacency.degree(*m as usize) == 0;
        (first.is_some() && members.iter().all(|m| anchor(m) == first)) || members.iter().all(alone)
    }
}

/// Splits every cell with `touched` members by their `keys`, and queues the parts whose
/// neighbours have to be looked at.
fn split_all(partition: &mut Partition, touched: &mut [u32], keys: &[u64], desk: &mut Desk) {
    touched.sort_unstable_by_key(|&atom| partition.color(atom as usize));
    let mut parts = Vec::new();
    let mut rest = touched;
    while let Some(&first) = rest.first() {
        let cell = partition.color(first as usize);
        let count = rest.partition_point(|&atom| partition.color(atom as usize) == cell);
        let (group, others) = rest.split_at_mut(count);
        rest = others;
        if partition.members(cell as usize).len() == 1 {
            continue;
        }
        parts.clear();
        partition.split(cell as usize, group, keys, &mut parts);
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
}

impl DoubleBond {
    /// True for trans, relative to the substituents of lower colour; `None` when tied.
    fn geometry(&self, partition: &Partition) -> Option<bool> {
        let mut trans = self.trans;
        for side in &self.substituents {
            if let [reference, other] = side[..] {
                let (a, b) = (partition.color(reference), partition.color(other));
                if a == b {
                    return None;
                }
                trans ^= a > b;
            }
        }
        Some(trans)
    }
}

/// Whether the colours of `atoms` are an odd permutation; `None` when two are equal.
fn orientation(partition: &Partition, atoms: &[usize]) -> Option<bool> {
    let colors: Vec<u32> = atoms.iter().map(|&atom| partition.color(atom)).collect();
    let distinct = (1..colors.len()).all(|i| !colors[..i].contains(&colors[i]));
    distinct.then(|| is_odd_permutation(&colors))
}

fn tetrahedral_centers(molecule: &Molecule, adjacency: &Adjacency) -> Vec<Center> {
    let of = |(atom, data): (usize, &Atom)| {
        let clockwise = match data.chiral_tag {
            ChiralTag::TetrahedralCw => true,
            ChiralTag::TetrahedralCcw => false,
            _ => return None,
        };
        let neighbors = adjacency.neighbors(atom).iter().map(|n| n.atom).collect();
        Some(Center {
            atom,
            neighbors,
            clockwise,
        })
    };
    molecule.atoms().enumerate().filter_map(of).collect()
}

fn double_bond(bond: BondRef<'_>, adjacency: &Adjacency) -> Option<DoubleBond> {
    let trans = match bond.bond.stereo {
        BondStereo::E | BondStereo::Trans => true,
        BondStereo::Z | BondStereo::Cis => false,
        _ => return None,
    };
    let references = bond.bond.stereo_atoms?;
    let ends = [bond.begin, bond.end];
    let side = |end: usize| {
        let reference = references[end] as usize;
        let others = adjacency.neighbors(ends[end]).iter().map(|n| n.atom);
        let others = others.filter(|&atom| atom != ends[1 - end] && atom != reference);
        std::iter::once(reference).chain(others).collect()
    };
    Some(DoubleBond {
        ends,
        substituents: [side(0), side(1)],
        trans,
    })
}

/// Low degree first, then low atomic number, so that SMILES begin at chain ends.
fn atom_key(atom: &Atom, degree: usize, by: RankBy) -> [u64; 2] {
    let hydrogens = u64::from(atom.explicit_hydrogens) + u64::from(atom.implicit_hydrogens);
    let charge = i64::from(atom.formal_charge) + 128;
    let isotope = if by.isomeric { atom.isotope } else { 0 };
    let geometry = match atom.chiral_tag {
        _ if !by.isomeric => 0,
        ChiralTag::Unspecified => 0,
        ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw => 1,
        _ => 2,
    };
    let fields = [
        (degree.min(255) as u64, 8),
        (u64::from(atom.atomic_number), 8),
        (u64::from(!atom.is_aromatic), 1),
        (charge as u64, 9),
        (hydrogens, 9),
        (u64::from(atom.radical_electrons), 8),
        (geometry, 2),
    ];
    let packed = fields
        .iter()
        .fold(0, |key, (value, bits)| key << bits | value);
    let map = if by.atom_maps { atom.atom_map } else { 0 };
    [packed, u64::from(isotope) << 32 | u64::from(map)]
}

fn bond_label(order: BondOrder, from_begin: bool) -> u64 {
    match order {
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 5,
        BondOrder::Zero => 6,
        BondOrder::Unspecified => 9,
        BondOrder::Dative => 7 + u64::from(from_begin),
    }
}

/// One step of SplitMix64 (Steele, Lea & Flood, doi:10.1145/2660193.2660195) over a pair.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(31)
        .wrapping_add(b)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
