//! The blocks as compositions of this crate's operations: for devices without a kernel of their own, and for tests.

use candle_core::Tensor;

use super::{AttentionBlock, DenseWeights, FeedForwardBlock, NORM_EPSILON, NormWeights};
use crate::error::Result;
use crate::{
    MatmulPrecision, Segments, dense_in, dropout, gather, gelu, layer_norm, segment_attention,
};

/// See [`super::attention_block()`]. With readers every row is computed, and the others are left out at the end; the random
/// numbers of dropout are then those of all rows.
pub(super) fn attention_block(x: &Tensor, block: &AttentionBlock<'_>) -> Result<Tensor> {
    let h = norm(x, block.norm)?;
    let scale = 1.0 / ((x.dim(1)? / block.num_heads) as f64).sqrt();
    let layer = |x: &Tensor, weights| layer(x, weights, block.precision);
    let q = (layer(&h, block.query)? * scale)?;
    let (k, v) = (layer(&h, block.key)?, layer(&h, block.value)?);
    let message = segment_attention(&q, &k, &v, block.segments, block.num_heads, block.dropout)?;
    let branch = layer(&message, block.output)?;
    let y = (x + times_factors(branch, block.segments, block.factors)?)?;
    match block.readers {
        Some(readers) => gather(&y, readers.rows),
        None => Ok(y),
    }
}

/// See [`super::feed_forward_block()`].
pub(super) fn feed_forward_block(x: &Tensor, block: &FeedForwardBlock<'_>) -> Result<Tensor> {
    let layer = |x: &Tensor, weights| layer(x, weights, block.precision);
    let mut g = gelu(&layer(&norm(x, block.norm)?, block.first)?)?;
    if let Some(rate) = block.dropout {
        g = dropout(&g, block.segments, rate)?;
    }
    let branch = layer(&g, block.last)?;
    Ok((x + times_factors(branch, block.segments, block.factors)?)?)
}

fn norm(x: &Tensor, norm: NormWeights<'_>) -> Result<Tensor> {
    layer_norm(x, norm.weight, norm.bias, NORM_EPSILON)
}

fn layer(x: &Tensor, layer: DenseWeights<'_>, precision: MatmulPrecision) -> Result<Tensor> {
    dense_in(x, layer.weight, Some(layer.bias), precision)
}

fn times_factors(x: Tensor, segments: &Segments, factors: Option<&[f64]>) -> Result<Tensor> {
    let Some(factors) = factors else {
        return Ok(x);
    };
    let of_rows = segments.row_segment().iter();
    let of_rows: Vec<f64> = of_rows.map(|&segment| factors[segment as usize]).collect();
    let of_rows = Tensor::from_vec(of_rows, (segments.num_rows(), 1), x.device())?;
    Ok(x.broadcast_mul(&of_rows.to_dtype(x.dtype())?)?)
}
