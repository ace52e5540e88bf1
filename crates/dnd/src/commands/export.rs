//! `dnd export`: a model folder in half precision.

use std::process::ExitCode;

use candle_core::DType;

use crate::cli::{Export, Precision};
use crate::failure::{Failure, Outcome};
use crate::standard_output::answer;

/// Writes configuration and weights, and says what they are.
pub(crate) fn run(arguments: &Export) -> Outcome {
    let dtype = match arguments.dtype {
        Precision::F16 => DType::F16,
        Precision::F32 => DType::F32,
    };
    let done =
        dd_train::export(&arguments.model, &arguments.output, dtype).map_err(Failure::misuse)?;
    answer(&format!("{} bytes, sha256 {}\n", done.bytes, done.sha256))?;
    Ok(ExitCode::SUCCESS)
}
