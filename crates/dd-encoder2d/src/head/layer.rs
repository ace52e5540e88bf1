//! The layers of a head.

use std::fmt;

use candle_core::{Module, Result as TensorResult, Tensor};
use dd_nn::{Activation, Init, LayerNorm, Linear, Mlp, Params};

use super::config::HeadConfig;
use crate::error::{EncoderError, Result};
use crate::tokengt::INIT;

/// Maps representations `[R, H]` to outputs `[R, T]`: standardised values of regression targets, logits of binary ones.
pub struct Head {
    layers: Layers,
    input: usize,
    num_targets: usize,
}

enum Layers {
    Linear(Linear),
    Mlp(Mlp),
    TokenGt {
        lm_head_transform_weight: Linear,
        activation: Activation,
        layer_norm: LayerNorm,
        embed_out: Linear,
        lm_output_learned_bias: Tensor,
    },
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("input", &self.input)
            .field("num_targets", &self.num_targets)
            .finish_non_exhaustive()
    }
}

impl Head {
    /// A head for representations of width `input`.
    ///
    /// Parameters are `weight`, `bias` (linear), `0.*`, `2.*` (MLP) or those of TokenGT's state dict below `encoder.`
    /// (`lm_head_transform_weight.*`, `layer_norm.*`, `embed_out.weight`, `lm_output_learned_bias`).
    ///
    /// # Errors
    /// When a size is zero.
    pub fn new(
        config: &HeadConfig,
        input: usize,
        num_targets: usize,
        params: &Params,
    ) -> Result<Self> {
        let fail = |field, reason: &str| {
            let reason = reason.to_string();
            Err(EncoderError::Config { field, reason })
        };
        if num_targets == 0 {
            return fail("targets", "a head needs at least one target");
        }
        let layers = match *config {
            HeadConfig::Linear => {
                Layers::Linear(Linear::fan_in_uniform(input, num_targets, params)?)
            }
            HeadConfig::Mlp { hidden: 0 } => return fail("head.hidden", "must be positive"),
            HeadConfig::Mlp { hidden } => Layers::Mlp(Mlp::new(
                [input, hidden, num_targets],
                Activation::Relu,
                Init::XavierUniform,
                params,
            )?),
            HeadConfig::TokenGt { activation } => Layers::TokenGt {
                lm_head_transform_weight: Linear::new(
                    input,
                    input,
                    INIT,
                    &params.pp("lm_head_transform_weight"),
                )?,
                activation,
                layer_norm: LayerNorm::new(input, &params.pp("layer_norm"))?,
                embed_out: Linear::no_bias(input, num_targets, INIT, &params.pp("embed_out"))?,
                lm_output_learned_bias: params.get(
                    1,
                    "lm_output_learned_bias",
                    Init::Constant(0.0),
                )?,
            },
        };
        Ok(Self {
            layers,
            input,
            num_targets,
        })
    }

    /// Width of the representations that it takes.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The layer of a linear head; none of any other.
    pub fn linear(&self) -> Option<&Linear> {
        match &self.layers {
            Layers::Linear(linear) => Some(linear),
            _ => None,
        }
    }

    /// Number of targets.
    pub fn num_targets(&self) -> usize {
        self.num_targets
    }
}

impl Module for Head {
    fn forward(&self, z: &Tensor) -> TensorResult<Tensor> {
        match &self.layers {
            Layers::Linear(linear) => linear.forward(z),
            Layers::Mlp(mlp) => mlp.forward(z),
            Layers::TokenGt {
                lm_head_transform_weight,
                activation,
                layer_norm,
                embed_out,
                lm_output_learned_bias,
            } => {
                let h = activation.forward(&lm_head_transform_weight.forward(z)?)?; // [R, H]
                let h = layer_norm.forward(&h)?; // [R, H]
                embed_out.forward(&h)?.broadcast_add(lm_output_learned_bias) // [R, T]
            }
        }
    }
}
