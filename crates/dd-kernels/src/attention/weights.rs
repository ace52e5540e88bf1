//! The attention matrices themselves, for analysis and comparison.

use candle_core::Tensor;

use super::check_inputs;
use crate::error::Result;
use crate::{Segments, reference};

/// Scores `q_i . k_j` of every segment, one `[num_heads, n, n]` tensor each; no gradient.
///
/// # Shapes
/// As [`segment_attention`](crate::segment_attention).
///
/// # Errors
/// As [`segment_attention`](crate::segment_attention).
///
/// # Complexity
/// Stores `sum of num_heads * n_s^2` numbers, which attention itself avoids: for looking at a few molecules.
pub fn attention_scores(
    q: &Tensor,
    k: &Tensor,
    segments: &Segments,
    num_heads: usize,
) -> Result<Vec<Tensor>> {
    check_inputs(q, k, segments, num_heads)?;
    let (q, k) = (q.detach(), k.detach());
    segments
        .ranges()
        .map(|range| reference::scores(&q, &k, range, num_heads))
        .collect()
}

/// Attention probabilities `softmax_j(q_i . k_j)` of every segment, one `[num_heads, n, n]` tensor each (`[.., i, j]` is
/// how much query `i` takes from key `j`), before dropout; no gradient.
///
/// # Shapes
/// As [`segment_attention`](crate::segment_attention).
///
/// # Errors
/// As [`segment_attention`](crate::segment_attention).
///
/// # Complexity
/// As [`attention_scores`].
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dd_kernels::{Segments, attention_weights};
/// let q = Tensor::zeros((3, 4), DType::F32, &Device::Cpu)?;
/// let segments = Segments::from_lengths(&[1, 2], &Device::Cpu)?;
/// let weights = attention_weights(&q, &q, &segments, 2)?;
/// assert_eq!(weights[1].to_vec3::<f32>()?, vec![vec![vec![0.5; 2]; 2]; 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn attention_weights(
    q: &Tensor,
    k: &Tensor,
    segments: &Segments,
    num_heads: usize,
) -> Result<Vec<Tensor>> {
    let scores = attention_scores(q, k, segments, num_heads)?;
    scores.iter().map(reference::softmax).collect()
}
