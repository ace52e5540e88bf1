//! How a molecule hangs together: ring blocks and the limbs that can be moved as a whole.
//!
//! A block is a set of bonds of which none can be cut without leaving a path (a ring
//! system without spiro joints) or a single bond outside rings. Blocks meet in single
//! atoms, so the drawing is a tree of blocks; the part of the tree behind an atom is a limb.

use crate::adjacency::{Adjacency, Neighbor};

/// What hangs on an atom through one block, away from the root.
#[derive(Debug, Clone)]
pub(super) struct Limb {
    /// The atom that it hangs on.
    pub(super) pivot: usize,
    /// Place in [`Limbs::order`] of its first atom, a neighbour of the pivot.
    pub(super) first: usize,
    /// Place behind its last atom.
    pub(super) end: usize,
    /// Atoms of its first block without the pivot; one for a bond outside rings.
    pub(super) block: Vec<usize>,
    /// Deepest chain of atoms below, counted in atoms.
    pub(super) depth: usize,
}

impl Limb {
    /// Number of atoms.
    pub(super) fn size(&self) -> usize {
        self.end - self.first
    }

    /// Joined by a single bond instead of a ring.
    pub(super) fn is_chain(&self) -> bool {
        self.block.len() == 1
    }
}

/// One fragment as a tree of limbs.
#[derive(Debug, Clone, Default)]
pub(super) struct Limbs {
    /// The atoms of the fragment, every limb a range of it.
    pub(super) order: Vec<usize>,
    /// Place of each atom in `order`; valid for atoms of the fragment.
    pub(super) place: Vec<usize>,
    pub(super) limbs: Vec<Limb>,
    /// Limbs that hang on each atom.
    pub(super) of_atom: Vec<Vec<usize>>,
}

struct Visit {
    atom: usize,
    parent_bond: usize,
    next: usize,
}

impl Limbs {
    /// The tree of the fragment of `root` in a molecule of `count` atoms (depth-first search for articulation points,
    /// Hopcroft and Tarjan 1973, without recursion).
    pub(super) fn new(adjacency: &Adjacency, count: usize, root: usize) -> Self {
        let mut tree = Self {
            order: vec![root],
            place: vec![usize::MAX; count],
            limbs: Vec::new(),
            of_atom: vec![Vec::new(); count],
        };
        tree.place[root] = 0;
        // Lowest place that the atoms below reach over one ring bond.
        let mut low = vec![usize::MAX; count];
        low[root] = 0;
        // Atoms whose block is not complete yet.
        let mut open: Vec<usize> = Vec::new();
        let mut stack = vec![Visit {
            atom: root,
            parent_bond: usize::MAX,
            next: 0,
        }];
        while let Some(visit) = stack.last_mut() {
            let atom = visit.atom;
            let step = adjacency.neighbors(atom).get(visit.next).copied();
            if let Some(Neighbor { atom: other, bond }) = step {
                visit.next += 1;
                if bond == visit.parent_bond {
                    continue;
                }
                if tree.place[other] == usize::MAX {
                    tree.place[other] = tree.order.len();
                    low[other] = tree.order.len();
                    tree.order.push(other);
                    open.push(other);
                    stack.push(Visit {
                        atom: other,
                        parent_bond: bond,
                        next: 0,
                    });
                } else {
                    low[atom] = low[atom].min(tree.place[other]);
                }
                continue;
            }
            stack.pop();
            let Some(parent) = stack.last().map(|visit| visit.atom) else {
                break;
            };
            low[parent] = low[parent].min(low[atom]);
            if low[atom] >= tree.place[parent] {
                let from = open.iter().rposition(|&a| a == atom).unwrap_or(0);
                let block = open.split_off(from);
                tree.of_atom[parent].push(tree.limbs.len());
                tree.limbs.push(Limb {
                    pivot: parent,
                    first: tree.place[atom],
                    end: tree.order.len(),
                    block,
                    depth: 0,
                });
            }
        }
        tree.measure();
        tree
    }

    /// Depths, from the leaves up: limbs are made after all that hang on them.
    fn measure(&mut self) {
        for index in 0..self.limbs.len() {
            let below = |&atom: &usize| {
                let depths = self.of_atom[atom]
                    .iter()
                    .map(|&limb| self.limbs[limb].depth);
                depths.max().unwrap_or(0)
            };
            let limb = &self.limbs[index];
            let deepest = limb.block.iter().map(below).max().unwrap_or(0);
            // A ring is crossed on the shorter way.
            let own = limb.block.len().div_ceil(2).max(1);
            self.limbs[index].depth = own + deepest;
        }
    }

    /// The atoms of a limb.
    pub(super) fn atoms(&self, limb: usize) -> &[usize] {
        let limb = &self.limbs[limb];
        &self.order[limb.first..limb.end]
    }

    /// Whether an atom belongs to a limb.
    pub(super) fn holds(&self, limb: usize, atom: usize) -> bool {
        let limb = &self.limbs[limb];
        (limb.first..limb.end).contains(&self.place[atom])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smiles::parse;

    #[test]
    fn blocks_meet_in_atoms() {
        // Spiro[4.5]decane with a methyl group.
        let molecule = parse("CC1CCC2(C1)CCCCC2").expect("valid");
        let tree = Limbs::new(&Adjacency::of(&molecule), molecule.num_atoms(), 0);
        let mut sizes: Vec<usize> = tree.limbs.iter().map(|limb| limb.block.len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 4, 5]);
        let spiro = tree.limbs.iter().position(|limb| limb.block.len() == 5);
        assert_eq!(spiro.map(|limb| tree.limbs[limb].pivot), Some(4));
        assert!(spiro.is_some_and(|limb| tree.holds(limb, 8) && !tree.holds(limb, 4)));
        assert_eq!(tree.order.len(), 11);
    }

    #[test]
    fn long_chains_do_not_recurse() {
        let molecule = parse(&"C".repeat(100_000)).expect("valid");
        let tree = Limbs::new(&Adjacency::of(&molecule), molecule.num_atoms(), 0);
        assert_eq!(tree.limbs.len(), 99_999);
        assert_eq!(tree.limbs.iter().map(|limb| limb.depth).max(), Some(99_999));
    }
}
