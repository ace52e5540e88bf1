//! Ring systems: the biconnected components of the bond graph.

use super::draft::{Draft, DraftBond};

/// One biconnected component with at least one ring, with its own numbering.
#[derive(Debug)]
pub(crate) struct RingSystem {
    /// Atom of each node.
    pub(crate) nodes: Vec<u32>,
    /// The two nodes of each edge.
    pub(crate) edges: Vec<[u32; 2]>,
}

impl RingSystem {
    /// The atoms of a system that is one ring, in ring order.
    pub(crate) fn single_ring(&self) -> Vec<u32> {
        let mut neighbors = vec![[u32::MAX; 2]; self.nodes.len()];
        for [a, b] in &self.edges {
            for (from, to) in [(*a, *b), (*b, *a)] {
                let slots = &mut neighbors[from as usize];
                slots[usize::from(slots[0] != u32::MAX)] = to;
            }
        }
        let mut ring = Vec::with_capacity(self.nodes.len());
        let (mut previous, mut current) = (u32::MAX, 0);
        for _ in 0..self.nodes.len() {
            ring.push(self.nodes[current as usize]);
            let [first, second] = neighbors[current as usize];
            let next = if first == previous { second } else { first };
            (previous, current) = (current, next);
        }
        ring
    }
}

struct Frame {
    atom: u32,
    parent: u32,
    next: u32,
}

/// The ring systems, in the order in which a depth-first search completes them.
/// Nodes and edges are numbered by ascending bond index.
pub(crate) fn ring_systems(
    draft: &Draft,
    included: impl Fn(&DraftBond) -> bool,
) -> Vec<RingSystem> {
    let mut discovery = vec![0_u32; draft.atoms.len()];
    let mut low = vec![0_u32; draft.atoms.len()];
    let mut time = 0;
    let mut frames: Vec<Frame> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let mut systems = Vec::new();
    for start in 0..draft.atoms.len() {
        if discovery[start] != 0 {
            continue;
        }
        time += 1;
        discovery[start] = time;
        low[start] = time;
        frames.push(Frame {
            atom: start as u32,
            parent: u32::MAX,
            next: 0,
        });
        while let Some(frame) = frames.last_mut() {
            let atom = frame.atom as usize;
            if let Some(link) = draft.adjacency.of(atom).get(frame.next as usize) {
                frame.next += 1;
                let other = link.atom as usize;
                if link.atom == frame.parent || !included(&draft.bonds[link.bond as usize]) {
                    continue;
                }
                if discovery[other] == 0 {
                    time += 1;
                    discovery[other] = time;
                    low[other] = time;
                    open.push(link.bond);
                    frames.push(Frame {
                        atom: link.atom,
                        parent: atom as u32,
                        next: 0,
                    });
                } else if discovery[other] < discovery[atom] {
                    open.push(link.bond);
                    low[atom] = low[atom].min(discovery[other]);
                }
                continue;
            }
            frames.pop();
            let Some(parent) = frames.last() else {
                continue;
            };
            let parent = parent.atom as usize;
            low[parent] = low[parent].min(low[atom]);
            if low[atom] >= discovery[parent] {
                let first = open
                    .iter()
                    .rposition(|bond| {
                        let bond = &draft.bonds[*bond as usize];
                        let ends = [bond.begin as usize, bond.end as usize];
                        ends == [parent, atom] || ends == [atom, parent]
                    })
                    .expect("the tree edge is on the stack");
                if open.len() - first > 1 {
                    systems.push(number(draft, &mut open[first..]));
                }
                open.truncate(first);
            }
        }
    }
    systems
}

/// Numbers the nodes of a component by the first bond that names them.
fn number(draft: &Draft, bonds: &mut [u32]) -> RingSystem {
    bonds.sort_unstable();
    let mut nodes: Vec<u32> = Vec::with_capacity(bonds.len());
    let mut edges = Vec::with_capacity(bonds.len());
    let small = bonds.len() <= 32;
    let mut numbers = std::collections::HashMap::new();
    let mut number_of = |atom: u32| {
        if small {
            if let Some(at) = nodes.iter().position(|node| *node == atom) {
                return at as u32;
            }
            nodes.push(atom);
            return nodes.len() as u32 - 1;
        }
        *numbers.entry(atom).or_insert_with(|| {
            nodes.push(atom);
            nodes.len() as u32 - 1
        })
    };
    for bond in bonds {
        let bond = &draft.bonds[*bond as usize];
        let (low, high) = (bond.begin.min(bond.end), bond.begin.max(bond.end));
        edges.push([number_of(low), number_of(high)]);
    }
    RingSystem { nodes, edges }
}
