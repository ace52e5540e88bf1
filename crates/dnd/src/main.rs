//! `dnd`: denoise-and-distill on the command line. One thin file per subcommand; the work is done in the libraries.

mod cli;
mod commands;
mod failure;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let quiet = cli.quiet;
    if cli.json_messages {
        progress::speak_json();
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
    outcome.unwrap_or_else(|failure| {
        if let Some(message) = failure.message() {
            progress::say(&format!("dnd: {message}"));
        }
        failure.exit_code()
    })
}
