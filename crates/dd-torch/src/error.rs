//! Errors of reading PyTorch files.

/// Why a file, or a tensor of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// Neither of the two formats.
    #[error(
        "this is no PyTorch file: it begins neither like a zip archive nor like PyTorch's pickles"
    )]
    NotTorch,
    /// A zip archive that is damaged or holds something else.
    #[error("zip archive: {0}")]
    Archive(String),
    /// A pickle that is damaged, or asks for what is not read.
    #[error("{place}, byte {position}: {reason}")]
    Pickle {
        /// Which pickle.
        place: &'static str,
        /// Where in the file, or in the archive's entry.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// Numbers that are not there, or not as many as claimed.
    #[error("storage {key}: {reason}")]
    Storage {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor that does not fit its storage.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Objects that hold one another without an end.
    #[error(
        "the objects of the file are nested too deeply or in circles: no list of its tensors can be made"
    )]
    Nesting,
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, TorchError>;
