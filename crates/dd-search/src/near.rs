//! Candidates, ordered by distance and then by number, so that nothing is left to chance.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A node and its key to the query: the order of heaps and answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub(crate) key: f32,
    pub(crate) node: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key
            .total_cmp(&other.key)
            .then(self.node.cmp(&other.node))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Near {}

/// The nearest `limit` of the candidates seen so far.
pub(crate) struct Nearest {
    heap: BinaryHeap<Near>,
    limit: usize,
}

impl Nearest {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(limit + 1),
            limit,
        }
    }

    /// Takes the candidate if it is among the nearest; says whether it did.
    pub(crate) fn offer(&mut self, near: Near) -> bool {
        if self.heap.len() < self.limit {
            self.heap.push(near);
            return true;
        }
        match self.heap.peek_mut() {
            Some(mut worst) if near < *worst => {
                *worst = near;
                true
            }
            _ => false,
        }
    }

    /// The farthest, when there are as many as asked for.
    pub(crate) fn bound(&self) -> Option<Near> {
        (self.heap.len() == self.limit)
            .then(|| self.heap.peek().copied())
            .flatten()
    }

    /// All, nearest first.
    pub(crate) fn into_sorted(self) -> Vec<Near> {
        self.heap.into_sorted_vec()
    }
}
