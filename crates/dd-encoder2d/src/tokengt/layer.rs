//! One transformer layer on packed tokens.
//!
//! Pre-norm: `x += P(MHA(LN1 x))`, `x += P(FFN(LN2 x))` with stochastic depth `P`; post-norm: `x = LN1(x + MHA x)`,
//! `x = LN2(x + FFN x)`. `FFN x = W2 f(W1 x + b1) + b2`, `f` being GELU in the original.

use candle_core::{Module, Tensor};
use dd_kernels::{
    FeedForwardBlock, Readers, Segments, attention_scores, attention_weights, feed_forward_block,
    gather,
};
use dd_nn::{
    Activation, LayerNorm, Linear, Mode, Params, SelfAttention, branch_factors, drop_path,
};

use super::config::{NormPlacement, TokenGtConfig};
use super::tokenizer::INIT;
use crate::dropout::{dropout, row_dropout};
use crate::error::Result;

pub(crate) struct Layer {
    self_attn: SelfAttention,
    self_attn_layer_norm: LayerNorm,
    fc1: Linear,
    activation: Activation,
    fc2: Linear,
    final_layer_norm: LayerNorm,
    num_heads: usize,
    norm: NormPlacement,
    dropout: f64,
    activation_dropout: f64,
    drop_path: f64,
}

impl Layer {
    pub(crate) fn new(config: &TokenGtConfig, number: usize, params: &Params) -> Result<Self> {
        let width = config.width;
        let feedforward = params.pp("feedforward");
        let norm = |name: &str| LayerNorm::new(width, &params.pp(name));
        let depth = (number + 1) as f64 / config.num_layers as f64;
        Ok(Self {
            self_attn: SelfAttention::new(
                width,
                config.num_heads,
                config.attention_dropout,
                INIT,
                &params.pp("self_attn"),
            )?,
            self_attn_layer_norm: norm("self_attn_layer_norm")?,
            fc1: Linear::new(width, config.ffn_width, INIT, &feedforward.pp("fc1"))?,
            activation: config.activation,
            fc2: Linear::new(config.ffn_width, width, INIT, &feedforward.pp("fc2"))?,
            final_layer_norm: norm("final_layer_norm")?,
            num_heads: config.num_heads,
            norm: config.norm,
            dropout: config.dropout,
            activation_dropout: config.activation_dropout,
            drop_path: config.stochastic_depth * depth,
        })
    }

    /// Tokens `[T, D]` give tokens `[T, D]`.
    pub(crate) fn forward(&self, x: &Tensor, tokens: &Segments, mode: Mode) -> Result<Tensor> {
        match self.norm {
            NormPlacement::Pre if self.is_fused() => self.forward_pre(x, tokens, None, mode),
            NormPlacement::Pre => self.forward_in_parts(x, tokens, mode),
            NormPlacement::Post => {
                let x = (x + self.attend(x, tokens, mode)?)?;
                let x = self.self_attn_layer_norm.forward(&x)?; // [T, D]
                let y = (&x + self.feed_forward(&x, tokens, mode)?)?;
                Ok(self.final_layer_norm.forward(&y)?) // [T, D]
            }
        }
    }

    /// [`Layer::forward`] for the readers alone, `[R, D]`: all that the last layer needs to compute.
    pub(crate) fn forward_readers(
        &self,
        x: &Tensor,
        tokens: &Segments,
        readers: Readers<'_>,
        mode: Mode,
    ) -> Result<Tensor> {
        if self.is_fused() {
            self.forward_pre(x, tokens, Some(readers), mode)
        } else {
            Ok(gather(&self.forward(x, tokens, mode)?, readers.rows)?)
        }
    }

    /// The pre-norm layer as two operations.
    fn forward_pre(
        &self,
        x: &Tensor,
        tokens: &Segments,
        readers: Option<Readers<'_>>,
        mode: Mode,
    ) -> Result<Tensor> {
        let factors = self.factors(tokens, mode.named("attention_path"))?;
        let x = self.self_attn.forward_residual(
            x,
            &self.self_attn_layer_norm,
            tokens,
            readers,
            factors.as_deref(),
            mode,
        )?;
        let factors = self.factors(tokens, mode.named("feedforward_path"))?;
        let block = FeedForwardBlock {
            norm: self.final_layer_norm.weights(),
            first: self.fc1.weights().expect("made with a bias"),
            last: self.fc2.weights().expect("made with a bias"),
            segments: readers.map_or(tokens, |readers| readers.segments),
            dropout: row_dropout(self.activation_dropout, mode.named("activation_dropout")),
            factors: factors.as_deref(),
            precision: self.fc1.precision(),
        };
        Ok(feed_forward_block(&x, &block)?)
    }

    /// Whether [`Layer::forward_pre`] can compute the layer.
    fn is_fused(&self) -> bool {
        self.norm == NormPlacement::Pre
            && self.dropout == 0.0
            && self.activation == Activation::Gelu
    }

    /// The pre-norm layer with dropout of the blocks' outputs, or another activation.
    fn forward_in_parts(&self, x: &Tensor, tokens: &Segments, mode: Mode) -> Result<Tensor> {
        let skip =
            |branch: &Tensor, name| drop_path(branch, tokens, self.drop_path, mode.named(name));
        let branch = self.attend(&self.self_attn_layer_norm.forward(x)?, tokens, mode)?;
        let x = (x + skip(&branch, "attention_path")?)?; // [T, D]
        let branch = self.feed_forward(&self.final_layer_norm.forward(&x)?, tokens, mode)?;
        Ok((&x + skip(&branch, "feedforward_path")?)?) // [T, D]
    }

    fn factors(&self, tokens: &Segments, mode: Mode) -> Result<Option<Vec<f64>>> {
        Ok(branch_factors(tokens, self.drop_path, mode)?)
    }

    /// Attention probabilities of the layer's input, one `[num_heads, T_g, T_g]` for each graph.
    pub(crate) fn attention(&self, x: &Tensor, tokens: &Segments) -> Result<Vec<Tensor>> {
        let (q, k) = self.queries_and_keys(x)?;
        Ok(attention_weights(&q, &k, tokens, self.num_heads)?)
    }

    /// Attention scores of the layer's input: what the softmax of [`Layer::attention`] is taken of.
    pub(crate) fn scores(&self, x: &Tensor, tokens: &Segments) -> Result<Vec<Tensor>> {
        let (q, k) = self.queries_and_keys(x)?;
        Ok(attention_scores(&q, &k, tokens, self.num_heads)?)
    }

    fn queries_and_keys(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let (q, k, _) = match self.norm {
            NormPlacement::Pre => self
                .self_attn
                .project(&self.self_attn_layer_norm.forward(x)?)?,
            NormPlacement::Post => self.self_attn.project(x)?,
        };
        Ok((q, k))
    }

    fn attend(&self, x: &Tensor, tokens: &Segments, mode: Mode) -> Result<Tensor> {
        let x = self.self_attn.forward(x, tokens, mode)?;
        dropout(&x, self.dropout, tokens, mode.named("attention_dropout"))
    }

    fn feed_forward(&self, x: &Tensor, tokens: &Segments, mode: Mode) -> Result<Tensor> {
        let h = self.activation.forward(&self.fc1.forward(x)?)?; // [T, F]
        let rate = self.activation_dropout;
        let h = dropout(&h, rate, tokens, mode.named("activation_dropout"))?;
        let x = self.fc2.forward(&h)?; // [T, D]
        dropout(&x, self.dropout, tokens, mode.named("feedforward_dropout"))
    }
}
