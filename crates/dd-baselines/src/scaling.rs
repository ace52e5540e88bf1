//! What is done to the features before a linear model sees them.

use serde::{Deserialize, Serialize};

/// Units of the features in the penalty of a linear model. The means are always taken off,
/// so that the intercept goes unpenalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// As they are: for fingerprints, whose bits share a unit.
    #[default]
    Raw,
    /// In standard deviations of the labelled rows: for embeddings and descriptors.
    /// Constant features get no weight.
    Standard,
}
