//! Sums of cycles: vectors of edges over the field of two elements.

use super::effort::Effort;
use crate::error::PerceptionError;

/// Rows of a Gaussian elimination, each free of the pivots before it.
#[derive(Debug, Default)]
pub(super) struct Basis {
    words: usize,
    pivots: Vec<u32>,
    rows: Vec<u64>,
    /// The vector under examination.
    rest: Vec<u64>,
}

impl Basis {
    /// An empty basis for vectors of so many edges.
    pub(super) fn start(&mut self, num_edges: usize) {
        self.words = num_edges.div_ceil(64);
        self.pivots.clear();
        self.rows.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.pivots.len()
    }

    /// Begins a vector without edges.
    pub(super) fn begin(&mut self) {
        self.rest.clear();
        self.rest.resize(self.words, 0);
    }

    /// Adds an edge to the vector.
    pub(super) fn mark(&mut self, edge: u32) {
        self.rest[edge as usize / 64] |= 1 << (edge % 64);
    }

    /// Whether the vector is no sum of the first `shorter` rows. If so, what is left of it
    /// after all rows becomes a row, unless nothing is.
    pub(super) fn examine(
        &mut self,
        shorter: usize,
        effort: &mut Effort,
    ) -> Result<bool, PerceptionError> {
        effort.spend(self.reduce(0..shorter))?;
        let independent = self.rest.iter().any(|word| *word != 0);
        if independent {
            effort.spend(self.reduce(shorter..self.len()))?;
            if let Some(at) = self.rest.iter().position(|word| *word != 0) {
                let pivot = at as u32 * 64 + self.rest[at].trailing_zeros();
                self.pivots.push(pivot);
                self.rows.extend_from_slice(&self.rest);
            }
        }
        Ok(independent)
    }

    /// Adds the rows whose pivots occur in the vector; one pass in order is enough. Returns
    /// the steps that it took.
    fn reduce(&mut self, rows: std::ops::Range<usize>) -> usize {
        let mut steps = self.words + rows.len();
        for row in rows {
            let pivot = self.pivots[row];
            if self.rest[pivot as usize / 64] >> (pivot % 64) & 1 == 1 {
                let row = &self.rows[row * self.words..][..self.words];
                for (word, add) in self.rest.iter_mut().zip(row) {
                    *word ^= add;
                }
                steps += self.words;
            }
        }
        steps
    }
}
