//! The two blocks of a pre-norm transformer layer, each as one operation (Xiong et al., "On layer normalization in the
//! transformer architecture", ICML 2020).
//!
//! Composed of separate operations, a layer writes some twenty tensors as large as its input and keeps twelve of them for
//! the backward pass. These two keep six, and walk over memory a third as often: what lies between two matrix products is
//! done on a few rows while they are in the cache.

mod attention_block;
mod attention_forward;
mod composed;
mod feed_forward_block;

pub use attention_block::{AttentionBlock, Readers, attention_block};
pub use feed_forward_block::{FeedForwardBlock, feed_forward_block};

use rayon::prelude::*;

use crate::Segments;
use crate::cpu::block::zeros;
use crate::cpu::dense::rows_per_task;
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::layer_norm;
use crate::real::Real;

/// Epsilon of the blocks' layer norms, PyTorch's default.
pub const NORM_EPSILON: f64 = 1e-5;

/// Layer norm's parameters `[H]`.
#[derive(Debug, Clone, Copy)]
pub struct NormWeights<'a> {
    /// Multiplied.
    pub weight: &'a candle_core::Tensor,
    /// Added.
    pub bias: &'a candle_core::Tensor,
}

/// A dense layer's parameters, `[out, in]` and `[out]`.
#[derive(Debug, Clone, Copy)]
pub struct DenseWeights<'a> {
    /// Multiplied.
    pub weight: &'a candle_core::Tensor,
    /// Added.
    pub bias: &'a candle_core::Tensor,
}

/// Branch factors of stochastic depth: one per segment, or none for 1.
fn check_factors(name: &'static str, factors: Option<&[f64]>, segments: &Segments) -> Result<()> {
    match factors {
        Some(factors) if factors.len() != segments.len() => Err(KernelError::Shape {
            name,
            expected: format!("one branch factor for each of {} segments", segments.len()),
            got: vec![factors.len()],
        }),
        _ => Ok(()),
    }
}

/// Layer norm of all rows, in parallel.
fn normalized<T: Real>(x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
    let mut h = zeros(x.len());
    let block = rows_per_task(x.len() / weight.len()) * weight.len();
    h.par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .for_each(|(h, x)| {
            layer_norm::normalize_rows(x, weight, bias, T::from_f64(NORM_EPSILON), h);
        });
    h
}

/// Multiplies the rows of each segment by its factor.
fn scale_rows<T: Real>(
    rows: &mut [T],
    width: usize,
    first: usize,
    segments: &Segments,
    factors: Option<&[f64]>,
) {
    if let Some(factors) = factors {
        for (row, entries) in (first..).zip(rows.chunks_exact_mut(width)) {
            scale(
                entries,
                T::from_f64(factors[segments.row_segment()[row] as usize]),
            );
        }
    }
}

vectorized! {
    fn scale<T: Real>(x: &mut [T], factor: T) {
        for x in x {
            *x *= factor;
        }
    }
}

vectorized! {
    /// `sum += x` for rows in one piece.
    fn add<T: Real>(sum: &mut [T], x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum += x;
        }
    }
}

/// A row's gradient through the branch: that of the result times the segment's factor.
fn branch_gradient<T: Real>(
    grad: &[T],
    width: usize,
    segments: &Segments,
    factors: Option<&[f64]>,
) -> Option<Vec<T>> {
    factors?;
    let mut scaled = grad.to_vec();
    let block = rows_per_task(segments.num_rows());
    scaled
        .par_chunks_mut(block * width)
        .enumerate()
        .for_each(|(number, rows)| scale_rows(rows, width, number * block, segments, factors));
    Some(scaled)
}

/// Adds the gradient that came around the branch, in parallel.
fn add_residual<T: Real>(dx: &mut [T], grad: &[T]) {
    dx.par_chunks_mut(1 << 14)
        .zip(grad.par_chunks(1 << 14))
        .for_each(|(dx, grad)| add(dx, grad));
}

#[cfg(test)]
mod tests;
