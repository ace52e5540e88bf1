//! Why a golden case could not be checked at all.

use std::path::{Path, PathBuf};

/// Errors of reading or running a golden case; a miss is not an error but a [`Row`](crate::Row) that is not `ok`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParityError {
    /// A file is absent or malformed.
    #[error("{path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A tensor that the kind of case must have.
    #[error("{path}: no tensor '{name}'")]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A field of the description that the kind of case must have.
    #[error("{path}: no field '{pointer}'")]
    MissingField {
        /// The file.
        path: PathBuf,
        /// JSON pointer of the field.
        pointer: String,
    },
    /// A case of a kind that has no check.
    #[error("{path}: unknown kind of golden case")]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// Rule weights that do not reproduce their manifest.
    #[error("rule weights: {0}")]
    RuleWeights(String),
    /// The tensor library failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A crate under test failed where the original did not.
    #[error("{0}")]
    Failed(String),
}

impl ParityError {
    /// A file that could not be read.
    pub fn read(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Read {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }

    /// A failure of the code under test.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}
