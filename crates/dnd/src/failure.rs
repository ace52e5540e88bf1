//! How the program ends.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The question cannot be answered as put: bad arguments, unreadable input (exit code 2).
    Misuse(String),
    /// The work failed (exit code 1).
    Work(String),
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

    /// The exit code of the row contract: 2 for misuse, 1 otherwise.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Misuse(_) => ExitCode::from(2),
            Self::Work(_) => ExitCode::from(1),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Misuse(message) | Self::Work(message) => f.write_str(message),
        }
    }
}

/// What a command returns: the exit code of a completed run (3 when some rows failed).
pub(crate) type Outcome = Result<ExitCode, Failure>;
