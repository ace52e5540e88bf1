//! Errors of encoders, heads and model folders.

/// What can go wrong between a batch and a representation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A configuration that describes no network.
    #[error("{field}: {reason}")]
    Config {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A feature that the encoder has no table row for.
    #[error("{name}, row {row}, column {column}: category {value} is outside 0..{bound}")]
    Category {
        /// Name of the array.
        name: &'static str,
        /// Row of the batch.
        row: usize,
        /// Feature column.
        column: usize,
        /// The category.
        value: u16,
        /// Number of categories that the encoder knows.
        bound: usize,
    },
    /// An array with the wrong number of columns.
    #[error("{name}: expected {expected} columns, got {got}")]
    Columns {
        /// Name of the array.
        name: &'static str,
        /// Columns that the encoder needs.
        expected: usize,
        /// Columns of the batch.
        got: usize,
    },
    /// A batch without something that the encoder needs.
    #[error("the batch lacks {what}: {remedy}")]
    Lacking {
        /// What is missing.
        what: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// A tensor of the wrong shape.
    #[error("{name}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// Name of the tensor.
        name: &'static str,
        /// Expected shape.
        expected: Vec<usize>,
        /// Actual shape.
        got: Vec<usize>,
    },
    /// A loss over nothing.
    #[error("no entry of the batch has a label: the loss is undefined")]
    NoLabels,
    /// A label that a target cannot have.
    #[error("target {target}, row {row}: {value} is no label of a {kind:?} target")]
    Label {
        /// Name of the target.
        target: String,
        /// Kind of the target.
        kind: crate::head::TargetKind,
        /// Row of the batch.
        row: usize,
        /// The label.
        value: f32,
    },
    /// A `config.json` that describes no model.
    #[error("{path}: {reason}")]
    ModelConfig {
        /// The file; its name alone where the text was given.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A model that is not there.
    #[error("there is no model '{name}': looked for {looked}")]
    NoModel {
        /// The name or path given.
        name: String,
        /// The files that were looked for.
        looked: String,
    },
    /// A name or folder that stands for something else than one model.
    #[error("{name} is {reason}")]
    NotOneModel {
        /// The name or path given.
        name: String,
        /// What it is, and what helps.
        reason: String,
    },
    /// Weights of a network that no rule recognises.
    #[error(
        "{path}: the tensors are of no network that is recognised; say with --config what they are\n{tensors}"
    )]
    UnknownWeights {
        /// The file.
        path: std::path::PathBuf,
        /// Its tensors, a line each.
        tensors: String,
    },
    /// Weights of a network that is recognised and cannot be loaded.
    #[error("{path}: {reason}")]
    Weights {
        /// The file.
        path: std::path::PathBuf,
        /// What is in the way.
        reason: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An error of parameters and their files.
    #[error(transparent)]
    Parameters(#[from] dd_nn::NnError),
    /// An error of batching.
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

impl EncoderError {
    /// Says in which file a configuration is wrong.
    pub(crate) fn in_file(self, file: &std::path::Path) -> Self {
        match self {
            Self::ModelConfig { reason, .. } => Self::ModelConfig {
                path: file.to_path_buf(),
                reason,
            },
            other => other,
        }
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, EncoderError>;
