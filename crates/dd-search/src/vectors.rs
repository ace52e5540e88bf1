//! The distinct vectors of an index, and which entries have each.

use std::collections::HashMap;

use crate::error::{Result, SearchError};
use crate::metric::Metric;

/// Vectors without repetition, prepared for a metric.
///
/// Entries with the same vector share a node: a graph of copies of one vector falls apart, for every copy's nearest
/// neighbours are the others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vectors {
    pub(crate) metric: Metric,
    pub(crate) width: usize,
    /// `[nodes, width]`, row by row.
    numbers: Vec<f32>,
    /// Node of each entry.
    node_of: Vec<u32>,
    /// Entries of each node, ascending, one node after another.
    entries: Vec<u32>,
    /// Where each node's entries begin.
    starts: Vec<u32>,
}

impl Vectors {
    /// Takes `count` vectors that stand one after another in `numbers`.
    pub(crate) fn new(numbers: &[f32], count: usize, metric: Metric) -> Result<Self> {
        if count == 0 {
            return Err(SearchError::Empty);
        }
        if u32::try_from(count).is_err() {
            return Err(SearchError::TooMany(count));
        }
        let width = numbers.len() / count;
        if width == 0 || width * count != numbers.len() {
            return Err(SearchError::Shape {
                numbers: numbers.len(),
                labels: count,
            });
        }
        let mut distinct: Vec<f32> = Vec::new();
        let mut node_of = Vec::with_capacity(count);
        let mut nodes: HashMap<Vec<u32>, u32> = HashMap::new();
        for (entry, vector) in numbers.chunks_exact(width).enumerate() {
            let vector = prepared(metric, vector, entry)?;
            // -0 and 0 are the same number.
            let bits = vector.iter().map(|x| (x + 0.0).to_bits()).collect();
            let next = nodes.len() as u32;
            let node = *nodes.entry(bits).or_insert(next);
            if node == next {
                distinct.extend(vector);
            }
            node_of.push(node);
        }
        Ok(Self::from_parts(metric, width, distinct, node_of))
    }

    /// Puts parts together that fit: every node has an entry.
    pub(crate) fn from_parts(
        metric: Metric,
        width: usize,
        numbers: Vec<f32>,
        node_of: Vec<u32>,
    ) -> Self {
        let nodes = numbers.len() / width;
        let mut starts = vec![0_u32; nodes + 1];
        for &node in &node_of {
            starts[node as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut entries = vec![0; node_of.len()];
        for (entry, &node) in node_of.iter().enumerate() {
            let place = &mut next[node as usize];
            entries[*place as usize] = entry as u32;
            *place += 1;
        }
        Self {
            metric,
            width,
            numbers,
            node_of,
            entries,
            starts,
        }
    }

    pub(crate) fn num_nodes(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn vector(&self, node: u32) -> &[f32] {
        let start = node as usize * self.width;
        &self.numbers[start..start + self.width]
    }

    pub(crate) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    pub(crate) fn node_of(&self) -> &[u32] {
        &self.node_of
    }

    /// Entries with the vector of a node, ascending.
    pub(crate) fn entries(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.entries[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Key of a node to a prepared query.
    pub(crate) fn key(&self, query: &[f32], node: u32) -> f32 {
        self.metric.key(query, self.vector(node))
    }

    /// A query as the metric wants it.
    pub(crate) fn prepare(&self, query: &[f32], number: usize) -> Result<Vec<f32>> {
        if query.len() != self.width {
            return Err(SearchError::Width {
                got: query.len(),
                expected: self.width,
            });
        }
        prepared(self.metric, query, number)
    }
}

fn prepared(metric: Metric, vector: &[f32], number: usize) -> Result<Vec<f32>> {
    if let Some(column) = vector.iter().position(|x| !x.is_finite()) {
        return Err(SearchError::NotFinite {
            vector: number,
            column,
            value: vector[column],
        });
    }
    let mut ready = vector.to_vec();
    if !metric.prepare(&mut ready) {
        return Err(SearchError::Zero { vector: number });
    }
    match metric.refuses(vector) {
        None => Ok(ready),
        Some(reason) => Err(SearchError::Refused {
            vector: number,
            reason,
        }),
    }
}
