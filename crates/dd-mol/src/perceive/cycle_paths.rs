//! One ring system as a graph of its own, and the shortest paths from its branch points.
//!
//! Nodes are ordered by degree, then by number. A ring system of several rings has nodes
//! of degree two and more; no cycle consists of the former alone, so the last node of a
//! cycle, from which its paths start, is always one of the latter.

use super::draft::DraftBond;
use super::effort::Effort;
use crate::error::PerceptionError;
use crate::rows::Rows;

/// The graph of a ring system.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Atom of each node: numbered by the first bond that names it.
    pub(super) nodes: Vec<u32>,
    /// The two nodes of each edge, by ascending bond index.
    pub(super) edges: Vec<[u32; 2]>,
    /// Edges of each node.
    links: Rows,
    /// Node of each atom; `u32::MAX` outside.
    node_of: Vec<u32>,
}

impl Graph {
    /// Takes over a ring system.
    pub(super) fn load(&mut self, bonds: &[DraftBond], system: &mut [u32], num_atoms: usize) {
        system.sort_unstable();
        let bonds = system.iter().map(|bond| &bonds[*bond as usize]);
        self.load_edges(bonds.map(|bond| [bond.begin, bond.end]), num_atoms);
    }

    /// Takes over edges between atoms.
    pub(super) fn load_edges(&mut self, ends: impl Iterator<Item = [u32; 2]>, num_atoms: usize) {
        let Self {
            nodes,
            edges,
            links,
            node_of,
        } = self;
        nodes.clear();
        edges.clear();
        node_of.resize(num_atoms.max(node_of.len()), u32::MAX);
        for [a, b] in ends {
            edges.push([a.min(b), a.max(b)].map(|atom| {
                let node = &mut node_of[atom as usize];
                if *node == u32::MAX {
                    *node = nodes.len() as u32;
                    nodes.push(atom);
                }
                *node
            }));
        }
        for atom in nodes.iter() {
            node_of[*atom as usize] = u32::MAX;
        }
        let ends = edges.iter().enumerate();
        let ends = ends.flat_map(|(edge, [a, b])| [(*a, edge as u32), (*b, edge as u32)]);
        links.fill(nodes.len(), ends);
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn degree(&self, node: u32) -> usize {
        self.links.row(node as usize).len()
    }

    /// Nodes where more than two edges meet, ascending.
    pub(super) fn branch_points(&self) -> impl Iterator<Item = u32> {
        (0..self.len() as u32).filter(|node| self.degree(*node) > 2)
    }

    /// The order of nodes: by degree, then by number.
    pub(super) fn precedes(&self, a: u32, b: u32) -> bool {
        (self.degree(a), a) < (self.degree(b), b)
    }

    /// The neighbours of a node, in the order of the edges.
    pub(super) fn neighbors(&self, node: u32) -> impl DoubleEndedIterator<Item = u32> {
        let links = self.links.row(node as usize).iter();
        links.map(move |edge| {
            let [a, b] = self.edges[*edge as usize];
            if a == node { b } else { a }
        })
    }

    /// The edge between two neighbours.
    pub(super) fn edge(&self, a: u32, b: u32) -> u32 {
        let mut links = self.links.row(a as usize).iter();
        *links
            .find(|edge| self.edges[**edge as usize].contains(&b))
            .expect("a step of a path is an edge")
    }
}

/// Shortest paths from every branch point, first through nodes before it only.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// The branch points, ascending.
    pub(super) roots: Vec<u32>,
    /// For each root, then for each node.
    steps: Vec<Step>,
    size: usize,
    queue: Vec<u32>,
    distances: Vec<u32>,
}

/// How a root reaches a node.
#[derive(Debug, Clone, Copy)]
struct Step {
    distance: u32,
    predecessor: u32,
    /// The node after the root on the path.
    branch: u32,
    /// A shortest path exists that uses only nodes before the root.
    reachable: bool,
}

impl Paths {
    /// Number of paths that there is memory for.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Finds the paths of a graph.
    pub(super) fn find(
        &mut self,
        graph: &Graph,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        self.size = graph.len();
        self.roots.clear();
        self.roots.extend(graph.branch_points());
        self.steps.clear();
        effort.spend(self.roots.len() * (self.size + 4 * graph.edges.len()))?;
        let unreached = Step {
            distance: u32::MAX,
            predecessor: u32::MAX,
            branch: u32::MAX,
            reachable: false,
        };
        self.steps.resize(self.roots.len() * self.size, unreached);
        for row in 0..self.roots.len() {
            self.restricted(graph, row);
            self.unrestricted(graph, row);
        }
        Ok(())
    }

    /// Breadth first through nodes before the root.
    fn restricted(&mut self, graph: &Graph, row: usize) {
        let root = self.roots[row];
        let steps = &mut self.steps[row * self.size..][..self.size];
        steps[root as usize].distance = 0;
        steps[root as usize].predecessor = root;
        self.queue.clear();
        self.queue.push(root);
        let mut head = 0;
        while let Some(node) = self.queue.get(head).copied() {
            head += 1;
            let here = steps[node as usize];
            for other in graph.neighbors(node) {
                let step = &mut steps[other as usize];
                if step.distance != u32::MAX || !graph.precedes(other, root) {
                    continue;
                }
                *step = Step {
                    distance: here.distance + 1,
                    predecessor: node,
                    branch: if node == root { other } else { here.branch },
                    reachable: true,
                };
                self.queue.push(other);
            }
        }
    }

    /// Breadth first through all nodes: where a way through later ones is shorter, the
    /// restricted path does not count.
    fn unrestricted(&mut self, graph: &Graph, row: usize) {
        let root = self.roots[row];
        let steps = &mut self.steps[row * self.size..][..self.size];
        self.distances.clear();
        self.distances.resize(self.size, u32::MAX);
        self.distances[root as usize] = 0;
        self.queue.clear();
        self.queue.push(root);
        let mut head = 0;
        while let Some(node) = self.queue.get(head).copied() {
            head += 1;
            let distance = self.distances[node as usize] + 1;
            for other in graph.neighbors(node) {
                if self.distances[other as usize] != u32::MAX {
                    continue;
                }
                self.distances[other as usize] = distance;
                let step = &mut steps[other as usize];
                if distance < step.distance {
                    step.distance = distance;
                    step.reachable = false;
                }
                self.queue.push(other);
            }
        }
    }

    fn step(&self, row: usize, node: u32) -> &Step {
        &self.steps[row * self.size + node as usize]
    }

    pub(super) fn distance(&self, row: usize, node: u32) -> u32 {
        self.step(row, node).distance
    }

    pub(super) fn reachable(&self, row: usize, node: u32) -> bool {
        self.step(row, node).reachable
    }

    pub(super) fn predecessor(&self, row: usize, node: u32) -> u32 {
        self.step(row, node).predecessor
    }

    /// Whether the paths from the root to `a` and to `b` meet only at the root. The paths
    /// form a tree, so they do when they leave the root by different edges.
    pub(super) fn meet_only_at_root(&self, row: usize, a: u32, b: u32) -> bool {
        self.step(row, a).branch != self.step(row, b).branch
    }
}
