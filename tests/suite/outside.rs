//! Another project depends on `dd-encoder2d` by path and embeds SMILES: it builds, offline, and gives our numbers.

use std::path::Path;
use std::process::Command;

use candle_core::{DType, Device};
use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig, TokenGtConfig, save_model};
use dd_nn::ParamStore;

#[test]
fn a_project_outside_the_workspace_embeds_smiles() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    // The project's own lock file would name the same versions; copying ours keeps the build offline.
    let project = scratch.join("project");
    let model = scratch.join("model");
    std::fs::create_dir_all(project.join("src")).unwrap();
    let fixture = here.join("fixtures/outside");
    let crates = here.join("../crates").canonicalize().unwrap();
    let manifest = std::fs::read_to_string(fixture.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("../../../crates", &crates.to_string_lossy());
    std::fs::write(project.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(fixture.join("src/main.rs"), project.join("src/main.rs")).unwrap();
    std::fs::copy(here.join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();

    let config = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64()));
    let store = ParamStore::new(3, DType::F32, &Device::Cpu);
    let encoder = Encoder::on_store(&config, &store).unwrap();
    save_model(&model, &config, &store, None).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(project.join("Cargo.toml"))
        .arg("--")
        .arg(&model)
        .args(["CCO", "C1CC"])
        .env("CARGO_TARGET_DIR", scratch.join("target"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(lines.contains("row 1: ring 1 is never closed"), "{lines}");
    let (_, numbers) = lines.split_once("3 atoms, [").unwrap();
    let (numbers, _) = numbers.split_once(']').unwrap();
    let got: Vec<f32> = numbers.split(", ").map(|x| x.parse().unwrap()).collect();
    let expected = encoder.embed_smiles(&["CCO"]).remove(0).unwrap().graph;
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        assert!(
            (got - expected).abs() <= 1e-4 * expected.abs().max(1.0),
            "{got} {expected}"
        );
    }
}
