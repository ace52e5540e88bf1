//! `cargo xtask gpu check | build`: the feature `cuda` through the compiler, and through the linker.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::toolkit::Toolkit;
use super::{folder, step};

/// What `build` makes, in one call of cargo, so that candle is built once. All of it needs a GPU's driver to start.
const BUILD: &str = "build --release -p dd-kernels -p dnd --features dd-kernels/cuda,dnd/cuda --bin dnd \
    --example gpu_bench --test operations --test attention --test et_message --test et_layer --test equivariant --test isomorphism \
    --test dense --test optimizer \
    --message-format json-render-diagnostics";

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
    let start = Instant::now();
    let mut cargo = toolkit.cargo();
    cargo
        .args(BUILD.split_whitespace())
        .env("CARGO_TARGET_DIR", folder("build")?)
        .stderr(Stdio::inherit());
    let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    println!("== gpu: {:.0} s", start.elapsed().as_secs_f64());
    if !output.status.success() {
        return Err("gpu: the build failed".to_string());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = messages.filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    Ok(executables.collect())
}
