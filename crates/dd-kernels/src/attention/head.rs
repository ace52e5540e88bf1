//! One head of one segment: the block-diagonal attention's unit of work.

use rayon::prelude::*;

use super::AttentionDropout;
use crate::Segments;
use crate::cpu::block::split_at_offsets;
use crate::cpu::matmul::{View, matmul};
use crate::cpu::reduce::{max, sum, sum2};
use crate::cpu::vectorized;
use crate::real::Real;

/// How rows divide into segments and columns into heads.
pub(super) struct PackedHeads<'a> {
    pub(super) segments: &'a Segments,
    pub(super) num_heads: usize,
    pub(super) width: usize,
    pub(super) dropout: Option<AttentionDropout>,
}

impl PackedHeads<'_> {
    fn dim(&self) -> usize {
        self.width / self.num_heads
    }

    /// A head's columns of a segment's rows.
    fn view<'x, T: Real>(&self, x: &'x [T], segment: usize, head: usize) -> View<'x, T> {
        let start = self.segments.range(segment).start * self.width + head * self.dim();
        View::rows(&x[start..], self.width)
    }

    /// Attention's result, `[N, width]`.
    pub(super) fn forward<T: Real>(&self, q: &[T], k: &[T], v: &[T]) -> Vec<T> {
        let mut y = vec![T::ZERO; q.len()];
        let parts = split_at_offsets(&mut y, self.segments.offsets(), self.width);
        parts
            .into_par_iter()
            .enumerate()
            .filter(|(_, y)| !y.is_empty())
            .for_each(|(segment, y)| {
                let (n, dim) = (y.len() / self.width, self.dim());
                let heads: Vec<Vec<T>> = (0..self.num_heads)
                    .into_par_iter()
                    .map(|head| {
                        let [q, k, v] = [q, k, v].map(|x| self.view(x, segment, head));
                        let mut weights = vec![T::ZERO; n * n];
                        softmax_scores(&mut weights, q, k, n, dim);
                        self.drop(&mut weights, segment, head, n);
                        let mut y = vec![T::ZERO; n * dim];
                        matmul(&mut y, [n, n, dim], View::rows(&weights, n), v, false);
                        y
                    })
                    .collect();
                self.interleave(heads.iter().map(Vec::as_slice), y);
            });
        y
    }

    /// Gradients of `q`, `k` and `v`, given that of the result.
    ///
    /// With `p` the softmax, `d` the dropout factors and `w = p d`: `dv = w^T dy`, `dp = (dy v^T) d`,
    /// `ds = p (dp - sum_j p dp)`, `dq = ds k`, `dk = ds^T q`.
    pub(super) fn backward<T: Real>(&self, q: &[T], k: &[T], v: &[T], grad: &[T]) -> [Vec<T>; 3] {
        let mut grads = [(); 3].map(|()| vec![T::ZERO; q.len()]);
        let [dq, dk, dv] = grads
            .each_mut()
            .map(|x| split_at_offsets(x, self.segments.offsets(), self.width));
        let parts = dq.into_par_iter().zip(dk).zip(dv).enumerate();
        parts
            .filter(|(_, ((dq, _), _))| !dq.is_empty())
            .for_each(|(segment, ((dq, dk), dv))| {
                let n = dq.len() / self.width;
                let heads: Vec<[Vec<T>; 3]> = (0..self.num_heads)
                    .into_par_iter()
                    .map(|head| {
                        let views = [q, k, v, grad].map(|x| self.view(x, segment, head));
                        self.backward_head(views, segment, head, n)
                    })
                    .collect();
                for (i, out) in [dq, dk, dv].into_iter().enumerate() {
                    self.interleave(heads.iter().map(|head| head[i].as_slice()), out);
                }
            });
        grads
    }

    fn backward_head<T: Real>(
        &self,
        [q, k, v, grad]: [View<'_, T>; 4],
        segment: usize,
        head: usize,
        n: usize,
    ) -> [Vec<T>; 3] {
        let dim = self.dim();
        let mut p = vec![T::ZERO; n * n];
        softmax_scores(&mut p, q, k, n, dim);
        let mut ds = vec![T::ZERO; n * n];
        matmul(&mut ds, [n, dim, n], grad, v.t(), false); // dy v^T
        let mut dv = vec![T::ZERO; n * dim];
        if self.dropout.is_some() {
            let mut w = p.clone();
            self.drop(&mut w, segment, head, n);
            self.drop(&mut ds, segment, head, n);
            matmul(&mut dv, [n, n, dim], View::rows(&w, n).t(), grad, false);
        } else {
            matmul(&mut dv, [n, n, dim], View::rows(&p, n).t(), grad, false);
        }
        softmax_backward(&p, &mut ds, n);
        let (mut dq, mut dk) = (vec![T::ZERO; n * dim], vec![T::ZERO; n * dim]);
        matmul(&mut dq, [n, n, dim], View::rows(&ds, n), k, false);
        matmul(&mut dk, [n, n, dim], View::rows(&ds, n).t(), q, false);
        [dq, dk, dv]
    }

    /// Multiplies by the dropout factors of a segment's head: 0 or `1 / (1 - rate)`.
    fn drop<T: Real>(&self, weights: &mut [T], segment: usize, head: usize, n: usize) {
        let Some(AttentionDropout { rate, key }) = self.dropout else {
            return;
        };
        let key = key.with(self.segments.id(segment)).with(head as u64);
        let kept = T::from_f64(1.0 / (1.0 - rate));
        // 2^64 rate, below 2^64 because the rate is below 1.
        let threshold = (rate * 2.0_f64.powi(64)) as u64;
        debug_assert_eq!(weights.len(), n * n, "one weight per pair");
        for (position, weight) in weights.iter_mut().enumerate() {
            *weight *= if key.bits(position as u64) < threshold {
                T::ZERO
            } else {
                kept
            };
        }
    }

    /// Writes the heads' columns side by side.
    fn interleave<'x, T: Real>(&self, heads: impl Iterator<Item = &'x [T]>, out: &mut [T]) {
        let dim = self.dim();
        for (head, columns) in heads.enumerate() {
            for (row, columns) in out
                .chunks_exact_mut(self.width)
                .zip(columns.chunks_exact(dim))
            {
                row[head * dim..(head + 1) * dim].copy_from_slice(columns);
            }
        }
    }
}

/// `softmax(q k^T)` over each row.
fn softmax_scores<T: Real>(
    weights: &mut [T],
    q: View<'_, T>,
    k: View<'_, T>,
    n: usize,
    dim: usize,
) {
    matmul(weights, [n, dim, n], q, k.t(), false);
    softmax(weights, n);
}

vectorized! {
    /// Softmax of each row of `n` numbers, in place.
    fn softmax<T: Real>(x: &mut [T], n: usize) {
        for row in x.chunks_exact_mut(n) {
            let largest = max(row);
            for x in row.iter_mut() {
                *x = (*x - largest).exp();
            }
            let inverse = T::ONE / sum(row, |sum, x| sum + x);
            for x in row {
                *x *= inverse;
            }
        }
    }
}

vectorized! {
    /// Turns `dp` into `ds = p (dp - sum_j p dp)`, row by row.
    fn softmax_backward<T: Real>(p: &[T], dp: &mut [T], n: usize) {
        for (p, dp) in p.chunks_exact(n).zip(dp.chunks_exact_mut(n)) {
            let total = sum2(p, dp, |sum, p, dp| p.mul_add(dp, sum));
            for (dp, &p) in dp.iter_mut().zip(p) {
                *dp = p * (*dp - total);
            }
        }
    }
}
