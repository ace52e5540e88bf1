//! Sizes and choices of TokenGT.

use dd_nn::Activation;
use serde::{Deserialize, Serialize};

use crate::error::{EncoderError, Result};

/// How a token says which node it is, or which two nodes its edge joins (Kim et al., NeurIPS 2022, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NodeIdentifiers {
    /// Eigenvectors of the normalised Laplacian, in ascending order of their eigenvalues, the trivial one included.
    Laplacian {
        /// Number of eigenvectors; graphs with fewer nodes are padded with zeros.
        columns: usize,
        /// In training, one random sign for each graph and eigenvector.
        sign_flip: bool,
        /// In training, the probability with which an entry is dropped.
        eigen_dropout: f64,
    },
    /// Rows of a random orthogonal matrix.
    Orthogonal {
        /// Length of an identifier; longer rows are cut, shorter ones padded with zeros, then scaled to length 1.
        columns: usize,
    },
    /// Uniform random numbers in `[0, 1)`, scaled to length 1.
    Random {
        /// Length of an identifier.
        columns: usize,
    },
    /// None: tokens are a set without connections.
    None,
}

impl NodeIdentifiers {
    /// Length of an identifier; zero for none.
    pub fn columns(&self) -> usize {
        match *self {
            Self::Laplacian { columns, .. }
            | Self::Orthogonal { columns }
            | Self::Random { columns } => columns,
            Self::None => 0,
        }
    }

    /// Number of Laplacian eigenvectors that batches must carry.
    pub fn laplacian_columns(&self) -> Option<usize> {
        match *self {
            Self::Laplacian { columns, .. } => Some(columns),
            _ => None,
        }
    }
}

/// Where a layer normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPlacement {
    /// `x + f(LN(x))`: the released models.
    Pre,
    /// `LN(x + f(x))`.
    Post,
}

/// What represents a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readout {
    /// Mean over the atom tokens: "+mp" of the paper.
    MeanPool,
    /// The `[graph]` token: "+vn" of the paper, and the original TokenGT.
    GraphToken,
}

/// Configuration of [`TokenGt`](super::TokenGt).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenGtConfig {
    /// Width `D` of the tokens.
    pub width: usize,
    /// Number of layers.
    pub num_layers: usize,
    /// Number of attention heads; divides the width.
    pub num_heads: usize,
    /// Width of the feed-forward block.
    pub ffn_width: usize,
    /// Activation of the feed-forward block; the original's by default. With any other than GELU a layer takes more time
    /// and memory.
    #[serde(default = "gelu")]
    pub activation: Activation,
    /// Node identifiers.
    pub node_identifiers: NodeIdentifiers,
    /// Whether tokens say that they are nodes or edges.
    pub type_identifiers: bool,
    /// Where layers normalise.
    pub norm: NormPlacement,
    /// Whether tokens are normalised before the first layer.
    pub embedding_layer_norm: bool,
    /// Whether the output of a pre-norm encoder is normalised. The original holds the parameters and never applies them.
    pub final_layer_norm: bool,
    /// Dropout of tokens and of the outputs of both blocks of a layer.
    pub dropout: f64,
    /// Dropout of attention probabilities.
    pub attention_dropout: f64,
    /// Dropout after the activation of the feed-forward block.
    pub activation_dropout: f64,
    /// Probability with which a graph skips a block of the last layer; the others grow to it linearly. Pre-norm only.
    pub stochastic_depth: f64,
    /// What represents a graph.
    pub readout: Readout,
}

/// The activation of configurations that name none.
pub(crate) fn gelu() -> Activation {
    Activation::Gelu
}

impl TokenGtConfig {
    /// `tokengt_base` with Laplacian identifiers as trained on PCQM4Mv2 (`jw9730/tokengt` bb76758, `pcqv2-lap.sh`):
    /// 48.5 M parameters with its prediction head.
    pub fn base_lap() -> Self {
        Self {
            width: 768,
            num_layers: 12,
            num_heads: 32,
            ffn_width: 768,
            activation: Activation::Gelu,
            node_identifiers: NodeIdentifiers::Laplacian {
                columns: 16,
                sign_flip: true,
                eigen_dropout: 0.2,
            },
            type_identifiers: true,
            norm: NormPlacement::Pre,
            embedding_layer_norm: true,
            final_layer_norm: false,
            dropout: 0.0,
            attention_dropout: 0.1,
            activation_dropout: 0.1,
            stochastic_depth: 0.1,
            readout: Readout::GraphToken,
        }
    }

    /// `tokengt_base` with orthogonal random features (`jw9730/tokengt` bb76758, `pcqv2-orf.sh`): 48.6 M parameters.
    pub fn base_orf() -> Self {
        Self {
            node_identifiers: NodeIdentifiers::Orthogonal { columns: 64 },
            ..Self::base_lap()
        }
    }

    /// A student as wide as the published teacher (256), so that no projection is needed: 12 layers, 8 heads, normalised
    /// output, mean over atoms.
    ///
    /// # Differences from the original
    /// The paper does not state the student's sizes; width and head dimension follow the teacher's.
    pub fn student_256() -> Self {
        Self {
            width: 256,
            num_heads: 8,
            ffn_width: 256,
            final_layer_norm: true,
            readout: Readout::MeanPool,
            ..Self::base_lap()
        }
    }

    /// The student of 6 layers: half of [`TokenGtConfig::student_256`].
    pub fn student_256_small() -> Self {
        Self {
            num_layers: 6,
            ..Self::student_256()
        }
    }

    /// A student that trains in minutes on two cores: width 64, 3 layers, 4 heads.
    pub fn student_64() -> Self {
        Self {
            width: 64,
            num_layers: 3,
            num_heads: 4,
            ffn_width: 64,
            ..Self::student_256()
        }
    }

    /// Checks that the configuration describes a network.
    ///
    /// # Errors
    /// Names the field at fault.
    pub fn validate(&self) -> Result<()> {
        let fail = |field, reason: String| Err(EncoderError::Config { field, reason });
        for (field, value) in [
            ("width", self.width),
            ("num_layers", self.num_layers),
            ("num_heads", self.num_heads),
            ("ffn_width", self.ffn_width),
        ] {
            if value == 0 {
                return fail(field, "must be positive".to_string());
            }
        }
        if !self.width.is_multiple_of(self.num_heads) {
            return fail(
                "num_heads",
                format!(
                    "{} does not divide the width {}",
                    self.num_heads, self.width
                ),
            );
        }
        let eigen_dropout = match self.node_identifiers {
            NodeIdentifiers::Laplacian { eigen_dropout, .. } => eigen_dropout,
            _ => 0.0,
        };
        for (field, rate) in [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("activation_dropout", self.activation_dropout),
            ("stochastic_depth", self.stochastic_depth),
            ("node_identifiers.eigen_dropout", eigen_dropout),
        ] {
            if !(0.0..1.0).contains(&rate) {
                return fail(field, format!("{rate} is outside [0, 1)"));
            }
        }
        if self.node_identifiers != NodeIdentifiers::None && self.node_identifiers.columns() == 0 {
            return fail("node_identifiers.columns", "must be positive".to_string());
        }
        if self.norm == NormPlacement::Post {
            if self.stochastic_depth > 0.0 {
                return fail("stochastic_depth", "needs norm \"pre\"".to_string());
            }
            if self.final_layer_norm {
                return fail("final_layer_norm", "needs norm \"pre\"".to_string());
            }
        }
        Ok(())
    }
}
