//! `cargo xtask gpu check | build`: the feature `cuda` through the compiler, and through the linker.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::toolkit::Toolkit;
use super::{folder, step};

/// What `build` makes: package, and what of it. All need a GPU's driver to start.
const PRODUCTS: [(&str, &[&str]); 2] = [
    ("dd-kernels", &["--tests", "--examples"]),
    ("dnd", &["--bins"]),
];

/// Checks the CUDA side of `dd-kernels` and lints it; no toolkit is needed.
pub(super) fn check() -> Result<(), String> {
    let toolkit = Toolkit::stand_in()?;
    let mut cargo = toolkit.cargo();
    cargo.args("clippy -p dd-kernels --features cuda -- -D warnings".split(' '));
    step(&mut cargo)
}

/// Builds and links the tests, the benchmark and the program with the feature `cuda`; returns the executables.
pub(super) fn build() -> Result<Vec<PathBuf>, String> {
    let toolkit = Toolkit::from_pypi()?;
    let target = folder("build")?;
    let mut executables = Vec::new();
    for (package, what) in PRODUCTS {
        let start = Instant::now();
        let mut cargo = toolkit.cargo();
        cargo
            .env("CARGO_TARGET_DIR", &target)
            .args(["build", "--release", "--features", "cuda", "-p", package])
            .args(what)
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit());
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        println!("== gpu: {package}, {:.0} s", start.elapsed().as_secs_f64());
        if !output.status.success() {
            return Err(format!("gpu: {package} does not build"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let messages = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        executables.extend(messages.filter_map(|m| m["executable"].as_str().map(PathBuf::from)));
    }
    Ok(executables)
}
