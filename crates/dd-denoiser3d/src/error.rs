//! Errors of the denoisers.

/// What can go wrong when a denoiser is built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DenoiserError {
    /// A configuration that describes no network.
    #[error("config field {field}: {reason}")]
    Config {
        /// The offending field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An element that the embedding table does not hold.
    #[error("molecule {molecule}, atom {atom}: atomic number {number} is outside 0..{max_z}")]
    AtomicNumber {
        /// Position in the batch.
        molecule: usize,
        /// Atom of the molecule.
        atom: usize,
        /// Its atomic number.
        number: u8,
        /// Rows of the embedding table.
        max_z: usize,
    },
    /// A tensor has the wrong shape.
    #[error("{name}: expected shape {expected}, got {got:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Expected shape, in words.
        expected: String,
        /// Actual shape.
        got: Vec<usize>,
    },
    /// A network without the head that was asked for.
    #[error("this network has no {head}: the config says `{field}: null`")]
    MissingHead {
        /// The head.
        head: &'static str,
        /// The config field that switches it on.
        field: &'static str,
    },
    /// Neighbours cannot be found.
    #[error(transparent)]
    Graph(#[from] dd_graph::GraphError),
    /// An error of the kernels.
    #[error(transparent)]
    Kernel(#[from] dd_kernels::KernelError),
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// An error of an extension: of an encoder, a loss, a noise or a task from elsewhere.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, DenoiserError>;
