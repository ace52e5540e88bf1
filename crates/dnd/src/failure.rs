//! How the program ends.

use std::fmt::Display;
use std::process::ExitCode;

use dd_data::output::OutputError;
use dd_train::TrainError;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The question cannot be answered as put: bad arguments, unreadable input (exit code 2).
    Misuse(String),
    /// The work failed (exit code 1).
    Work(String),
    /// Whoever reads the answers has seen enough (exit code 0).
    Closed,
}

impl Failure {
    /// Misuse or unreadable input.
    pub(crate) fn misuse(error: impl Display) -> Self {
        Self::Misuse(error.to_string())
    }

    /// Anything else.
    pub(crate) fn work(error: impl Display) -> Self {
        Self::Work(error.to_string())
    }

    /// Rows that could not be written.
    pub(crate) fn output(error: OutputError) -> Self {
        match error {
            OutputError::Closed => Self::Closed,
            other => Self::work(other),
        }
    }

    /// Rows that could not be answered or written.
    pub(crate) fn rows(error: TrainError) -> Self {
        match error {
            TrainError::Output(error) => Self::output(error),
            TrainError::Data(error) => Self::misuse(error),
            other => Self::work(other),
        }
    }

    /// A run that did not begin, or did not end well.
    pub(crate) fn run(error: TrainError) -> Self {
        match error {
            TrainError::Config { .. }
            | TrainError::ConfigText { .. }
            | TrainError::Table { .. }
            | TrainError::Empty { .. }
            | TrainError::Occupied { .. }
            | TrainError::Resume { .. }
            | TrainError::Folder { .. } => Self::misuse(error),
            other => Self::work(other),
        }
    }

    /// The exit code of the row contract.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Misuse(_) => 2,
            Self::Work(_) => 1,
            Self::Closed => 0,
        })
    }

    /// What there is to say.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Misuse(message) | Self::Work(message) => Some(message),
            Self::Closed => None,
        }
    }
}

/// What a command returns: the exit code of a completed run (3 when some rows failed).
pub(crate) type Outcome = Result<ExitCode, Failure>;
