//! The order in which a SMILES visits a molecule: a spanning tree and its ring closures.

use crate::Molecule;
use crate::adjacency::{Adjacency, Neighbor};
use crate::molecule::BondOrder;

/// A ring bond as seen from one of its atoms.
#[derive(Debug, Clone, Copy)]
pub(super) struct RingEnd {
    pub(super) partner: usize,
    pub(super) bond: usize,
    /// True where the digit appears first.
    pub(super) opens: bool,
}

/// A spanning forest of the molecule, in writing order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) roots: Vec<usize>,
    pub(super) parent: Vec<Option<Neighbor>>,
    /// Per atom its tree children; the last one continues the chain.
    pub(super) children: Vec<Vec<Neighbor>>,
    /// Per atom its ring digits, closing ones first.
    pub(super) rings: Vec<Vec<RingEnd>>,
    /// Place of each atom in the text.
    pub(super) position: Vec<usize>,
}

impl Plan {
    /// Visits low `ranks` first and writes the largest branch last.
    pub(super) fn new(molecule: &Molecule, adjacency: &Adjacency, ranks: &[u32]) -> Self {
        let n = molecule.num_atoms();
        let mut plan = Self {
            roots: Vec::new(),
            parent: vec![None; n],
            children: vec![Vec::new(); n],
            rings: vec![Vec::new(); n],
            position: vec![usize::MAX; n],
        };
        let multiple: Vec<bool> = molecule
            .bonds()
            .map(|b| {
                matches!(
                    b.bond.order,
                    BondOrder::Double | BondOrder::Triple | BondOrder::Quadruple
                )
            })
            .collect();
        let mut starts: Vec<usize> = (0..n).collect();
        starts.sort_by_key(|&atom| ranks[atom]);
        let mut seen = vec![false; n];
        let mut used = vec![false; molecule.num_bonds()];
        let mut discovery = Vec::with_capacity(n);
        // Multiple bonds first, so that ring digits fall on single bonds.
        let steps_of = |atom: usize| {
            let mut steps = adjacency.neighbors(atom).to_vec();
            steps.sort_by_key(|s| (!multiple[s.bond], ranks[s.atom]));
            steps
        };
        for start in starts {
            if seen[start] {
                continue;
            }
            plan.roots.push(start);
            seen[start] = true;
            discovery.push(start);
            let mut stack = vec![(start, steps_of(start), 0)];
            while let Some((atom, steps, next)) = stack.last_mut() {
                let Some(&step) = steps.get(*next) else {
                    stack.pop();
                    continue;
                };
                *next += 1;
                let from = *atom;
                if std::mem::replace(&mut used[step.bond], true) {
                    continue;
                }
                if seen[step.atom] {
                    plan.add_ring(step.atom, from, step.bond);
                } else {
                    seen[step.atom] = true;
                    discovery.push(step.atom);
                    plan.parent[step.atom] = Some(Neighbor {
                        atom: from,
                        bond: step.bond,
                    });
                    plan.children[from].push(step);
                    stack.push((step.atom, steps_of(step.atom), 0));
                }
            }
        }
        plan.largest_branch_last(&discovery);
        plan.number();
        plan
    }

    /// In a depth-first tree a ring bond leads to an ancestor, which is written before.
    fn add_ring(&mut self, ancestor: usize, descendant: usize, bond: usize) {
        for (atom, partner, opens) in [(ancestor, descendant, true), (descendant, ancestor, false)]
        {
            self.rings[atom].push(RingEnd {
                partner,
                bond,
                opens,
            });
        }
    }

    fn largest_branch_last(&mut self, discovery: &[usize]) {
        let mut size = vec![1_usize; self.parent.len()];
        for &atom in discovery.iter().rev() {
            self.children[atom].sort_by_key(|child| size[child.atom]);
            if let Some(parent) = self.parent[atom] {
                size[parent.atom] += size[atom];
            }
        }
    }

    fn number(&mut self) {
        let mut stack: Vec<usize> = self.roots.iter().rev().copied().collect();
        let mut next = 0;
        while let Some(atom) = stack.pop() {
            self.position[atom] = next;
            next += 1;
            stack.extend(self.children[atom].iter().rev().map(|child| child.atom));
        }
        let position = &self.position;
        for rings in &mut self.rings {
            rings.sort_by_key(|ring| (ring.opens, position[ring.partner]));
        }
    }

    /// The atom from which a bond is written.
    pub(super) fn writes_from(&self, begin: usize, end: usize) -> usize {
        if self.position[begin] < self.position[end] {
            begin
        } else {
            end
        }
    }

    /// True when a bond is written as a ring digit.
    pub(super) fn is_ring_digit(&self, begin: usize, end: usize) -> bool {
        let child = if self.writes_from(begin, end) == begin {
            end
        } else {
            begin
        };
        self.parent[child].is_none_or(|parent| parent.atom != begin && parent.atom != end)
    }

    /// The neighbours of an atom in the order of the text; `None` is the hydrogen
    /// written inside its brackets.
    pub(super) fn written_neighbors(&self, atom: usize, hydrogen: bool) -> Vec<Option<usize>> {
        let before = self.parent[atom].map(|parent| Some(parent.atom));
        let rings = self.rings[atom].iter().map(|ring| Some(ring.partner));
        let after = self.children[atom].iter().map(|child| Some(child.atom));
        let hydrogen = hydrogen.then_some(None);
        before
            .into_iter()
            .chain(hydrogen)
            .chain(rings)
            .chain(after)
            .collect()
    }
}
