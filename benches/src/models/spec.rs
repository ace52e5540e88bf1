//! The names of measured models, with changes of size.

use dd_denoiser3d::EtConfig;
use dd_encoder2d::EncoderConfig;
use dd_encoder2d::gin::GinConfig;
use dd_encoder2d::tokengt::{NodeIdentifiers, TokenGtConfig};
use dd_kernels::MatmulPrecision;

use super::{Read, Result};

/// `NAME` or `NAME:width=128,layers=4`.
pub(super) struct Spec {
    name: String,
    width: Option<usize>,
    layers: Option<usize>,
    whitened: bool,
    pub(super) precision: MatmulPrecision,
}

/// What to build.
pub(super) enum Architecture {
    Teacher(EtConfig),
    Student(EncoderConfig, Read),
}

impl Spec {
    /// Reads a name.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (name, changes) = text.split_once(':').unwrap_or((text, ""));
        let mut spec = Self {
            name: name.to_string(),
            width: None,
            layers: None,
            whitened: false,
            precision: MatmulPrecision::Full,
        };
        for change in changes.split(',').filter(|change| !change.is_empty()) {
            match change.split_once('=') {
                Some(("width", value)) => spec.width = Some(value.parse()?),
                Some(("layers", value)) => spec.layers = Some(value.parse()?),
                None if change == "whitened" => spec.whitened = true,
                None if change == "bf16" => spec.precision = MatmulPrecision::Bf16,
                _ => {
                    return Err(
                        format!("no change {change}: width=, layers=, whitened, bf16").into(),
                    );
                }
            }
        }
        Ok(spec)
    }

    /// The configuration: dimensions of a head stay as published when the width changes.
    pub(super) fn architecture(&self) -> Result<Architecture> {
        let token_gt = |preset| EncoderConfig::TokenGt(self.resized(preset));
        Ok(match self.name.as_str() {
            "et" => Architecture::Teacher(self.teacher()),
            "tokengt" => Architecture::Student(token_gt(&TokenGtConfig::base_lap()), Read::Graphs),
            "student" => {
                let preset = TokenGtConfig::student_256_small();
                Architecture::Student(token_gt(&preset), Read::Nodes)
            }
            "gin" => Architecture::Student(EncoderConfig::Gin(self.gin()), Read::Nodes),
            name => return Err(format!("no model {name}: et, tokengt, student or gin").into()),
        })
    }

    fn teacher(&self) -> EtConfig {
        let published = EtConfig::pcqm4mv2();
        let head = published.embedding_dimension / published.num_heads;
        let width = self.width.unwrap_or(published.embedding_dimension);
        EtConfig {
            embedding_dimension: width,
            num_heads: width / head,
            num_layers: self.layers.unwrap_or(published.num_layers),
            layernorm_on_vec: published.layernorm_on_vec.filter(|_| self.whitened),
            ..published
        }
    }

    fn resized(&self, preset: &TokenGtConfig) -> TokenGtConfig {
        let head = preset.width / preset.num_heads;
        let width = self.width.unwrap_or(preset.width);
        TokenGtConfig {
            width,
            ffn_width: width,
            num_heads: width / head,
            num_layers: self.layers.unwrap_or(preset.num_layers),
            node_identifiers: NodeIdentifiers::Laplacian {
                columns: preset.node_identifiers.columns(),
                sign_flip: false,
                eigen_dropout: 0.0,
            },
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            stochastic_depth: 0.0,
            ..preset.clone()
        }
    }

    fn gin(&self) -> GinConfig {
        let published = GinConfig::molecule_sde();
        GinConfig {
            width: self.width.unwrap_or(published.width),
            num_layers: self.layers.unwrap_or(published.num_layers),
            dropout: 0.0,
        }
    }
}
