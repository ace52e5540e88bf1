//! One head of one segment: the block-diagonal attention's unit of work.

use rayon::prelude::*;

use super::AttentionDropout;
use crate::Segments;
use crate::cpu::block::{split_at_offsets, zeros};
use crate::cpu::matmul::{View, matmul_into};
use crate::cpu::reduce::{pairwise, sum2};
use crate::cpu::vectorized;
use crate::dropout::Mask;
use crate::real::Real;

/// A row of weights is filled up to a multiple of this, so that no number of it is left over by vector instructions.
const LANES: usize = 16;

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
        parts.into_par_iter().enumerate().for_each(|(segment, y)| {
            let q = segment_rows(q, self.queries, segment, self.width);
            let [k, v] = [k, v].map(|x| segment_rows(x, self.segments, segment, self.width));
            self.forward_segment(segment, q, [k, v], y);
        });
        y
    }

    /// Attention's result of one segment on the calling thread, given its rows.
    pub(crate) fn forward_segment<T: Real>(
        &self,
        segment: usize,
        q: &[T],
        [k, v]: [&[T]; 2],
        y: &mut [T],
    ) {
        let dim = self.dim();
        let [m, n] = [q, k].map(|x| x.len() / self.width);
        let stride = n.next_multiple_of(LANES);
        let mut weights = vec![T::ZERO; m * stride];
        for head in (0..self.num_heads).filter(|_| m > 0) {
            let [q, k, v] = [q, k, v].map(|x| View::rows(&x[head * dim..], self.width));
            softmax_scores(&mut weights, q, k, [m, dim, n]);
            if let Some(mask) = self.mask(segment, head) {
                mask_rows(&mask, &mut weights, n);
            }
            let weights = View::rows(&weights, stride);
            let y = &mut y[head * dim..];
            matmul_into(y, self.width, [m, n, dim], weights, v, false);
        }
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
                let stride = n.next_multiple_of(LANES);
                let [mut p, mut ds] = [(); 2].map(|()| vec![T::ZERO; m * stride]);
                let mut w = vec![T::ZERO; self.dropout.map_or(0, |_| m * stride)];
                for head in 0..self.num_heads {
                    let [q, dy] = [q, grad].map(|x| self.view(x, self.queries, segment, head));
                    let [k, v] = [k, v].map(|x| self.view(x, self.segments, segment, head));
                    let [dq, dk, dv] = [&mut *dq, &mut *dk, &mut *dv].map(|x| &mut x[head * dim..]);
                    softmax_scores(&mut p, q, k, [m, dim, n]);
                    matmul_into(&mut ds, stride, [m, dim, n], dy, v.t(), false);
                    let weights = match self.mask(segment, head) {
                        Some(mask) => {
                            w.fill(T::ONE);
                            mask_rows(&mask, &mut w, n);
                            multiply(&mut ds, &w);
                            multiply(&mut w, &p);
                            &w
                        }
                        None => &p,
                    };
                    let weights = View::rows(weights, stride).t();
                    matmul_into(dv, self.width, [n, m, dim], weights, dy, false);
                    softmax_backward(&p, &mut ds, stride);
                    let ds = View::rows(&ds, stride);
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

/// A segment's rows of all rows.
fn segment_rows<'x, T>(x: &'x [T], segments: &Segments, segment: usize, width: usize) -> &'x [T] {
    let range = segments.range(segment);
    &x[range.start * width..range.end * width]
}

vectorized! {
    fn multiply<T: Real>(x: &mut [T], factors: &[T]) {
        for (x, &factor) in x.iter_mut().zip(factors) {
            *x *= factor;
        }
    }
}

/// Drops weights of rows with `n` numbers.
fn mask_rows<T: Real>(mask: &Mask<T>, weights: &mut [T], n: usize) {
    let rows = weights.chunks_exact_mut(n.next_multiple_of(LANES));
    for (row, weights) in rows.enumerate() {
        mask.apply(row * n, &mut weights[..n]);
    }
}

/// `softmax(q k^T)` over each row, for sizes `[queries, channels, keys]`.
fn softmax_scores<T: Real>(weights: &mut [T], q: View<'_, T>, k: View<'_, T>, sizes: [usize; 3]) {
    let stride = sizes[2].next_multiple_of(LANES);
    matmul_into(weights, stride, sizes, q, k.t(), false);
    softmax(weights, sizes[2]);
}

/// The greater of two numbers. A score that is no number makes the whole row none by itself.
#[inline(always)]
fn greater<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

vectorized! {
    /// Softmax of the `n` numbers of each row, in place; what fills a row up becomes nothing.
    fn softmax<T: Real>(x: &mut [T], n: usize) {
        let least = T::from_f64(f64::NEG_INFINITY);
        for row in x.chunks_exact_mut(n.next_multiple_of(LANES)) {
            row[n..].fill(least);
            let (blocks, _) = row.as_chunks_mut::<LANES>();
            let mut largest = [least; LANES];
            for x in blocks.iter() {
                for lane in 0..LANES {
                    largest[lane] = greater(x[lane], largest[lane]);
                }
            }
            let largest = pairwise(largest, greater);
            let mut total = [T::ZERO; LANES];
            for x in blocks.iter_mut() {
                for lane in 0..LANES {
                    x[lane] = (x[lane] - largest).exp();
                    total[lane] += x[lane];
                }
            }
            let inverse = T::ONE / pairwise(total, |a, b| a + b);
            for x in blocks.as_flattened_mut() {
                *x *= inverse;
            }
        }
    }
}

vectorized! {
    /// Turns `dp` into `ds = p (dp - sum_j p dp)`, row by row.
    fn softmax_backward<T: Real>(p: &[T], dp: &mut [T], stride: usize) {
        for (p, dp) in p.chunks_exact(stride).zip(dp.chunks_exact_mut(stride)) {
            let total = sum2(p, dp, |sum, p, dp| p.mul_add(dp, sum));
            for (dp, &p) in dp.iter_mut().zip(p) {
                *dp = p * (*dp - total);
            }
        }
    }
}
