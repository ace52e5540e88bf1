//! Sizes and kinds of the networks of MolCLR.

use serde::{Deserialize, Serialize};

use crate::config::check_sizes;
use crate::error::Result;

/// Message passing of a layer, loops included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MolClrConvolution {
    /// `b + sum of h_u W + e_uv`, where `e` is one number for a bond. The original computes the degrees that a GCN divides
    /// by, and does not use them.
    Gcn,
    /// `MLP(sum of h_u + e_uv)`.
    Gin,
}

/// Configuration of [`MolClr`](super::MolClr).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MolClrConfig {
    /// Width of the layers.
    pub width: usize,
    /// Number of layers.
    pub num_layers: usize,
    /// Width of the feature layer, and of the representation.
    pub feature_width: usize,
    /// Dropout after each layer.
    pub dropout: f64,
    /// Message passing.
    pub convolution: MolClrConvolution,
}

impl MolClrConfig {
    /// The published sizes: 5 layers, width 300, features 512; dropout 0.3 as the original fine-tunes
    /// (`config_finetune.yaml`).
    pub fn published(convolution: MolClrConvolution) -> Self {
        Self {
            width: 300,
            num_layers: 5,
            feature_width: 512,
            dropout: 0.3,
            convolution,
        }
    }

    /// Checks that the configuration describes a network.
    ///
    /// # Errors
    /// Names the field at fault.
    pub fn validate(&self) -> Result<()> {
        let sizes = [
            ("width", self.width),
            ("num_layers", self.num_layers),
            ("feature_width", self.feature_width),
        ];
        check_sizes(&sizes, self.dropout)
    }
}
