//! Targets and the shape of the head.

use dd_nn::Activation;
use serde::{Deserialize, Serialize};

/// What kind of number a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A real number; standardised for training, reported in its unit.
    Regression,
    /// 0 or 1; the model gives a probability.
    Binary,
}

/// One column of labels. Several make a multi-task model; a label that is `NaN` is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name: the column in the data set.
    pub name: String,
    /// Kind.
    pub kind: TargetKind,
    /// Unit of a regression target, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Target {
    /// A real number in `unit`.
    pub fn regression(name: &str, unit: Option<&str>) -> Self {
        Self {
            name: name.to_string(),
            kind: TargetKind::Regression,
            unit: unit.map(ToString::to_string),
        }
    }

    /// A yes-or-no target.
    pub fn binary(name: &str) -> Self {
        Self {
            name: name.to_string(),
            kind: TargetKind::Binary,
            unit: None,
        }
    }
}

/// Loss of regression targets, in standardised units. Binary targets always use cross entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegressionLoss {
    /// Mean absolute error: the paper's.
    L1,
    /// Mean squared error.
    Mse,
}

/// Layers between a graph's representation and its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum HeadConfig {
    /// `y = W z + b`: the paper's.
    Linear,
    /// `y = W2 relu(W1 z + b1) + b2`.
    Mlp {
        /// Width between the layers.
        hidden: usize,
    },
    /// TokenGT's own: `y = W LN(f(W1 z + b1)) + b` with one scalar `b` for all targets.
    TokenGt {
        /// `f`; the original takes the encoder's.
        #[serde(default = "crate::tokengt::config::gelu")]
        activation: Activation,
    },
}

impl HeadConfig {
    /// TokenGT's own head as published, with GELU.
    pub const TOKEN_GT: Self = Self::TokenGt {
        activation: Activation::Gelu,
    };
}
