//! `cargo xtask gpu pack`: the executables and the scripts that run them, in one archive for a machine with a driver,
//! CUDA 13 and no Rust.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{build, folder, step};
use crate::root;

/// Scripts that go along, from the workspace's root.
const SCRIPTS: [&str; 3] = [
    "xtask/src/gpu/run.sh",
    "benches/peers/gpu_kernels.py",
    "docs/GPU.md",
];

/// Builds and packs.
pub(super) fn run() -> Result<(), String> {
    let executables = build::build()?;
    let pack = folder("dnd-gpu")?;
    let bin = folder("dnd-gpu/bin")?;
    for path in &executables {
        let to = bin.join(plain_name(path));
        copy(path, &to)?;
        step(Command::new("strip").arg(&to))?;
    }
    for script in SCRIPTS {
        let name = Path::new(script).file_name().unwrap_or_default();
        copy(&root().join(script), &pack.join(name))?;
    }
    let archive = folder("")?.join("dnd-gpu.tar.xz");
    step(
        Command::new("tar")
            .arg("-C")
            .arg(folder("")?)
            .arg("-cJf")
            .arg(&archive)
            .arg("dnd-gpu"),
    )?;
    let bytes = std::fs::metadata(&archive).map_or(0, |data| data.len());
    println!("{}: {:.1} MB", archive.display(), bytes as f64 / 1e6);
    Ok(())
}

/// A file's name without the hash that cargo appends to a test's.
fn plain_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.rsplit_once('-') {
        Some((stem, hash)) if hash.len() == 16 => PathBuf::from(stem),
        _ => PathBuf::from(name.as_ref()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::copy(from, to)
        .map(|_| ())
        .map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}
