//! `dnd export`: a model folder in half precision.

use std::process::ExitCode;

use candle_core::DType;

use crate::cli::{Export, Precision};
use crate::failure::{Failure, Outcome};
use crate::output::{answer, not_an_input};

/// Writes configuration and weights, and says what they are.
pub(crate) fn run(arguments: &Export) -> Outcome {
    let dtype = match arguments.dtype {
        Precision::F16 => DType::F16,
        Precision::F32 => DType::F32,
    };
    not_an_input(&arguments.output, [arguments.model.as_path()])?;
    let done =
        dd_train::export(&arguments.model, &arguments.output, dtype).map_err(Failure::misuse)?;
    answer(&format!("{} bytes, sha256 {}\n", done.bytes, done.sha256))?;
    Ok(ExitCode::SUCCESS)
}
