//! The relevant cycles of one ring system, by Vismara's algorithm.
//!
//! For every branch point r and every pair of shortest paths from r that use only nodes
//! before r, a cycle family is formed; a family is relevant when its prototype is no sum
//! of shorter cycles.
//!
//! # Complexity
//! Memory is the product of nodes and branch points of the ring system.

use super::cycle_basis::Basis;
use super::cycle_paths::{Graph, Paths};
use super::draft::DraftBond;
use super::effort::Effort;
use super::two_rings::TwoRings;
use crate::error::PerceptionError;
use crate::rows::Rows;

/// Rings of one system that are listed. A macrocycle through n benzene rings has 2ⁿ
/// relevant cycles; beyond this number each family is represented by one of its rings.
const MAX_RINGS: usize = 1_000;

/// Steps that a family is worth: its memory is what they limit.
const FAMILY_STEPS: usize = 200;
/// Paths that are kept for the next molecule; those of larger systems are given back.
const MAX_SPARE_PATHS: usize = 1 << 16;

/// A family of cycles: all shortest paths r–p and r–q, closed by p–q or p–x–q.
#[derive(Debug, Clone, Copy)]
struct Family {
    /// Number of the root r among the branch points.
    row: u32,
    p: u32,
    q: u32,
    apex: Option<u32>,
    weight: u32,
    is_relevant: bool,
}

/// The search; the memory is reused from system to system.
#[derive(Debug, Default)]
pub(super) struct CycleSearch {
    graph: Graph,
    paths: Paths,
    families: Vec<Family>,
    basis: Basis,
    candidates: Vec<u32>,
    to_p: PathList,
    to_q: PathList,
    two_rings: TwoRings,
}

impl CycleSearch {
    /// Takes over a ring system: some of the bonds of a molecule.
    pub(super) fn load(&mut self, bonds: &[DraftBond], system: &mut [u32], num_atoms: usize) {
        self.graph.load(bonds, system, num_atoms);
    }

    pub(super) fn num_nodes(&self) -> usize {
        self.graph.len()
    }

    /// Number of rings in a smallest set of smallest rings.
    fn rank(&self) -> usize {
        self.graph.edges.len() + 1 - self.graph.len()
    }

    /// Adds the relevant cycles as atoms in ring order.
    pub(super) fn relevant(
        &mut self,
        rings: &mut Rows,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        if self.rank() == 2 {
            self.two_rings.list(&self.graph, rings);
            return Ok(());
        }
        let result = self.find(rings, effort);
        if self.paths.len() > MAX_SPARE_PATHS {
            *self = Self::default();
        }
        result
    }

    fn find(&mut self, rings: &mut Rows, effort: &mut Effort) -> Result<(), PerceptionError> {
        self.paths.find(&self.graph, effort)?;
        self.find_families(effort)?;
        self.families.sort_by_key(|family| family.weight);
        self.mark_relevant(effort)?;
        let before = rings.len();
        for family in self.families.iter().filter(|family| family.is_relevant) {
            let listed = rings.len() - before;
            let limit = MAX_RINGS.saturating_sub(listed).max(1);
            let (row, root) = (family.row as usize, self.paths.roots[family.row as usize]);
            self.to_p
                .find(&self.graph, &self.paths, row, family.p, limit);
            self.to_q
                .find(&self.graph, &self.paths, row, family.q, limit);
            // The cycles of a family: every shortest path to p with every one to q.
            let pairs = self
                .to_p
                .iter()
                .flat_map(|p| self.to_q.iter().map(move |q| (p, q)));
            for (p, q) in pairs.take(limit) {
                let there = p.iter().rev().copied().chain(family.apex);
                // The root closes the ring only once.
                let back = q.iter().copied().filter(|node| *node != root);
                for node in there.chain(back) {
                    rings.push(self.graph.nodes[node as usize]);
                }
                rings.close();
            }
        }
        Ok(())
    }

    fn find_families(&mut self, effort: &mut Effort) -> Result<(), PerceptionError> {
        let Self {
            graph,
            paths,
            families,
            candidates,
            ..
        } = self;
        families.clear();
        for row in 0..paths.roots.len() {
            for y in (0..graph.len() as u32).filter(|y| paths.reachable(row, *y)) {
                let before = families.len();
                let mut add = |p: u32, q: u32, apex: Option<u32>| {
                    let both = paths.distance(row, p) + paths.distance(row, q);
                    families.push(Family {
                        row: row as u32,
                        p,
                        q,
                        apex,
                        weight: both + 1 + u32::from(apex.is_some()),
                        is_relevant: false,
                    });
                };
                candidates.clear();
                let far = paths.distance(row, y);
                for z in graph.neighbors(y).filter(|z| paths.reachable(row, *z)) {
                    let near = paths.distance(row, z);
                    if near + 1 == far {
                        candidates.push(z);
                    } else if near != far + 1
                        && graph.precedes(z, y)
                        && paths.meet_only_at_root(row, y, z)
                    {
                        add(y, z, None);
                    }
                }
                for (first, p) in candidates.iter().enumerate() {
                    for q in &candidates[first + 1..] {
                        if paths.meet_only_at_root(row, *p, *q) {
                            add(*p, *q, Some(y));
                        }
                    }
                }
                let pairs = candidates.len() * candidates.len();
                effort.spend(pairs + FAMILY_STEPS * (families.len() - before))?;
            }
        }
        Ok(())
    }

    /// Which prototypes are no sum of strictly shorter ones: one weight after the other,
    /// until the basis is complete.
    fn mark_relevant(&mut self, effort: &mut Effort) -> Result<(), PerceptionError> {
        let rank = self.rank();
        let Self {
            graph,
            paths,
            families,
            basis,
            ..
        } = self;
        basis.start(graph.edges.len());
        let mut shorter = 0;
        let mut weight = 0;
        for family in families {
            if family.weight != weight {
                weight = family.weight;
                shorter = basis.len();
                if shorter == rank {
                    return Ok(());
                }
            }
            basis.begin();
            // The prototype: the family's first cycle.
            for end in [family.p, family.q] {
                let mut node = end;
                while node != paths.roots[family.row as usize] {
                    let previous = paths.predecessor(family.row as usize, node);
                    basis.mark(graph.edge(previous, node));
                    node = previous;
                }
            }
            if let Some(apex) = family.apex {
                basis.mark(graph.edge(family.p, apex));
                basis.mark(graph.edge(apex, family.q));
            } else {
                basis.mark(graph.edge(family.p, family.q));
            }
            family.is_relevant = basis.examine(shorter, effort)?;
        }
        Ok(())
    }
}

/// Paths of one length, each from its end back to the root.
#[derive(Debug, Default)]
struct PathList {
    length: usize,
    nodes: Vec<u32>,
    /// The path under way, and how many neighbours of each node have been tried.
    walk: Vec<(u32, usize)>,
}

impl PathList {
    /// Lists shortest paths to `end` through nodes before the root, at most `limit`.
    fn find(&mut self, graph: &Graph, paths: &Paths, row: usize, end: u32, limit: usize) {
        self.length = paths.distance(row, end) as usize + 1;
        self.nodes.clear();
        self.walk.clear();
        self.walk.push((end, 0));
        let root = paths.roots[row];
        while let Some((node, tried)) = self.walk.last_mut() {
            if *node == root {
                self.nodes.extend(self.walk.iter().map(|(node, _)| *node));
                if self.nodes.len() >= limit * self.length {
                    return;
                }
                self.walk.pop();
                continue;
            }
            let far = paths.distance(row, *node);
            let closer = |other: &u32| {
                paths.distance(row, *other) + 1 == far
                    && (*other == root || paths.reachable(row, *other))
            };
            let mut next = graph.neighbors(*node).enumerate().skip(*tried);
            if let Some((at, other)) = next.find(|(_, other)| closer(other)) {
                *tried = at + 1;
                self.walk.push((other, 0));
            } else {
                self.walk.pop();
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.nodes.chunks_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::perceive::rings::normalize;

    /// Edges of three paths between atoms 0 and 1, with so many atoms on each.
    fn three_paths(lengths: [usize; 3]) -> Vec<[u32; 2]> {
        let mut edges = Vec::new();
        let mut atom = 1;
        for length in lengths {
            let mut before = 0;
            for _ in 0..length {
                atom += 1;
                edges.push([before, atom]);
                before = atom;
            }
            edges.push([before, 1]);
        }
        edges
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn two_rings_are_those_of_the_search(
            lengths in prop::array::uniform3(0_usize..9),
            swaps in prop::collection::vec(any::<[Index; 4]>(), 30),
        ) {
            prop_assume!(lengths.iter().filter(|length| **length == 0).count() < 2);
            let mut edges = three_paths(lengths);
            let num_atoms = 2 + lengths.iter().sum::<usize>();
            let mut names: Vec<u32> = (0..num_atoms as u32).collect();
            for [a, b, c, d] in swaps {
                names.swap(a.index(num_atoms), b.index(num_atoms));
                let num_edges = edges.len();
                edges.swap(c.index(num_edges), d.index(num_edges));
            }
            let named = edges.iter().map(|edge| edge.map(|atom| names[atom as usize]));
            let mut search = CycleSearch::default();
            search.graph.load_edges(named, num_atoms);
            prop_assert_eq!(search.rank(), 2);
            let (mut direct, mut searched) = (Rows::default(), Rows::default());
            let mut effort = Effort::new(u64::MAX);
            search.relevant(&mut direct, &mut effort).expect("no limit");
            search.find(&mut searched, &mut effort).expect("no limit");
            direct.for_each_mut(normalize);
            searched.for_each_mut(normalize);
            prop_assert_eq!(direct, searched);
        }
    }
}
