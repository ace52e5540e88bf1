//! `cargo xtask gpu TASK`: what can be done about the CUDA side on a machine without a GPU.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::root;

mod build;
mod pack;
mod ptx;
mod toolkit;

/// What a person may ask for.
pub(crate) const HELP: &str =
    "  gpu ptx        compile every CUDA kernel to PTX (NVRTC from PyPI; no GPU, no toolkit)
  gpu check      lint dd-kernels with the feature `cuda` (no GPU, no toolkit)
  gpu build      build and link tests, benchmark and program for CUDA (toolkit from PyPI)
  gpu pack       the same, and everything a machine with a GPU needs, in one archive";

/// Runs one task.
///
/// # Errors
/// Names what failed.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["ptx"] => ptx::run(),
        ["check"] => build::check(),
        ["build"] => build::build().map(|made| {
            for path in made {
                println!("{}", path.display());
            }
        }),
        ["pack"] => pack::run(),
        _ => Err(format!("gpu: no such task\n{HELP}")),
    }
}

/// A folder for what the tasks download and build.
fn folder(name: &str) -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let folder = target.join("gpu").join(name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| folder.canonicalize()) // one spelling, or everything is built again
        .map_err(|error| format!("{}: {error}", folder.display()))
}

/// Runs a command to its end.
fn step(command: &mut Command) -> Result<(), String> {
    let start = Instant::now();
    let words = format!("{command:?}");
    let status = command
        .status()
        .map_err(|error| format!("{words}: {error}"))?;
    println!("== gpu: {:.0} s", start.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("{words}: {status}"))
    }
}

/// A Python with the given packages, in a virtual environment of its own; made when it is first wanted.
fn python(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let environment = folder(name)?;
    let python = environment.join("bin").join("python");
    let done = environment.join("packages.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    step(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    )?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    step(Command::new(&python).args(pip).args(packages))?;
    std::fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(python)
}
