//! The order in which a SMILES visits a molecule: a spanning tree and its ring closures.

use crate::molecule::BondOrder;
use crate::outline::Outline;

/// What a step from an atom over a bond is in the text, in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Back to the atom before.
    Parent,
    /// A ring digit that was opened before.
    Closes,
    /// A ring digit that appears here first.
    Opens,
    /// On to a branch or, last, along the chain.
    Child,
}

/// A step from an atom over a bond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) atom: u32,
    pub(super) bond: u32,
    pub(super) role: Role,
}

const NONE: u32 = u32::MAX;

/// A spanning forest of the molecule, in writing order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) roots: Vec<u32>,
    /// Steps of each atom in compressed rows, in the order of the text.
    steps: Vec<Step>,
    offsets: Vec<u32>,
    /// The atom before each atom.
    parent: Vec<u32>,
    /// Place of each atom in the text.
    pub(super) position: Vec<u32>,
}

impl Plan {
    /// Visits low `ranks` first and writes the largest branch last.
    pub(super) fn new(outline: &Outline, ranks: &[u32]) -> Self {
        let n = outline.atoms.len();
        let mut plan = Self::unvisited(outline, ranks);
        let mut discovery = Vec::with_capacity(n);
        let mut used = vec![false; outline.bonds.len()];
        let mut stack = Vec::new();
        if let Some(start) = (0..n as u32).min_by_key(|&atom| ranks[atom as usize]) {
            plan.visit(start, &mut used, &mut discovery, &mut stack);
        }
        if discovery.len() < n {
            let mut starts: Vec<u32> = (0..n as u32).collect();
            starts.sort_by_key(|&atom| ranks[atom as usize]);
            for start in starts {
                if plan.position[start as usize] == NONE {
                    plan.visit(start, &mut used, &mut discovery, &mut stack);
                }
            }
        }
        plan.largest_branch_last(&discovery);
        plan.number(&mut stack);
        plan
    }

    /// Steps by rank, `~` and multiple bonds first: a `~` at a ring digit says nothing, and digits
    /// are easier to read on single bonds.
    fn unvisited(outline: &Outline, ranks: &[u32]) -> Self {
        let n = outline.atoms.len();
        let mut steps = Vec::with_capacity(2 * outline.bonds.len());
        let mut offsets = Vec::with_capacity(n + 1);
        for atom in 0..n {
            let start = steps.len();
            offsets.push(start as u32);
            let neighbors = outline.adjacency.neighbors(atom).iter();
            steps.extend(neighbors.map(|step| Step {
                atom: step.atom as u32,
                bond: step.bond as u32,
                role: Role::Child,
            }));
            steps[start..].sort_by_key(|step| {
                let order = outline.bonds[step.bond as usize].order;
                (precedence(order), ranks[step.atom as usize])
            });
        }
        offsets.push(steps.len() as u32);
        Self {
            roots: Vec::with_capacity(1),
            steps,
            offsets,
            parent: vec![NONE; n],
            position: vec![NONE; n],
        }
    }

    /// Depth first from `start`; marks what is seen in `position`.
    fn visit(
        &mut self,
        start: u32,
        used: &mut [bool],
        discovery: &mut Vec<u32>,
        stack: &mut Vec<(u32, u32)>,
    ) {
        self.roots.push(start);
        self.position[start as usize] = 0;
        discovery.push(start);
        stack.push((start, self.offsets[start as usize]));
        while let Some((from, next)) = stack.last_mut() {
            let from = *from;
            let at = *next as usize;
            if at == self.offsets[from as usize + 1] as usize {
                stack.pop();
                continue;
            }
            *next += 1;
            let Step { atom, bond, .. } = self.steps[at];
            if std::mem::replace(&mut used[bond as usize], true) {
                continue;
            }
            // In a depth-first tree a ring bond leads to an ancestor, written before.
            let seen = self.position[atom as usize] != NONE;
            let (here, there) = if seen {
                (Role::Closes, Role::Opens)
            } else {
                (Role::Child, Role::Parent)
            };
            self.steps[at].role = here;
            let row = self.row(atom);
            let back = self.steps[row].iter_mut().find(|step| step.bond == bond);
            back.expect("a bond is a step of both its atoms").role = there;
            if !seen {
                self.position[atom as usize] = 0;
                self.parent[atom as usize] = from;
                discovery.push(atom);
                stack.push((atom, self.offsets[atom as usize]));
            }
        }
    }

    fn row(&self, atom: u32) -> std::ops::Range<usize> {
        self.offsets[atom as usize] as usize..self.offsets[atom as usize + 1] as usize
    }

    fn largest_branch_last(&mut self, discovery: &[u32]) {
        let mut size = vec![1_u32; self.parent.len()];
        for &atom in discovery.iter().rev() {
            let row = self.row(atom);
            self.steps[row].sort_by_key(|step| match step.role {
                Role::Child => (Role::Child, size[step.atom as usize]),
                role => (role, 0),
            });
            if let Some(parent) = self.parent(atom as usize) {
                size[parent] += size[atom as usize];
            }
        }
    }

    /// Numbers the atoms in the order of the text; ring digits follow their partners.
    fn number(&mut self, stack: &mut Vec<(u32, u32)>) {
        stack.extend(self.roots.iter().rev().map(|&root| (root, 0)));
        let mut next = 0;
        while let Some((atom, _)) = stack.pop() {
            self.position[atom as usize] = next;
            next += 1;
            let children = self.children(atom as usize).iter().rev();
            stack.extend(children.map(|child| (child.atom, 0)));
        }
        for atom in 0..self.parent.len() as u32 {
            let row = self.row(atom);
            let rings = |step: &&Step| matches!(step.role, Role::Opens | Role::Closes);
            if self.steps[row.clone()].iter().filter(rings).count() > 1 {
                let position = &self.position;
                self.steps[row].sort_by_key(|step| match step.role {
                    role @ (Role::Opens | Role::Closes) => (role, position[step.atom as usize]),
                    role => (role, 0),
                });
            }
        }
    }

    /// The steps of an atom in the order of the text.
    pub(super) fn steps(&self, atom: usize) -> &[Step] {
        &self.steps[self.row(atom as u32)]
    }

    /// The steps that go on from an atom; the last one continues the chain.
    pub(super) fn children(&self, atom: usize) -> &[Step] {
        let steps = self.steps(atom);
        let others = steps.iter().take_while(|step| step.role != Role::Child);
        &steps[others.count()..]
    }

    /// The atom before an atom, if it does not begin a part.
    pub(super) fn parent(&self, atom: usize) -> Option<usize> {
        let parent = self.parent[atom];
        (parent != NONE).then_some(parent as usize)
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
        self.parent(begin) != Some(end) && self.parent(end) != Some(begin)
    }
}

/// Lower for bonds that are better written along a chain than at ring digits.
fn precedence(order: BondOrder) -> u8 {
    match order {
        BondOrder::Zero | BondOrder::Unspecified => 0,
        BondOrder::Double | BondOrder::Triple | BondOrder::Quadruple => 1,
        _ => 2,
    }
}
