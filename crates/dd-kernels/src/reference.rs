//! Every operation in plain candle operations: the oracle of the tests, and what runs on devices and number types
//! without a kernel.

use std::ops::Range;

use candle_core::{D, Tensor};

use crate::attention::AttentionDropout;
use crate::batch_norm::BatchNormInputs;
use crate::dropout::RowDropout;
use crate::error::Result;
use crate::et_fields::EtFields;
use crate::et_layer::{EtLayer, Parts};
use crate::et_message::{EtMessageInputs, RadialFilter};
use crate::filtered_sum::FilteredEdges;
use crate::gin_message::GinEdges;
use crate::{RowIndex, Segments};

/// See [`crate::gather`].
pub fn gather(x: &Tensor, index: &RowIndex) -> Result<Tensor> {
    Ok(x.contiguous()?.index_select(index.rows_tensor(), 0)?)
}

/// See [`crate::scatter_sum`].
pub fn scatter_sum(x: &Tensor, index: &RowIndex) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    shape[0] = index.num_sources();
    let zeros = Tensor::zeros(shape, x.dtype(), x.device())?;
    Ok(zeros.index_add(index.rows_tensor(), &x.contiguous()?, 0)?)
}

/// See [`crate::segment_sum`].
pub fn segment_sum(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    shape[0] = segments.len();
    let zeros = Tensor::zeros(shape, x.dtype(), x.device())?;
    Ok(zeros.index_add(segments.row_segment_tensor(), &x.contiguous()?, 0)?)
}

/// See [`crate::segment_mean`].
pub fn segment_mean(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    let inverse: Vec<f64> = segments
        .lengths()
        .map(|n| if n == 0 { 0.0 } else { 1.0 / n as f64 })
        .collect();
    let mut shape = vec![1; x.rank()];
    shape[0] = segments.len();
    let inverse = Tensor::from_vec(inverse, shape, x.device())?.to_dtype(x.dtype())?;
    Ok(segment_sum(x, segments)?.broadcast_mul(&inverse)?)
}

/// See [`crate::segment_max`]; equal entries share the gradient here.
pub fn segment_max(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    let rows = segments.ranges().map(|range| {
        if range.is_empty() {
            let mut shape = x.dims().to_vec();
            shape[0] = 1;
            return Tensor::zeros(shape, x.dtype(), x.device());
        }
        x.narrow(0, range.start, range.len())?.max_keepdim(0)
    });
    let rows = rows.collect::<candle_core::Result<Vec<_>>>()?;
    if rows.is_empty() {
        Ok(x.narrow(0, 0, 0)?)
    } else {
        Ok(Tensor::cat(&rows, 0)?)
    }
}

/// See [`crate::segment_softmax`].
pub fn segment_softmax(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    let parts = segments
        .ranges()
        .filter(|range| !range.is_empty())
        .map(|range| {
            let x = x.narrow(0, range.start, range.len())?;
            let exponentials = x.broadcast_sub(&x.max_keepdim(0)?.detach())?.exp()?;
            exponentials.broadcast_div(&exponentials.sum_keepdim(0)?)
        });
    let parts = parts.collect::<candle_core::Result<Vec<_>>>()?;
    if parts.is_empty() {
        Ok(x.clone())
    } else {
        Ok(Tensor::cat(&parts, 0)?)
    }
}

/// See [`crate::dense()`].
pub fn dense(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (output, input) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    shape[x.rank() - 1] = output;
    let y = x.reshape(((), input))?.matmul(&weight.t()?)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    Ok(y.reshape(shape)?)
}

/// See [`crate::dropout()`].
pub fn dropout(x: &Tensor, segments: &Segments, dropout: RowDropout) -> Result<Tensor> {
    let width = x.elem_count() / x.dim(0)?.max(1);
    let mut mask = vec![1.0_f64; x.elem_count()];
    if width > 0 {
        dropout.apply(segments, 0, width, &mut mask);
    }
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?;
    Ok((x * mask.to_dtype(x.dtype())?)?)
}

/// See [`crate::layer_norm`].
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?;
    Ok(normed.broadcast_mul(weight)?.broadcast_add(bias)?)
}

/// See [`crate::gelu`]. (The gradient of candle's own `gelu_erf` holds a constant of six digits only.)
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    let erf = (x * std::f64::consts::FRAC_1_SQRT_2)?.erf()?;
    Ok(((x * 0.5)? * (erf + 1.0)?)?)
}

/// See [`crate::silu`].
pub fn silu(x: &Tensor) -> Result<Tensor> {
    Ok(x.silu()?)
}

/// See [`crate::safe_norm`].
pub fn safe_norm(x: &Tensor, dim: usize) -> Result<Tensor> {
    let squares = x.sqr()?.sum(dim)?;
    let zero = squares.eq(0.0)?;
    // The root of one where the sum is zero, so that no gradient passes through the root of zero.
    let root = zero.where_cond(&squares.ones_like()?, &squares)?.sqrt()?;
    Ok(zero.where_cond(&squares.zeros_like()?, &root)?)
}

/// See [`crate::embedding_sum`].
pub fn embedding_sum(table: &Tensor, index: &RowIndex, columns: usize) -> Result<Tensor> {
    let width = table.dim(1)?;
    let rows = gather(table, index)?;
    Ok(rows
        .reshape((index.len() / columns, columns, width))?
        .sum(1)?)
}

/// See [`crate::et_message`]. Filters are computed for every edge, also where there is a grid.
pub fn et_message(inputs: &EtMessageInputs<'_>) -> Result<EtFields> {
    let (n, f) = inputs.queries.dims2()?;
    let edges = &inputs.edges;
    let (e, h) = (edges.sources.len(), edges.num_heads);
    let c = f / h;
    let of_edges = |x: &Tensor| match edges.pairs {
        Some(pairs) => gather(x, pairs),
        None => Ok(x.clone()),
    };
    let cutoffs = of_edges(edges.cutoffs)?;
    let basis = of_edges(edges.basis)?;
    let apply = |filter: RadialFilter<'_>| -> Result<Tensor> {
        Ok(dense(&basis, filter.weight, Some(filter.bias))?.silu()?)
    };
    let targets = edges.by_target.row_segment_tensor();
    let mut products =
        (inputs.queries.index_select(targets, 0)? * gather(inputs.keys, edges.sources)?)?; // [E, F]
    if let Some(filter) = edges.key_filter {
        products = (products * apply(filter)?)?;
    }
    let scores = products.reshape((e, h, c))?.sum(2)?.silu()?; // [E, H]
    let attention = scores.broadcast_mul(&cutoffs.unsqueeze(1)?)?;

    let mut values = gather(inputs.values, edges.sources)?; // [E, 3 F]
    if let Some(filter) = edges.value_filter {
        values = (values * apply(filter)?)?;
    }
    let values = values.reshape((e, h, 3 * c))?;
    let s = values.narrow(2, 0, c)?; // [E, H, C]
    let a = values.narrow(2, c, c)?.reshape((e, 1, f))?;
    let b = values.narrow(2, 2 * c, c)?.reshape((e, 1, f))?;

    let scalars = s.broadcast_mul(&attention.unsqueeze(2)?)?.reshape((e, f))?;
    let carried = gather(inputs.vectors, edges.sources)?.broadcast_mul(&a)?; // [E, 3, F]
    let created = edges.directions.unsqueeze(2)?.broadcast_mul(&b)?;
    let scalars = segment_sum(&scalars, edges.by_target)?.reshape((n, f))?;
    let vectors = segment_sum(&(carried + created)?, edges.by_target)?.reshape((n, 3, f))?;
    EtFields::join(&scalars, &vectors)
}

/// See [`crate::et_layer()`].
pub fn et_layer(fields: &EtFields, layer: &EtLayer<'_>) -> Result<EtFields> {
    let plain = Parts {
        layer_norm,
        dense,
        et_message,
        et_update,
    };
    plain.compose(fields, layer)
}

/// Mean and variance as of [`crate::batch_moments`], `[1, W]` each.
pub(crate) fn batch_moments(x: &Tensor, copies: Option<&[u32]>) -> Result<(Tensor, Tensor)> {
    let mean_of = |x: &Tensor| -> candle_core::Result<Tensor> {
        let Some(copies) = copies else {
            return x.mean_keepdim(0);
        };
        let total: f64 = copies.iter().map(|&n| f64::from(n)).sum();
        let shares = copies.iter().map(|&n| f64::from(n) / total);
        let shares = Tensor::from_iter(shares, x.device())?.to_dtype(x.dtype())?;
        x.broadcast_mul(&shares.unsqueeze(1)?)?.sum_keepdim(0)
    };
    let mean = mean_of(x)?;
    let variance = mean_of(&x.broadcast_sub(&mean)?.sqr()?)?;
    Ok((mean, variance))
}

/// See [`crate::batch_norm()`].
pub fn batch_norm(x: &Tensor, inputs: &BatchNormInputs<'_>) -> Result<Tensor> {
    let (mean, variance) = if inputs.of_batch {
        batch_moments(x, inputs.copies)?
    } else {
        (inputs.mean.unsqueeze(0)?, inputs.variance.unsqueeze(0)?)
    };
    let y = x
        .broadcast_sub(&mean)?
        .broadcast_div(&(variance + inputs.epsilon)?.sqrt()?)?
        .broadcast_mul(inputs.weight)?
        .broadcast_add(inputs.bias)?;
    Ok(if inputs.relu { y.relu()? } else { y })
}

/// See [`crate::gin_message()`].
pub fn gin_message(h: &Tensor, bonds: &Tensor, eps: &Tensor, edges: &GinEdges) -> Result<Tensor> {
    let arriving = (gather(h, &edges.sources)? + gather(bonds, &edges.bonds)?)?.relu()?; // [E, W]
    let own = gather(&(h + h.broadcast_mul(eps)?)?, &edges.atoms)?; // [N, W]
    Ok((own + scatter_sum(&arriving, &edges.targets)?)?)
}

/// See [`crate::et_update()`].
pub fn et_update(
    vectors: &Tensor,
    projection: &Tensor,
    messages: &Tensor,
    arrived: &EtFields,
) -> Result<EtFields> {
    let f = vectors.dim(2)?;
    let projected = dense(vectors, projection, None)?; // [N, 3, 3 F]
    let p = |k| projected.narrow(2, k * f, f);
    let dot = (p(0)? * p(1)?)?.sum(1)?; // [N, F]
    let o = |k| messages.narrow(1, k * f, f);
    let dx = ((dot * o(1)?)? + o(2)?)?;
    let dv = (p(2)?.broadcast_mul(&o(0)?.unsqueeze(1)?)? + arrived.vectors()?)?;
    EtFields::join(&dx, &dv)
}

/// See [`crate::filtered_sum()`].
pub fn filtered_sum(x: &Tensor, filters: &Tensor, edges: FilteredEdges<'_>) -> Result<Tensor> {
    let products = (gather(x, edges.sources)? * gather(filters, edges.pairs)?)?; // [E, F]
    segment_sum(&products, edges.by_target)
}

/// See [`crate::segment_attention`].
pub fn segment_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &Segments,
    num_heads: usize,
    dropout: Option<AttentionDropout>,
) -> Result<Tensor> {
    let (_, width) = q.dims2()?;
    let mut parts = Vec::new();
    for (segment, range) in segments
        .ranges()
        .enumerate()
        .filter(|(_, range)| !range.is_empty())
    {
        let mut attention = softmax(&scores(q, k, range.clone(), num_heads)?)?;
        if let Some(dropout) = dropout {
            attention = (attention
                * dropout_factors(dropout, segments.id(segment), num_heads, range.len(), q)?)?;
        }
        let v = heads(v, range.clone(), num_heads)?;
        parts.push(
            attention
                .matmul(&v)?
                .transpose(0, 1)?
                .reshape((range.len(), width))?,
        );
    }
    if parts.is_empty() {
        return Ok(v.zeros_like()?);
    }
    Ok(Tensor::cat(&parts, 0)?)
}

/// `q k^T` of one segment, `[num_heads, n, n]`.
pub(crate) fn scores(
    q: &Tensor,
    k: &Tensor,
    range: Range<usize>,
    num_heads: usize,
) -> Result<Tensor> {
    let k = heads(k, range.clone(), num_heads)?;
    Ok(heads(q, range, num_heads)?.matmul(&k.t()?.contiguous()?)?)
}

/// Softmax over the last dimension.
pub(crate) fn softmax(x: &Tensor) -> Result<Tensor> {
    let exponentials = x
        .broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?
        .exp()?;
    Ok(exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)?)
}

/// One segment's rows as `[num_heads, n, head_dim]`.
fn heads(x: &Tensor, range: Range<usize>, num_heads: usize) -> candle_core::Result<Tensor> {
    let width = x.dim(1)?;
    let rows = x.narrow(0, range.start, range.len())?.reshape((
        range.len(),
        num_heads,
        width / num_heads,
    ))?;
    rows.transpose(0, 1)?.contiguous()
}

/// Factors 0 or `1 / (1 - rate)`, `[num_heads, n, n]`.
fn dropout_factors(
    dropout: AttentionDropout,
    id: u64,
    num_heads: usize,
    n: usize,
    like: &Tensor,
) -> candle_core::Result<Tensor> {
    let mut factors = vec![1.0_f64; num_heads * n * n];
    for (head, factors) in factors.chunks_exact_mut(n * n).enumerate() {
        dropout.mask(id, head).apply(0, factors);
    }
    Tensor::from_vec(factors, (num_heads, n, n), like.device())?.to_dtype(like.dtype())
}
