//! Which encoder, with which sizes.

use dd_graph::{AtomOrder, AtomTypeConfig, ChempropConfig, FeaturizerConfig, Hydrogens, OgbConfig};
use dd_nn::Params;
use serde::{Deserialize, Serialize};

use crate::Encoder2d;
use crate::d_mpnn::{DMpnn, DMpnnConfig};
use crate::error::{EncoderError, Result};
use crate::gin::{Gin, GinConfig};
use crate::mol_clr::{MolClr, MolClrConfig};
use crate::pretrain_gnn::{PretrainGnn, PretrainGnnConfig};
use crate::tokengt::{TokenGt, TokenGtConfig};

/// The configuration of any encoder of this crate, tagged by `architecture`.
///
/// ```
/// use dd_encoder2d::EncoderConfig;
/// let error = serde_json::from_str::<EncoderConfig>(r#"{ "architecture": "gcn" }"#).unwrap_err();
/// assert!(error.to_string().contains("expected one of `token_gt`, `gin`, `pretrain_gnn`"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EncoderConfig {
    /// The transformer over node and edge tokens.
    TokenGt(TokenGtConfig),
    /// The graph isomorphism network.
    Gin(GinConfig),
    /// GIN, GCN, GraphSAGE or GAT of `pretrain-gnns`.
    PretrainGnn(PretrainGnnConfig),
    /// GCN or GIN of MolCLR.
    MolClr(MolClrConfig),
    /// The directed message passing network of chemprop.
    DMpnn(DMpnnConfig),
}

impl EncoderConfig {
    /// Builds the encoder; its parameters get the names of the original's state dict below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn build(&self, params: &Params) -> Result<Box<dyn Encoder2d>> {
        Ok(match self {
            Self::TokenGt(config) => Box::new(TokenGt::new(config, params)?),
            Self::Gin(config) => Box::new(Gin::new(config, params)?),
            Self::PretrainGnn(config) => Box::new(PretrainGnn::new(config, params)?),
            Self::MolClr(config) => Box::new(MolClr::new(config, params)?),
            Self::DMpnn(config) => Box::new(DMpnn::new(config, params)?),
        })
    }

    /// Width of the representation.
    pub fn width(&self) -> usize {
        match self {
            Self::TokenGt(config) => config.width,
            Self::Gin(config) => config.width,
            Self::PretrainGnn(config) => config.width,
            Self::MolClr(config) => config.feature_width,
            Self::DMpnn(config) => config.width,
        }
    }

    /// Number of Laplacian eigenvectors that batches must carry; none when the encoder does not read them.
    pub fn laplacian_columns(&self) -> Option<usize> {
        match self {
            Self::TokenGt(config) => config.node_identifiers.laplacian_columns(),
            _ => None,
        }
    }

    /// The features that the encoder reads: of heavy atoms in the order of the input, with the node identifiers that it
    /// needs.
    pub fn featurizer(&self) -> FeaturizerConfig {
        match self {
            Self::TokenGt(_) | Self::Gin(_) => FeaturizerConfig::Ogb(OgbConfig {
                hydrogens: Hydrogens::Remove,
                laplacian: self.laplacian_columns(),
                order: AtomOrder::AsWritten,
            }),
            Self::PretrainGnn(_) | Self::MolClr(_) => {
                FeaturizerConfig::AtomType(AtomTypeConfig::heavy_atoms())
            }
            Self::DMpnn(config) => FeaturizerConfig::Chemprop(ChempropConfig::of(config.atoms)),
        }
    }
}

/// Sizes that must be positive, and a rate below 1.
pub(crate) fn check_sizes(sizes: &[(&'static str, usize)], dropout: f64) -> Result<()> {
    if let Some(&(field, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(EncoderError::Config {
            field,
            reason: "must be positive".to_string(),
        });
    }
    if !(0.0..1.0).contains(&dropout) {
        return Err(EncoderError::Config {
            field: "dropout",
            reason: format!("{dropout} is outside [0, 1)"),
        });
    }
    Ok(())
}
