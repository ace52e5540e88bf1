//! `dnd`: denoise-and-distill on the command line. One thin file per subcommand; the work is done in the libraries.

mod allocator;
mod cli;
mod commands;
mod failure;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

/// More than any machine has cores.
const MAX_THREADS: usize = 65_536;

fn main() -> ExitCode {
    allocator::keep_freed();
    let cli = Cli::parse();
    let quiet = cli.quiet;
    if cli.json_messages {
        progress::speak_json();
    }
    if let Err(failure) = threads() {
        return ended(&failure);
    }
    let outcome = match cli.command {
        Command::Quickstart(arguments) => commands::quickstart::run(&arguments, quiet),
        Command::Pretrain(arguments) => commands::pretrain::run(&arguments, quiet),
        Command::Distill(arguments) => commands::distill::run(&arguments, quiet),
        Command::Contrast(arguments) => commands::contrast::run(&arguments, quiet),
        Command::Finetune(arguments) => commands::finetune::run(&arguments, quiet),
        Command::Predict(arguments) => commands::predict::run(&arguments, quiet),
        Command::Embed(arguments) => commands::embed::run(&arguments, quiet),
        Command::Serve(arguments) => commands::serve::run(&arguments, quiet),
        Command::Search(arguments) => commands::search::run(&arguments, quiet),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments, quiet),
        Command::Geometry(arguments) => commands::geometry::run(&arguments, quiet),
        Command::Featurize(arguments) => commands::featurize::run(&arguments, quiet),
        Command::Split(arguments) => commands::split::run(&arguments, quiet),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Convert(arguments) => commands::convert::run(&arguments, quiet),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Doctor => commands::doctor::run(),
        Command::Completions { shell } => commands::manual::completions(shell),
        Command::Manual { output } => commands::manual::pages(&output),
        Command::Data(arguments) => commands::data::run(&arguments, quiet),
    };
    outcome.unwrap_or_else(|failure| ended(&failure))
}

/// As many threads as `RAYON_NUM_THREADS` says, or as there are cores.
fn threads() -> Result<(), Failure> {
    const VARIABLE: &str = "RAYON_NUM_THREADS";
    let wrong = |reason: String| Failure::misuse(format!("{VARIABLE}: {reason}"));
    let asked = match std::env::var_os(VARIABLE) {
        None => 0,
        Some(text) => match text.to_str().map(str::trim).map(str::parse::<usize>) {
            Some(Ok(count)) if (1..=MAX_THREADS).contains(&count) => count,
            _ => {
                let got = text.display();
                return Err(wrong(format!("expected 1 to {MAX_THREADS}, got {got}")));
            }
        },
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(asked);
    pool.build_global()
        .map_err(|error| wrong(error.to_string()))
}

/// Says why a command did not do what it was asked to.
fn ended(failure: &Failure) -> ExitCode {
    if let Some(message) = failure.message() {
        progress::say(&format!("dnd: {message}"));
    }
    failure.exit_code()
}
