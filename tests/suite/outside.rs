//! Another project depends on `dd-encoder2d` and embeds SMILES, offline: by path, and on the crates as they would be published.

use std::path::{Path, PathBuf};
use std::process::Command;

use candle_core::{DType, Device};
use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig, TokenGtConfig, save_model};
use dd_nn::ParamStore;
use flate2::read::GzDecoder;

/// Largest package that the registry takes, in bytes.
const PACKAGE_LIMIT: u64 = 10 << 20;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside")
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.env("CARGO_TARGET_DIR", scratch().join("target"));
    command
}

/// Builds the fixture's project against the crates of a folder, and runs it on a model.
fn embed_outside(name: &str, manifest: &str, model: &Path) -> Vec<f32> {
    let project = scratch().join(name);
    std::fs::create_dir_all(project.join("src")).unwrap();
    std::fs::write(project.join("Cargo.toml"), manifest).unwrap();
    let source = here().join("fixtures/outside/src/main.rs");
    std::fs::copy(source, project.join("src/main.rs")).unwrap();
    // The project's own lock file would name the same versions; copying ours keeps the build offline.
    std::fs::copy(here().join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let output = cargo()
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(project.join("Cargo.toml"))
        .arg("--")
        .arg(model)
        .args(["CCO", "C1CC"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(lines.contains("row 1: ring 1 is never closed"), "{lines}");
    let (_, numbers) = lines.split_once("3 atoms, [").unwrap();
    let (numbers, _) = numbers.split_once(']').unwrap();
    numbers.split(", ").map(|x| x.parse().unwrap()).collect()
}

/// Packages every crate, checks the sizes, and unpacks them; a manifest that uses them in place of the registry's.
fn packaged(manifest: &str) -> String {
    let output = cargo()
        .args([
            "package",
            "--workspace",
            "--no-verify",
            "--allow-dirty",
            "--offline",
        ])
        .args([
            "--exclude",
            "dd-tests",
            "--exclude",
            "dd-benches",
            "--exclude",
            "xtask",
        ])
        .current_dir(here().join(".."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let crates = scratch().join("crates");
    let _ = std::fs::remove_dir_all(&crates);
    let mut patches = String::new();
    for entry in std::fs::read_dir(scratch().join("target/package")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "crate")
        {
            continue;
        }
        let bytes = path.metadata().unwrap().len();
        assert!(bytes < PACKAGE_LIMIT, "{}: {bytes} bytes", path.display());
        let file = std::fs::File::open(&path).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        // Files of packages are all of one date: cargo would take another version's build for theirs.
        archive.set_preserve_mtime(false);
        archive.unpack(&crates).unwrap();
        let folder = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (name, _) = folder.rsplit_once('-').unwrap();
        let place = crates.join(&folder);
        assert!(place.join("README.md").is_file(), "{name} has no README");
        if name.starts_with("dd-") {
            patches += &format!("{name} = {{ path = \"{}\" }}\n", place.display());
        }
    }
    assert!(patches.contains("dd-encoder2d"));
    let by_version = manifest
        .lines()
        .map(|line| match line.split_once(" = { path") {
            Some((name, _)) => format!("{name} = \"0.1.0\"\n"),
            None => format!("{line}\n"),
        })
        .collect::<String>();
    format!("{by_version}\n[patch.crates-io]\n{patches}")
}

#[test]
fn a_project_outside_the_workspace_embeds_smiles() {
    let model = scratch().join("model");
    std::fs::create_dir_all(&model).unwrap();
    let config = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64()));
    let store = ParamStore::new(3, DType::F32, &Device::Cpu);
    let encoder = Encoder::on_store(&config, &store).unwrap();
    save_model(&model, &config, &store, None).unwrap();
    let expected = encoder.embed_smiles(&["CCO"]).remove(0).unwrap().graph;

    let crates = here().join("../crates").canonicalize().unwrap();
    let manifest = std::fs::read_to_string(here().join("fixtures/outside/Cargo.toml")).unwrap();
    let by_path = manifest.replace("../../../crates", &crates.to_string_lossy());
    for (name, manifest) in [("by-path", by_path), ("by-package", packaged(&manifest))] {
        let got = embed_outside(name, &manifest, &model);
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            let bound = 1e-4 * expected.abs().max(1.0);
            assert!((got - expected).abs() <= bound, "{name}: {got} {expected}");
        }
    }
}
