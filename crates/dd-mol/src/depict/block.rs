//! One ring block on its own: its bonds and a basis of its rings, in local numbers.

use std::collections::VecDeque;

use crate::adjacency::Adjacency;

/// Blocks with more independent rings keep their basis.
const MOST_FACES: usize = 40;

/// A ring block. Local atom 0 is the atom that the block hangs on.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// Index in the molecule of each local atom.
    pub(super) atoms: Vec<usize>,
    /// Local ends of each bond.
    pub(super) bonds: Vec<[usize; 2]>,
    /// Local neighbours of each atom.
    pub(super) neighbors: Vec<Vec<usize>>,
    /// Independent rings that span all others, smallest first, as local atoms in order.
    pub(super) rings: Vec<Vec<usize>>,
}

impl Block {
    /// The block of `atoms`, with the rings among `known` that lie in it; `local` is
    /// scratch space, `usize::MAX` for every atom of the molecule, and left so.
    pub(super) fn new(
        adjacency: &Adjacency,
        atoms: Vec<usize>,
        known: &[&[u32]],
        local: &mut [usize],
    ) -> Self {
        for (index, &atom) in atoms.iter().enumerate() {
            local[atom] = index;
        }
        let mut block = Self {
            neighbors: vec![Vec::new(); atoms.len()],
            ..Self::default()
        };
        for (index, &atom) in atoms.iter().enumerate() {
            for step in adjacency.neighbors(atom) {
                let other = local[step.atom];
                if other != usize::MAX {
                    block.neighbors[index].push(other);
                    if index < other {
                        block.bonds.push([index, other]);
                    }
                }
            }
        }
        block.bonds.sort_unstable();
        let mut candidates: Vec<Vec<usize>> = known
            .iter()
            .map(|ring| ring.iter().map(|&atom| local[atom as usize]).collect())
            .collect();
        candidates.sort_by_key(Vec::len);
        for &atom in &atoms {
            local[atom] = usize::MAX;
        }
        block.atoms = atoms;
        block.rings = block.independent(candidates);
        block
    }

    pub(super) fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Candidates that are no sum of earlier ones; rings that chemistry does not count
    /// (closed by dative bonds) are added where needed.
    fn independent(&self, candidates: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        let wanted = (self.bonds.len() + 1).saturating_sub(self.atoms.len());
        let mut basis = Basis::default();
        let mut rings = Vec::new();
        for ring in candidates {
            if rings.len() < wanted && basis.add(self.edge_set(&ring)) {
                rings.push(ring);
            }
        }
        if rings.len() < wanted {
            let mut more: Vec<Vec<usize>> = self
                .bonds
                .iter()
                .filter_map(|&bond| self.cycle(bond))
                .collect();
            more.sort_by_key(Vec::len);
            for ring in more {
                if rings.len() < wanted && basis.add(self.edge_set(&ring)) {
                    rings.push(ring);
                }
            }
            rings.sort_by_key(Vec::len);
        }
        rings
    }

    /// The bond between two neighbours.
    pub(super) fn bond(&self, a: usize, b: usize) -> Option<usize> {
        let ends = [a.min(b), a.max(b)];
        self.bonds.binary_search(&ends).ok()
    }

    fn edge_set(&self, ring: &[usize]) -> Vec<u64> {
        let mut set = vec![0_u64; self.bonds.len().div_ceil(64)];
        for (at, &atom) in ring.iter().enumerate() {
            if let Some(bond) = self.bond(atom, ring[(at + 1) % ring.len()]) {
                set[bond / 64] ^= 1 << (bond % 64);
            }
        }
        set
    }

    /// A shortest ring through a bond.
    fn cycle(&self, [from, to]: [usize; 2]) -> Option<Vec<usize>> {
        let mut parent = vec![usize::MAX; self.len()];
        parent[from] = from;
        let mut queue = VecDeque::from([from]);
        while let Some(atom) = queue.pop_front() {
            for &other in &self.neighbors[atom] {
                if parent[other] != usize::MAX || (atom == from && other == to) {
                    continue;
                }
                parent[other] = atom;
                if other == to {
                    let mut ring = vec![to];
                    let mut at = to;
                    while at != from {
                        at = parent[at];
                        ring.push(at);
                    }
                    return Some(ring);
                }
                queue.push_back(other);
            }
        }
        None
    }

    /// The rings that could lie around a drawing without crossings, the most likely first:
    /// the sum of a planar basis, then the rings of that basis, largest first.
    pub(super) fn outlines(&self) -> Vec<Vec<usize>> {
        let faces = self.planar_basis();
        let uses = self.uses(&faces);
        let mut outlines = Vec::new();
        if uses.iter().all(|&count| count <= 2) {
            outlines.extend(self.trace(|bond| uses[bond] == 1));
        }
        let mut rings: Vec<Vec<usize>> = faces
            .iter()
            .filter_map(|face| self.trace(|bond| holds(face, bond)))
            .collect();
        rings.sort_by_key(|ring| std::cmp::Reverse(ring.len()));
        outlines.extend(rings);
        outlines
    }

    /// The basis changed, where possible, so that no bond is in more than two rings: then
    /// its rings are the faces of a planar drawing (MacLane, Fund. Math. 28 (1937) 22).
    fn planar_basis(&self) -> Vec<Vec<u64>> {
        let mut faces: Vec<Vec<u64>> = self.rings.iter().map(|ring| self.edge_set(ring)).collect();
        if faces.len() > MOST_FACES {
            return faces;
        }
        let overload = |faces: &[Vec<u64>]| -> usize {
            let uses = self.uses(faces);
            uses.iter()
                .map(|&count| usize::from(count).saturating_sub(2))
                .sum()
        };
        let mut current = overload(&faces);
        while current > 0 {
            let mut best = (current, None);
            let count = faces.len();
            for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
                let sum: Vec<u64> = faces[i].iter().zip(&faces[j]).map(|(a, b)| a ^ b).collect();
                if i == j || self.trace(|bond| holds(&sum, bond)).is_none() {
                    continue;
                }
                let old = std::mem::replace(&mut faces[i], sum);
                let load = overload(&faces);
                let sum = std::mem::replace(&mut faces[i], old);
                if load < best.0 {
                    best = (load, Some((i, sum)));
                }
            }
            let (load, Some((i, sum))) = best else { break };
            faces[i] = sum;
            current = load;
        }
        faces
    }

    /// In how many of the sets each bond is.
    fn uses(&self, faces: &[Vec<u64>]) -> Vec<u8> {
        let of_bond = |bond: usize| faces.iter().filter(|face| holds(face, bond)).count();
        (0..self.bonds.len())
            .map(|bond| of_bond(bond).min(255) as u8)
            .collect()
    }

    /// The bonds with `keep` as one ring, when they are one.
    fn trace(&self, keep: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
        let kept: Vec<usize> = (0..self.bonds.len()).filter(|&bond| keep(bond)).collect();
        let start = self.bonds[*kept.first()?][0];
        let mut ring = vec![start];
        let (mut before, mut at) = (usize::MAX, start);
        loop {
            let mut next = self.neighbors[at]
                .iter()
                .copied()
                .filter(|&other| other != before && self.bond(at, other).is_some_and(&keep));
            let other = next.next()?;
            if next.next().is_some() && before != usize::MAX {
                return None;
            }
            if other == start {
                return (ring.len() == kept.len()).then_some(ring);
            }
            if ring.len() >= kept.len() {
                return None;
            }
            ring.push(other);
            (before, at) = (at, other);
        }
    }
}

fn holds(set: &[u64], bond: usize) -> bool {
    set[bond / 64] >> (bond % 64) & 1 == 1
}

/// Sets of bonds under addition modulo 2, reduced by their lowest bonds.
#[derive(Default)]
struct Basis {
    rows: Vec<(usize, Vec<u64>)>,
}

impl Basis {
    /// False when the set is a sum of those that were added before.
    fn add(&mut self, mut set: Vec<u64>) -> bool {
        for (pivot, row) in &self.rows {
            if holds(&set, *pivot) {
                for (word, other) in set.iter_mut().zip(row) {
                    *word ^= other;
                }
            }
        }
        let lowest = set.iter().position(|&word| word != 0);
        let Some(word) = lowest else { return false };
        let pivot = 64 * word + set[word].trailing_zeros() as usize;
        self.rows.push((pivot, set));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    pub(in crate::depict) fn block(smiles: &str) -> Block {
        let molecule = parse(smiles).expect("valid SMILES");
        let adjacency = Adjacency::of(&molecule);
        let rings: Vec<&[u32]> = molecule.rings().collect();
        let mut local = vec![usize::MAX; molecule.num_atoms()];
        let atoms = (0..molecule.num_atoms()).collect();
        Block::new(&adjacency, atoms, &rings, &mut local)
    }

    #[test]
    fn cubane_has_five_independent_faces_and_six_outlines() {
        let cubane = block("C12C3C4C1C5C2C3C45");
        assert_eq!(cubane.rings.len(), 5);
        let outlines = cubane.outlines();
        assert_eq!(outlines.len(), 6);
        assert!(outlines.iter().all(|ring| ring.len() == 4));
    }

    #[test]
    fn the_outline_of_naphthalene_has_ten_atoms() {
        assert_eq!(block("c1ccc2ccccc2c1").outlines()[0].len(), 10);
    }

    #[test]
    fn rings_closed_by_dative_bonds_are_found() {
        let chelate = block("[Cu]1<-NCCN->1");
        assert_eq!(chelate.rings.len(), 1);
        assert_eq!(chelate.rings[0].len(), 5);
    }
}
