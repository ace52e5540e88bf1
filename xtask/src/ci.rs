//! `cargo xtask ci`: every check, in the order in which failures are cheapest to fix.

use std::process::Command;
use std::time::Instant;

use crate::{gpu, root, tidy};

/// Runs all checks and stops at the first that fails.
///
/// # Errors
/// Names the check that failed.
pub(crate) fn run() -> Result<(), String> {
    step("format", "cargo fmt --all --check", &[])?;
    println!("== tidy");
    tidy::run(&root())?;
    step(
        "lints",
        "cargo clippy --workspace --all-targets -- -D warnings",
        &[],
    )?;
    println!("== CUDA side of dd-kernels");
    gpu::run(&["check"])?;
    step("tests", "cargo test --workspace --release", &[])?;
    println!("== CUDA kernels to PTX");
    gpu::run(&["ptx"])?;
    web()?;
    for person in ["engineer", "chemist", "researcher"] {
        step(
            &format!("path of the {person}"),
            &format!("bash tests/paths/{person}.sh"),
            &[],
        )?;
    }
    step(
        "docs",
        "cargo doc --workspace --no-deps",
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// The front door must compile for a browser.
fn web() -> Result<(), String> {
    const TARGET: &str = "wasm32-unknown-unknown";
    step(
        "target for the web",
        &format!("rustup target add {TARGET}"),
        &[],
    )?;
    step(
        "web",
        &format!("cargo check -p dd-encoder2d --features pretrained --target {TARGET}"),
        &[],
    )
}

fn step(name: &str, command: &str, environment: &[(&str, &str)]) -> Result<(), String> {
    println!("== {name}: {command}");
    let start = Instant::now();
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let status = Command::new(program)
        .args(words)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("{name}: {program}: {error}"))?;
    println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} failed"))
    }
}
