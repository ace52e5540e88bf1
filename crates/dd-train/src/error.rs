//! Errors of training.

use std::path::PathBuf;

/// What can go wrong between a configuration and a trained model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A configuration that describes no run.
    #[error("config field {field}: {reason}")]
    Config {
        /// The offending field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration file that cannot be read as one.
    #[error("{origin}: {reason}")]
    ConfigText {
        /// The file, or where else the text came from.
        origin: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// Trainable parameters without a gradient.
    #[error(
        "{} trainable parameters receive no gradient: {}; a model must name the exceptions with a reason",
        names.len(), names.join(", ")
    )]
    NoGradient {
        /// The parameters, in alphabetical order.
        names: Vec<String>,
    },
    /// A loss or a gradient that is infinite or not a number.
    #[error(
        "step {step}: the {quantity} is {value}; records {records:?}; largest gradient: {largest}"
    )]
    NonFinite {
        /// Step, from 0.
        step: u64,
        /// `loss` or `gradient norm`.
        quantity: &'static str,
        /// Its value.
        value: f64,
        /// Records of the batch.
        records: Vec<u64>,
        /// Parameter with the largest gradient, and its largest entry.
        largest: String,
    },
    /// A data set without records.
    #[error("the {part} set is empty")]
    Empty {
        /// `training`, `validation` or `test`.
        part: &'static str,
    },
    /// Too few molecules to read distances off atom vectors.
    #[error(
        "{fit} pairs of atoms for fitting and {test} for testing; {needed} of each are needed: give more molecules"
    )]
    TooFewPairs {
        /// Pairs for fitting.
        fit: usize,
        /// Pairs for testing.
        test: usize,
        /// Least number of each.
        needed: usize,
    },
    /// A model whose predictions are no sums over atoms.
    #[error("predictions of this model are no sums over atoms: {reason}")]
    Unexplained {
        /// Why not.
        reason: String,
    },
    /// A table that cannot be learned from as asked.
    #[error("{path}: {reason}")]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong, and what would help.
        reason: String,
    },
    /// A molecule of a report that cannot be drawn.
    #[error("a molecule cannot be drawn: {reason}")]
    Picture {
        /// What is wrong.
        reason: String,
    },
    /// A record that cannot be delivered.
    #[error("record {index}: {reason}")]
    Record {
        /// Position in the source.
        index: usize,
        /// Why.
        reason: String,
    },
    /// A run of an evaluation that failed.
    #[error("{run}: {source}")]
    Evaluation {
        /// Set, contender, share and seed.
        run: String,
        /// Why.
        source: Box<TrainError>,
    },
    /// A run of several parts that its observer ended in one of them.
    #[error("stopped before its end; the same call goes on")]
    Stopped,
    /// A run folder that already holds a run.
    #[error("{path} already holds a run at step {step}: resume it, or choose another folder")]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// Its step.
        step: u64,
    },
    /// A checkpoint that does not belong to this run, or is not whole.
    #[error("{path}: cannot resume: {reason}")]
    Resume {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A checkpoint without a tensor of the optimiser.
    #[error("optimiser state: {reason}")]
    OptimizerState {
        /// Which tensor, and why.
        reason: String,
    },
    /// A model folder that does not hold what is needed.
    #[error("{path}: {reason}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An error of parameters or their files.
    #[error(transparent)]
    Nn(#[from] dd_nn::NnError),
    /// An error of a data set.
    #[error(transparent)]
    Data(Box<dd_data::DataError>),
    /// An error of a batch.
    #[error(transparent)]
    Graph(#[from] dd_graph::GraphError),
    /// An error of an output file.
    #[error(transparent)]
    Output(#[from] dd_data::output::OutputError),
    /// An error of the denoiser.
    #[error(transparent)]
    Denoiser(#[from] dd_denoiser3d::DenoiserError),
    /// An error of the encoder.
    #[error(transparent)]
    Encoder(#[from] dd_encoder2d::EncoderError),
    /// An error of a forest or a linear model.
    #[error(transparent)]
    Baseline(#[from] dd_baselines::BaselineError),
    /// An operation on packed batches failed.
    #[error(transparent)]
    Kernel(#[from] dd_kernels::KernelError),
    /// An error of the distillation loss.
    #[error(transparent)]
    Distill(#[from] dd_distill::DistillError),
    /// An error of a metric.
    #[error(transparent)]
    Eval(#[from] dd_eval::EvalError),
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// An error of an extension: of an encoder, a loss, a noise or a task from elsewhere.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl TrainError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn config(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Config {
            field,
            reason: reason.into(),
        }
    }
}

impl From<dd_data::DataError> for TrainError {
    fn from(error: dd_data::DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, TrainError>;
