//! Softmax attention inside segments.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use crate::cpu::slice::{for_real, has_kernel, numbers, stored, with_numbers};
use crate::dropout::{Mask, check_rate};
use crate::error::{KernelError, Result};
use crate::real::Real;
use crate::rng::Key;
use crate::{Segments, check, cuda, reference};

mod head;
mod weights;

pub use weights::{attention_scores, attention_weights};

pub(crate) use head::PackedHeads;

/// Dropout of attention probabilities: a dropped entry becomes 0, a kept one is divided by `1 - rate`.
///
/// Whether entry (head `h`, query `i`, key `j`) of segment `s` is dropped depends on (`key`, [`Segments::id`] of `s`,
/// `h`, `i`, `j`) alone. Name the segments by record, and a molecule's mask does not depend on its batch mates.
#[derive(Debug, Clone, Copy)]
pub struct AttentionDropout {
    /// Probability of dropping an entry, in `[0, 1)`.
    pub rate: f64,
    /// Stream that decides which.
    pub key: Key,
}

impl AttentionDropout {
    /// Whether the rate is a rate.
    pub(crate) fn check(&self) -> Result<()> {
        check_rate("attention dropout rate", self.rate)
    }

    /// The factors of a head of the segment of this name, query by query.
    pub(crate) fn mask<T: Real>(&self, id: u64, head: usize) -> Mask<T> {
        Mask::new(self.rate, self.key.with(id).with(head as u64))
    }
}

/// Softmax attention inside each segment, per head: `y_i = sum over j in s(i) of softmax_j(q_i . k_j) v_j`.
///
/// `q` is already scaled (TokenGT: by `head_dim^(-1/2)`, after its bias). Rows attend to rows of their own segment only,
/// so there is no mask and no padding. With `dropout`, entries of the softmax are dropped before they weigh `v`.
///
/// # Shapes
/// `q`, `k`, `v`: `[N, num_heads * head_dim]`, heads one after another, give `[N, num_heads * head_dim]`.
///
/// # Errors
/// When the shapes differ, the width is not a multiple of `num_heads`, or the dropout rate is outside `[0, 1)`.
///
/// # Complexity
/// `O(sum of n_s^2 * width)`. One `[n_s, n_s]` matrix per thread is alive at a time; the backward pass computes the
/// probabilities again. Every (segment, head) is computed by one thread in a fixed order: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{Segments, segment_attention};
/// let q = Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu)?; // equal scores: the mean of the segment
/// let v = Tensor::new(&[[1.0_f32, 0.0], [3.0, 0.0], [5.0, 7.0]], &Device::Cpu)?;
/// let segments = Segments::from_lengths(&[2, 1], &Device::Cpu)?;
/// let y = segment_attention(&q, &q, &v, &segments, 1, None)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[2.0, 0.0], [2.0, 0.0], [5.0, 7.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn segment_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &Segments,
    num_heads: usize,
    dropout: Option<AttentionDropout>,
) -> Result<Tensor> {
    check_inputs(q, k, segments, num_heads)?;
    check::shape("segment_attention: v", v, q.dims())?;
    if let Some(dropout) = dropout {
        dropout.check()?;
    }
    let dropout = dropout.filter(|dropout| dropout.rate > 0.0);
    let dim = q.dim(1)? / num_heads;
    if cuda::takes(q) && cuda::attention::takes_heads(dim, q.dtype()) {
        return cuda::attention::attention(q, k, v, segments, num_heads, dropout);
    }
    if !has_kernel(q) {
        check::real("segment_attention", q)?;
        return reference::segment_attention(q, k, v, segments, num_heads, dropout);
    }
    let op = SegmentAttention {
        segments: segments.clone(),
        num_heads,
        dropout,
    };
    Ok(q.contiguous()?
        .apply_op3(&k.contiguous()?, &v.contiguous()?, op)?)
}

fn check_inputs(q: &Tensor, k: &Tensor, segments: &Segments, num_heads: usize) -> Result<()> {
    let fits = |width: usize| num_heads > 0 && width > 0 && width.is_multiple_of(num_heads);
    match *q.dims() {
        [rows, width] if rows == segments.num_rows() && fits(width) => {
            check::shape("segment_attention: k", k, q.dims())
        }
        _ => Err(KernelError::Shape {
            name: "segment_attention: q",
            expected: format!("[{}, a multiple of {num_heads} heads]", segments.num_rows()),
            got: q.dims().to_vec(),
        }),
    }
}

struct SegmentAttention {
    segments: Segments,
    num_heads: usize,
    dropout: Option<AttentionDropout>,
}

impl SegmentAttention {
    fn heads(&self, width: usize) -> PackedHeads<'_> {
        PackedHeads {
            queries: &self.segments,
            segments: &self.segments,
            num_heads: self.num_heads,
            width,
            dropout: self.dropout,
        }
    }
}

impl CustomOp3 for SegmentAttention {
    fn name(&self) -> &'static str {
        "segment_attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        for_real!("segment_attention", q, T => {
            let q = numbers::<T>("segment_attention: q", q, q_layout)?;
            let k = numbers::<T>("segment_attention: k", k, k_layout)?;
            let v = numbers::<T>("segment_attention: v", v, v_layout)?;
            let y = self.heads(q_layout.dims()[1]).forward(q, k, v);
            Ok(stored(y, q_layout.shape().clone()))
        })
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        for_real!("segment_attention", q, T => {
            let [dq, dk, dv] = with_numbers::<T, _>("segment_attention: q", q, |q| {
                with_numbers("segment_attention: k", k, |k| {
                    with_numbers("segment_attention: v", v, |v| {
                        with_numbers("segment_attention: gradient", &grad, |grad| {
                            Ok(self.heads(v.len() / self.segments.num_rows().max(1)).backward(q, k, v, grad))
                        })
                    })
                })
            })?;
            let tensor = |x| Tensor::from_vec(x, q.shape(), q.device()).map(Some);
            Ok((tensor(dq)?, tensor(dk)?, tensor(dv)?))
        })
    }
}
