//! The project's own tasks: `cargo xtask ci | tidy | parity FOLDER | gpu TASK`.
//!
//! `ci` is the only definition of green, and runs the same on a laptop and on a runner.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task reports to the person who runs it"
)]

mod ci;
mod gpu;
mod layers;
mod parity;
mod sources;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "cargo xtask TASK

  ci             fmt, clippy -D warnings, tidy, tests, docs: what must pass before a change lands
  tidy           the rules that no compiler checks: layers, module docs, file sizes, banned calls
  parity FOLDER  compare with every golden case below a folder; one row per compared quantity
                 (a second argument keeps the cases whose path contains it)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(&root()),
        ["gpu", rest @ ..] => gpu::run(rest),
        ["parity", rest @ ..] if !rest.is_empty() => parity::run(rest),
        _ => {
            eprintln!("{HELP}\n{}", gpu::HELP);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
