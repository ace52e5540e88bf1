//! Every vector is compared with the query.

use crate::near::{Near, Nearest};
use crate::vectors::Vectors;

/// The `count` nearest nodes, nearest first.
pub(crate) fn nearest(vectors: &Vectors, query: &[f32], count: usize) -> Vec<Near> {
    let mut nearest = Nearest::new(count.min(vectors.num_nodes()));
    for node in 0..vectors.num_nodes() as u32 {
        nearest.offer(Near {
            key: vectors.key(query, node),
            node,
        });
    }
    nearest.into_sorted()
}
