//! `dnd quickstart`: the whole method on the embedded data.

use std::process::ExitCode;

use dd_train::quickstart::{QuickstartConfig, quickstart};

use crate::cli::Quickstart;
use crate::failure::{Failure, Outcome};
use crate::output::answer;
use crate::progress::{Progress, say};

/// Runs it and prints the table.
pub(crate) fn run(arguments: &Quickstart, quiet: bool) -> Outcome {
    let config = QuickstartConfig::two_cores(arguments.seed);
    let mut progress = Progress::new(quiet, None);
    let done = quickstart(&config, &arguments.output, &mut progress).map_err(Failure::run)?;
    answer(&format!("{}\n", done.table))?;
    if !quiet {
        say(&format!("report: {}", done.report.display()));
        say(&format!("model:  {}", done.model.display()));
    }
    Ok(ExitCode::SUCCESS)
}
