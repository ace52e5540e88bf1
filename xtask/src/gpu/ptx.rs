//! `cargo xtask gpu ptx`: every CUDA module for every number type, compiled by the compiler that compiles it at run time.

use std::process::Command;

use super::{folder, python, step};
use crate::root;

#[allow(dead_code, unreachable_pub, reason = "shared with the library")]
#[path = "../../../crates/dd-kernels/src/cuda/sources.rs"]
mod sources;

use sources::{MODULES, Number};

/// The compiler, of the CUDA version that docs/GPU.md names.
const NVRTC: &str = "nvidia-cuda-nvrtc==13.0.88";
/// Ampere, which is what the library compiles for, and Hopper.
const ARCHITECTURES: [&str; 2] = ["compute_80", "compute_90"];

/// Compiles all modules.
///
/// # Errors
/// When one does not compile, or the compiler cannot be had.
pub(super) fn run() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        println!("gpu ptx: no NVRTC for this system: the CUDA kernels are NOT compiled");
        return Ok(());
    }
    let python = python("nvrtc", &[NVRTC])?;
    let sources = folder("ptx")?;
    for module in &MODULES {
        for number in [Number::F32, Number::F64, Number::Bf16] {
            let path = sources.join(format!("{}_{}.cu", module.name, number.name()));
            std::fs::write(&path, module.source(number))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let script = root().join("xtask/src/gpu/nvrtc.py");
    step(
        Command::new(python)
            .arg(script)
            .arg(sources)
            .args(ARCHITECTURES),
    )
}
