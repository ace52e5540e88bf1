//! Sizes and kinds of the networks of `pretrain-gnns`.

use serde::{Deserialize, Serialize};

use crate::config::check_sizes;
use crate::error::Result;

/// Message passing of a layer. Each sums over the incoming edges of an atom and a loop at the atom itself, which is a bond
/// of a type of its own; `e` is the sum of a learnt vector for the bond's type and one for its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphConvolution {
    /// `MLP(sum of h_u + e_uv)` (Xu et al., ICLR 2019).
    Gin,
    /// `sum of (W h_u + b + e_uv) / sqrt(d_u d_v)` (Kipf and Welling, ICLR 2017).
    Gcn,
    /// The mean of `W h_u + b + e_uv`, scaled to length 1 (Hamilton et al., NeurIPS 2017).
    GraphSage,
    /// Attention with two heads, averaged (Veličković et al., ICLR 2018).
    Gat,
}

/// Configuration of [`PretrainGnn`](super::PretrainGnn).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainGnnConfig {
    /// Width of the representation.
    pub width: usize,
    /// Number of layers.
    pub num_layers: usize,
    /// Dropout after each layer.
    pub dropout: f64,
    /// Message passing.
    pub convolution: GraphConvolution,
}

impl PretrainGnnConfig {
    /// The published sizes: 5 layers, width 300; dropout 0.5 as the original fine-tunes (`chem/finetune.py`).
    pub fn published(convolution: GraphConvolution) -> Self {
        Self {
            width: 300,
            num_layers: 5,
            dropout: 0.5,
            convolution,
        }
    }

    /// Checks that the configuration describes a network.
    ///
    /// # Errors
    /// Names the field at fault.
    pub fn validate(&self) -> Result<()> {
        let sizes = [("width", self.width), ("num_layers", self.num_layers)];
        check_sizes(&sizes, self.dropout)
    }
}
