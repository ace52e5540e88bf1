//! Multi-head self-attention inside the segments of a packed batch (Vaswani et al., NeurIPS 2017).

use candle_core::{Error, Module, Result, Tensor};
use dd_kernels::{
    AttentionBlock, AttentionDropout, DenseWeights, Readers, Segments, attention_block,
    segment_attention,
};

use crate::init::Init;
use crate::layer::{LayerNorm, Linear};
use crate::mode::Mode;
use crate::params::Params;

/// `out_proj(softmax(q k^T / sqrt(head_dim)) v)` per head and segment; the query is scaled after its bias.
///
/// Names are fairseq's: `q_proj`, `k_proj`, `v_proj`, `out_proj`, each with a bias. The key bias has a gradient that is
/// zero in exact arithmetic: it shifts all scores of a query alike.
#[derive(Debug, Clone)]
pub struct SelfAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    num_heads: usize,
    scale: f64,
    dropout: f64,
}

impl SelfAttention {
    /// `dropout` is the rate at which attention probabilities are dropped in `Train`.
    ///
    /// # Errors
    /// When `num_heads` does not divide `width`.
    pub fn new(
        width: usize,
        num_heads: usize,
        dropout: f64,
        init: Init,
        params: &Params,
    ) -> Result<Self> {
        if num_heads == 0 || !width.is_multiple_of(num_heads) {
            return Err(Error::Msg(format!(
                "attention: {num_heads} heads do not divide width {width}"
            )));
        }
        let projection = |name: &str| Linear::new(width, width, init, &params.pp(name));
        Ok(Self {
            q_proj: projection("q_proj")?,
            k_proj: projection("k_proj")?,
            v_proj: projection("v_proj")?,
            out_proj: projection("out_proj")?,
            num_heads,
            scale: 1.0 / ((width / num_heads) as f64).sqrt(),
            dropout,
        })
    }

    /// `[N, width]` with the rows of `segments` gives `[N, width]`.
    pub fn forward(&self, x: &Tensor, segments: &Segments, mode: Mode) -> Result<Tensor> {
        let (q, k, v) = self.project(x)?;
        let dropout = self.dropout(mode);
        let message = segment_attention(&q, &k, &v, segments, self.num_heads, dropout)?;
        self.out_proj.forward(&message)
    }

    /// `x + f forward(LN(x))` in one operation, with branch factors `f`, one per segment, for all rows or the readers
    /// among them.
    pub fn forward_residual(
        &self,
        x: &Tensor,
        norm: &LayerNorm,
        segments: &Segments,
        readers: Option<Readers<'_>>,
        factors: Option<&[f64]>,
        mode: Mode,
    ) -> Result<Tensor> {
        let block = AttentionBlock {
            norm: norm.weights(),
            query: weights(&self.q_proj),
            key: weights(&self.k_proj),
            value: weights(&self.v_proj),
            output: weights(&self.out_proj),
            segments,
            num_heads: self.num_heads,
            dropout: self.dropout(mode),
            factors,
            readers,
            precision: self.q_proj.precision(),
        };
        Ok(attention_block(x, &block)?)
    }

    fn dropout(&self, mode: Mode) -> Option<AttentionDropout> {
        let key = mode.named("attention").key()?;
        (self.dropout > 0.0).then_some(AttentionDropout {
            rate: self.dropout,
            key,
        })
    }

    /// Scaled queries, keys and values, `[N, width]` each: the pre-softmax scores are `q . k` per head.
    pub fn project(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let q = (self.q_proj.forward(x)? * self.scale)?;
        Ok((q, self.k_proj.forward(x)?, self.v_proj.forward(x)?))
    }
}

/// A projection's weights; all four have a bias.
fn weights(projection: &Linear) -> DenseWeights<'_> {
    projection.weights().expect("made with a bias")
}
