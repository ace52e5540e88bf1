//! Dropout on packed rows, keyed by record, so that a graph's mask does not depend on its batch mates.

use candle_core::Tensor;
use dd_kernels::{RowDropout, Segments};
use dd_nn::Mode;

use crate::error::Result;

/// Drops entries of `x [R, W]`, the rows of `segments`, with probability `rate` and scales the others by
/// `1 / (1 - rate)`; nothing in evaluation.
pub(crate) fn dropout(x: &Tensor, rate: f64, segments: &Segments, mode: Mode) -> Result<Tensor> {
    Ok(match row_dropout(rate, mode) {
        Some(dropout) => dd_kernels::dropout(x, segments, dropout)?,
        None => x.clone(),
    })
}

/// The dropout of a rate, if anything is to be dropped.
pub(crate) fn row_dropout(rate: f64, mode: Mode) -> Option<RowDropout> {
    let key = mode.key()?;
    (rate > 0.0).then_some(RowDropout { rate, key })
}
