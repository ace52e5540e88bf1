//! Which encoder, with which sizes.

use dd_nn::Params;
use serde::{Deserialize, Serialize};

use crate::Encoder2d;
use crate::error::Result;
use crate::gin::{Gin, GinConfig};
use crate::tokengt::{TokenGt, TokenGtConfig};

/// The configuration of any encoder of this crate, tagged by `architecture`.
///
/// ```
/// use dd_encoder2d::EncoderConfig;
/// let error = serde_json::from_str::<EncoderConfig>(r#"{ "architecture": "gcn" }"#).unwrap_err();
/// assert!(error.to_string().contains("expected `token_gt` or `gin`"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EncoderConfig {
    /// The transformer over node and edge tokens.
    TokenGt(TokenGtConfig),
    /// The graph isomorphism network.
    Gin(GinConfig),
}

impl EncoderConfig {
    /// Builds the encoder; its parameters get the names of the original's state dict below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn build(&self, params: &Params) -> Result<Box<dyn Encoder2d + Send + Sync>> {
        Ok(match self {
            Self::TokenGt(config) => Box::new(TokenGt::new(config, params)?),
            Self::Gin(config) => Box::new(Gin::new(config, params)?),
        })
    }

    /// Width of the representation.
    pub fn width(&self) -> usize {
        match self {
            Self::TokenGt(config) => config.width,
            Self::Gin(config) => config.width,
        }
    }

    /// Number of Laplacian eigenvectors that batches must carry; none when the encoder does not read them.
    pub fn laplacian_columns(&self) -> Option<usize> {
        match self {
            Self::TokenGt(config) => config.node_identifiers.laplacian_columns(),
            Self::Gin(_) => None,
        }
    }
}
