//! `cargo xtask parity FOLDER`: builds and runs the golden comparison of the package `dd-tests`.
//!
//! It is built as part of the whole workspace, so that it shares every dependency with the tests.

use std::process::Command;

use serde_json::Value;

use crate::root;

/// Builds the comparison and runs it on the given arguments.
///
/// # Errors
/// When it cannot be built, or when a case misses its tolerance.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let program = build()?;
    let status = Command::new(&program)
        .args(arguments)
        .status()
        .map_err(|error| format!("{program}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("parity: see the rows marked MISS or FAIL".to_string())
    }
}

/// Path of the freshly built program, as cargo reports it.
fn build() -> Result<String, String> {
    let words = "build --release --workspace --bin parity --message-format json-render-diagnostics";
    let output = Command::new("cargo")
        .args(words.split(' '))
        .current_dir(root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("parity: the comparison does not build".to_string());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "parity")
        .find_map(|message| message["executable"].as_str().map(ToString::to_string))
        .ok_or_else(|| "parity: cargo named no program".to_string())
}
