//! `dnd export`: a model folder in half precision.

use std::process::ExitCode;

use candle_core::DType;

use crate::cli::{Export, Precision};
use crate::failure::{Failure, Outcome};

/// Writes configuration and weights, and says what they are.
#[allow(clippy::print_stdout, reason = "size and hash are the result")]
pub(crate) fn run(arguments: &Export) -> Outcome {
    let dtype = match arguments.dtype {
        Precision::F16 => DType::F16,
        Precision::F32 => DType::F32,
    };
    let done =
        dd_train::export(&arguments.model, &arguments.output, dtype).map_err(Failure::misuse)?;
    println!("{} bytes, sha256 {}", done.bytes, done.sha256);
    Ok(ExitCode::SUCCESS)
}
