//! One head of one segment: the block-diagonal attention's unit of work.

use rayon::prelude::*;

use super::AttentionDropout;
use crate::Segments;
use crate::cpu::block::{split_at_offsets, zeros};
use crate::cpu::matmul::{View, matmul, matmul_into};
use crate::cpu::reduce::{max, sum, sum2};
use crate::cpu::vectorized;
use crate::dropout::Mask;
use crate::real::Real;

/// How rows divide into segments and columns into heads.
pub(crate) struct PackedHeads<'a> {
    /// Of the queries; as many as `segments`.
    pub(crate) queries: &'a Segments,
    /// Of keys and values.
    pub(crate) segments: &'a Segments,
    pub(crate) num_heads: usize,
    pub(crate) width: usize,
    pub(crate) dropout: Option<AttentionDropout>,
}

impl PackedHeads<'_> {
    fn dim(&self) -> usize {
        self.width / self.num_heads
    }

    /// A head's columns of a segment's rows.
    fn view<'x, T: Real>(
        &self,
        x: &'x [T],
        segments: &Segments,
        segment: usize,
        head: usize,
    ) -> View<'x, T> {
        let start = segments.range(segment).start * self.width + head * self.dim();
        View::rows(&x[start..], self.width)
    }

    /// Attention's result, a row for each query.
    pub(crate) fn forward<T: Real>(&self, q: &[T], k: &[T], v: &[T]) -> Vec<T> {
        let mut y = zeros(q.len());
        let parts = split_at_offsets(&mut y, self.queries.offsets(), self.width);
        parts
            .into_par_iter()
            .enumerate()
            .filter(|(_, y)| !y.is_empty())
            .for_each(|(segment, y)| {
                let (m, dim) = (y.len() / self.width, self.dim());
                let n = self.segments.range(segment).len();
                let mut weights = vec![T::ZERO; m * n];
                for head in 0..self.num_heads {
                    let q = self.view(q, self.queries, segment, head);
                    let [k, v] = [k, v].map(|x| self.view(x, self.segments, segment, head));
                    softmax_scores(&mut weights, q, k, [m, dim, n]);
                    if let Some(mask) = self.mask(segment, head) {
                        mask.apply(0, &mut weights);
                    }
                    let y = &mut y[head * dim..];
                    matmul_into(
                        y,
                        self.width,
                        [m, n, dim],
                        View::rows(&weights, n),
                        v,
                        false,
                    );
                }
            });
        y
    }

    /// Gradients of `q`, `k` and `v`, given that of the result.
    ///
    /// With `p` the softmax, `d` the dropout factors and `w = p d`: `dv = w^T dy`, `dp = (dy v^T) d`,
    /// `ds = p (dp - sum_j p dp)`, `dq = ds k`, `dk = ds^T q`.
    pub(crate) fn backward<T: Real>(&self, q: &[T], k: &[T], v: &[T], grad: &[T]) -> [Vec<T>; 3] {
        let mut grads = [q, k, v].map(|x| zeros(x.len()));
        let [dq, dk, dv] = grads.each_mut();
        let dq = split_at_offsets(dq, self.queries.offsets(), self.width);
        let [dk, dv] = [dk, dv].map(|x| split_at_offsets(x, self.segments.offsets(), self.width));
        let parts = dq.into_par_iter().zip(dk).zip(dv).enumerate();
        parts
            .filter(|(_, ((dq, _), _))| !dq.is_empty())
            .for_each(|(segment, ((dq, dk), dv))| {
                let (m, n) = (dq.len() / self.width, dk.len() / self.width);
                let dim = self.dim();
                let [mut p, mut ds] = [(); 2].map(|()| vec![T::ZERO; m * n]);
                let mut w = vec![T::ZERO; self.dropout.map_or(0, |_| m * n)];
                for head in 0..self.num_heads {
                    let [q, dy] = [q, grad].map(|x| self.view(x, self.queries, segment, head));
                    let [k, v] = [k, v].map(|x| self.view(x, self.segments, segment, head));
                    let [dq, dk, dv] = [&mut *dq, &mut *dk, &mut *dv].map(|x| &mut x[head * dim..]);
                    softmax_scores(&mut p, q, k, [m, dim, n]);
                    matmul(&mut ds, [m, dim, n], dy, v.t(), false);
                    let weights = match self.mask(segment, head) {
                        Some(mask) => {
                            w.fill(T::ONE);
                            mask.apply(0, &mut w);
                            multiply(&mut ds, &w);
                            multiply(&mut w, &p);
                            &w
                        }
                        None => &p,
                    };
                    let weights = View::rows(weights, n).t();
                    matmul_into(dv, self.width, [n, m, dim], weights, dy, false);
                    softmax_backward(&p, &mut ds, n);
                    let ds = View::rows(&ds, n);
                    matmul_into(dq, self.width, [m, n, dim], ds, k, false);
                    matmul_into(dk, self.width, [n, m, dim], ds.t(), q, false);
                }
            });
        grads
    }

    /// The dropout of a segment's head, query by query.
    fn mask<T: Real>(&self, segment: usize, head: usize) -> Option<Mask<T>> {
        let dropout = self.dropout?;
        Some(dropout.mask(self.segments.id(segment), head))
    }
}

vectorized! {
    fn multiply<T: Real>(x: &mut [T], factors: &[T]) {
        for (x, &factor) in x.iter_mut().zip(factors) {
            *x *= factor;
        }
    }
}

/// `softmax(q k^T)` over each row, for sizes `[queries, channels, keys]`.
fn softmax_scores<T: Real>(weights: &mut [T], q: View<'_, T>, k: View<'_, T>, sizes: [usize; 3]) {
    matmul(weights, sizes, q, k.t(), false);
    softmax(weights, sizes[2]);
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
