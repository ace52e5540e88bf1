//! The hierarchical navigable small world graph, and the walk through it.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
//! graphs", algorithms 2 and 5.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::near::{Near, Nearest};
use crate::vectors::Vectors;

/// Neighbours of every node on every layer that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Neighbours by node, then by layer; layer 0 holds all nodes.
    pub(crate) links: Vec<Vec<Vec<u32>>>,
    /// Where every walk begins: a node of the highest layer.
    pub(crate) entry: u32,
}

/// What a walk writes on, reused from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    seen: Vec<u32>,
    walk: u32,
}

impl Scratch {
    /// Begins a walk among `nodes`.
    fn begin(&mut self, nodes: usize) {
        if self.seen.is_empty() {
            // Memory that is zero already costs a single walk only what it touches.
            self.seen = vec![0; nodes];
        } else if self.seen.len() < nodes {
            self.seen.resize(nodes, 0);
        }
        self.walk = self.walk.wrapping_add(1);
        if self.walk == 0 {
            self.seen.fill(0);
            self.walk = 1;
        }
    }

    /// True the first time that a walk comes to a node.
    fn first_visit(&mut self, node: u32) -> bool {
        let seen = &mut self.seen[node as usize];
        let first = *seen != self.walk;
        *seen = self.walk;
        first
    }
}

impl Graph {
    /// Number of layers of a node.
    pub(crate) fn num_layers(&self, node: u32) -> usize {
        self.links[node as usize].len()
    }

    /// The `count` nearest nodes that a walk which keeps `ef` candidates finds, nearest first.
    pub(crate) fn nearest(
        &self,
        vectors: &Vectors,
        query: &[f32],
        count: usize,
        ef: usize,
        scratch: &mut Scratch,
    ) -> Vec<Near> {
        let start = self.descend(vectors, query, 0);
        let ef = ef.max(count).min(self.links.len());
        let mut found = self.search_layer(vectors, query, &[start], ef, 0, scratch);
        found.truncate(count);
        found
    }

    /// The nearest node that greedy steps reach on the layers above `layer`.
    pub(crate) fn descend(&self, vectors: &Vectors, query: &[f32], layer: usize) -> Near {
        let mut best = Near {
            key: vectors.key(query, self.entry),
            node: self.entry,
        };
        for layer in (layer + 1..self.num_layers(self.entry)).rev() {
            loop {
                let neighbours = &self.links[best.node as usize][layer];
                let nearer = neighbours
                    .iter()
                    .map(|&node| Near {
                        key: vectors.key(query, node),
                        node,
                    })
                    .min();
                match nearer {
                    Some(near) if near < best => best = near,
                    _ => break,
                }
            }
        }
        best
    }

    /// The nearest `ef` nodes of a layer that are found from `starts`, nearest first.
    pub(crate) fn search_layer(
        &self,
        vectors: &Vectors,
        query: &[f32],
        starts: &[Near],
        ef: usize,
        layer: usize,
        scratch: &mut Scratch,
    ) -> Vec<Near> {
        scratch.begin(self.links.len());
        let mut found = Nearest::new(ef);
        let mut open = BinaryHeap::new();
        for &start in starts {
            scratch.first_visit(start.node);
            found.offer(start);
            open.push(Reverse(start));
        }
        while let Some(Reverse(next)) = open.pop() {
            if found.bound().is_some_and(|bound| next > bound) {
                break;
            }
            for &node in &self.links[next.node as usize][layer] {
                if scratch.first_visit(node) {
                    let near = Near {
                        key: vectors.key(query, node),
                        node,
                    };
                    if found.offer(near) {
                        open.push(Reverse(near));
                    }
                }
            }
        }
        found.into_sorted()
    }
}
