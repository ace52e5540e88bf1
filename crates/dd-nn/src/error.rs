//! Errors of parameters and their files.

use std::path::{Path, PathBuf};

use crate::weights::LoadReport;

/// What can go wrong when parameters are created, loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not a whole, valid safetensors file.
    #[error("{path}: not a valid safetensors file: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A PyTorch file that cannot be read.
    #[error("{path}: {source}")]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: dd_torch::TorchError,
    },
    /// A PyTorch file that does not fit into memory.
    #[error(
        "{path}: a PyTorch file of {size} bytes; at most {limit} are read: save its state dict alone, or as safetensors"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The tensors of a file are not those of the model.
    #[error("{source_name}: the tensors do not fit the model\n{report}")]
    Mismatch {
        /// File, or other origin of the tensors.
        source_name: String,
        /// Every tensor that does not fit, by name.
        report: Box<LoadReport>,
    },
    /// A file lacks a tensor that was asked for.
    #[error("{path}: there is no tensor {name}")]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
    /// Two tensors of a file would become the same parameter.
    #[error("{first} and {second} would both become {target}")]
    NameCollision {
        /// Name of one tensor in the file.
        first: String,
        /// Name of the other.
        second: String,
        /// The parameter.
        target: String,
    },
    /// A tensor holds an infinite value or one that is not a number.
    #[error(
        "{source_name}: tensor {name} has {count} values that are not finite, the first at flat position {position}"
    )]
    NonFinite {
        /// File, or other origin of the tensor.
        source_name: String,
        /// Name of the tensor.
        name: String,
        /// How many values are not finite.
        count: usize,
        /// Where the first one stands.
        position: usize,
    },
    /// A tensor has an element type that cannot become a parameter.
    #[error("{source_name}: tensor {name} has element type {dtype}, which is not supported")]
    ElementType {
        /// File, or other origin of the tensor.
        source_name: String,
        /// Name of the tensor.
        name: String,
        /// Its element type.
        dtype: String,
    },
    /// An error of the kernels.
    #[error(transparent)]
    Kernel(#[from] dd_kernels::KernelError),
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl NnError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}

impl From<NnError> for candle_core::Error {
    fn from(error: NnError) -> Self {
        match error {
            NnError::Tensor(inner) => inner,
            other => candle_core::Error::wrap(other),
        }
    }
}

/// Result of this crate's files and parameters; layers return candle's own.
pub type Result<T> = std::result::Result<T, NnError>;
