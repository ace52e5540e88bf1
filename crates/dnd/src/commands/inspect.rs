//! `dnd inspect`: what a model folder or a safetensors file holds.

use std::process::ExitCode;

use crate::cli::Inspect;
use crate::failure::{Failure, Outcome};

/// Prints the configuration and every tensor with shape and element type.
#[allow(clippy::print_stdout, reason = "printing is what this command does")]
pub(crate) fn run(arguments: &Inspect) -> Outcome {
    let mut file = arguments.path.clone();
    if file.is_dir() {
        let config = file.join(dd_train::CONFIG_FILE);
        let text = std::fs::read_to_string(&config)
            .map_err(|error| Failure::misuse(format!("{}: {error}", config.display())))?;
        println!("{text}");
        file = file.join(dd_train::MODEL_FILE);
    }
    let tensors = dd_nn::TensorFile::open(&file).map_err(Failure::misuse)?;
    let mut total = 0;
    for (name, info) in tensors.entries() {
        let count: usize = info.shape.iter().product();
        total += count;
        println!(
            "{name:<70} {:>6} {:?}",
            format!("{:?}", info.dtype),
            info.shape
        );
    }
    println!("{total} numbers");
    Ok(ExitCode::SUCCESS)
}
