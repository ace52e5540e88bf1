//! Sizes of GIN.

use serde::{Deserialize, Serialize};

use crate::config::check_sizes;
use crate::error::Result;

/// Configuration of [`Gin`](super::Gin).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GinConfig {
    /// Width of the representation.
    pub width: usize,
    /// Number of layers.
    pub num_layers: usize,
    /// Dropout after each layer.
    pub dropout: f64,
}

impl GinConfig {
    /// The network of GraphMVP and MoleculeSDE (`chao1224/MoleculeSDE` 06f84c8): 5 layers, width 300, dropout 0.5;
    /// 1.89 M parameters. The paper says "GIN" and no more; its baselines use this one.
    pub fn molecule_sde() -> Self {
        Self {
            width: 300,
            num_layers: 5,
            dropout: 0.5,
        }
    }

    /// The same at the published teacher's width, so that distillation needs no projection.
    pub fn student_256() -> Self {
        Self {
            width: 256,
            ..Self::molecule_sde()
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
