//! Toolkit folders: a stand-in that is enough for `cargo check`, and a real one put together from PyPI's packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{folder, python, step};
use crate::root;

/// nvcc, the libraries to link against, and their headers.
const PACKAGES: &str = "cuda-toolkit[nvcc,nvrtc,cudart,cublas,curand,cccl,crt,nvvm]==13.0.2";
/// As cudarc spells it.
const VERSION: &str = "13000";
/// Ampere; candle's kernels are translated by the driver for what is newer.
const COMPUTE_CAPABILITY: &str = "80";

/// What a build with the feature `cuda` must find in its environment.
pub(super) struct Toolkit {
    root: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Toolkit {
    /// An nvcc that writes empty files, and nothing else.
    pub(super) fn stand_in() -> Result<Self, String> {
        let root = folder("stand-in")?;
        install_nvcc(&root)?;
        Ok(Self {
            root,
            variables: Vec::new(),
        })
    }

    /// nvcc, headers and libraries; a driver library with the right names and nothing in it.
    pub(super) fn from_pypi() -> Result<Self, String> {
        let python = python("toolkit", &[PACKAGES])?;
        let root = folder("toolkit-root")?;
        install_nvcc(&root)?;
        let installed = find_toolkit(&python)?;
        link(&installed.join("include"), &root.join("include"))?;
        let lib = root.join("lib");
        create(&lib)?;
        link(Path::new("lib"), &root.join("lib64"))?;
        for file in list(&installed.join("lib"))? {
            let name = name_of(&file);
            link(&file, &lib.join(&name))?;
            if let Some((stem, _)) = name.split_once(".so.") {
                link(&file, &lib.join(format!("{stem}.so")))?;
            }
        }
        driver_library(&lib)?;
        let stand_ins = root.join("stand_ins.c");
        let names = functions("candle-kernels", "src/ffi.rs", "pub fn ")?;
        let text = names.map(|name| format!("void {name}(void) {{ abort(); }}\n"));
        write(
            &stand_ins,
            &format!("#include <stdlib.h>\n{}", text.collect::<String>()),
        )?;
        Ok(Self {
            root,
            variables: vec![
                ("REAL_NVCC", installed.join("bin/nvcc")),
                ("STAND_INS", stand_ins),
            ],
        })
    }

    /// `cargo` that finds the toolkit.
    pub(super) fn cargo(&self) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root())
            .env(
                "PATH",
                format!("{}:{path}", self.root.join("bin").display()),
            )
            .env("CUDA_COMPUTE_CAP", COMPUTE_CAPABILITY)
            .env("CUDARC_CUDA_VERSION", VERSION)
            .envs(self.variables.iter().map(|(name, path)| (name, path)));
        for name in ["CUDA_HOME", "CUDA_PATH", "CUDA_TOOLKIT_ROOT_DIR"] {
            cargo.env(name, &self.root);
        }
        cargo
    }
}

/// Puts the script in nvcc's place.
fn install_nvcc(root: &Path) -> Result<(), String> {
    let bin = root.join("bin");
    create(&bin)?;
    link(
        &crate::root()
            .canonicalize()
            .map_err(|error| error.to_string())?
            .join("xtask/src/gpu/nvcc.sh"),
        &bin.join("nvcc"),
    )
}

/// The folder `nvidia/cu13` of a virtual environment.
fn find_toolkit(python: &Path) -> Result<PathBuf, String> {
    let script = "import nvidia; print(list(nvidia.__path__)[0])";
    let output = Command::new(python)
        .args(["-c", script])
        .output()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_string();
    let toolkit = Path::new(&folder).join("cu13");
    if toolkit.join("bin/nvcc").exists() {
        Ok(toolkit)
    } else {
        Err(format!("gpu: no nvcc in {}", toolkit.display()))
    }
}

/// The driver's library cannot be installed without a driver: one with its names is enough to link against.
fn driver_library(lib: &Path) -> Result<(), String> {
    let source = lib.join("libcuda.c");
    let names = functions("cudarc", "src/driver/sys/mod.rs", "fn cu")?;
    let text = names.map(|name| format!("void cu{name}(void) {{}}\n"));
    write(&source, &text.collect::<String>())?;
    step(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o"])
            .arg(lib.join("libcuda.so"))
            .arg(source),
    )?;
    link(Path::new("libcuda.so"), &lib.join("libcuda.so.1"))
}

/// Names after `prefix` in a source file of a dependency, each once.
fn functions(
    package: &str,
    file: &str,
    prefix: &str,
) -> Result<impl Iterator<Item = String>, String> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|found| found["name"] == package)
        .find_map(|found| found["manifest_path"].as_str())
        .ok_or_else(|| format!("gpu: no dependency is called {package}"))?;
    let path = Path::new(manifest).with_file_name(file);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let names: std::collections::BTreeSet<String> = text
        .split(prefix)
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect();
    Ok(names.into_iter())
}

fn create(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A symbolic link in the place of whatever is there.
fn link(to: &Path, at: &Path) -> Result<(), String> {
    match std::fs::remove_file(at) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{}: {error}", at.display())),
    }
    #[cfg(unix)]
    return std::os::unix::fs::symlink(to, at).map_err(|e| format!("{}: {e}", at.display()));
    #[cfg(not(unix))]
    return Err(format!(
        "{} to {}: only on Unix",
        at.display(),
        to.display()
    ));
}
