//! `dnd convert` on files that PyTorch wrote: what it prints, what the folders do, what it refuses.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dd-encoder2d/tests/fixtures/weights")
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dnd-convert-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(arguments)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_published_file_becomes_a_model_that_embeds_predicts_and_learns() {
    let place = scratch("model");
    let input = fixtures().join("chemprop_regression.pt");
    let model = place.join("model");
    let (input, model) = (input.to_str().unwrap(), model.to_str().unwrap());
    let output = run(&["convert", "-i", input, "-o", model]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("found: directed message passing of chemprop 2"));
    let card = std::fs::read_to_string(place.join("model/README.md")).unwrap();
    assert!(card.contains("`chemprop_regression.pt`"), "{card}");
    let rows = place.join("rows.csv");
    let lines: String = (0..30)
        .map(|n| format!("{},{n}\n", "C".repeat(n % 9 + 1)))
        .collect();
    std::fs::write(&rows, format!("smiles,y\n{lines}C(C,1\n")).unwrap();
    let rows = rows.to_str().unwrap();
    for command in ["embed", "predict"] {
        let out = place.join(format!("{command}.jsonl"));
        let output = run(&[
            command,
            "-i",
            rows,
            "-m",
            model,
            "-o",
            out.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 31);
    }
    let tuned = place.join("tuned");
    let output = run(&[
        "finetune",
        "-i",
        rows,
        "--target-columns",
        "y",
        "--model",
        model,
        "--split",
        "random",
        "--seeds",
        "0",
        "--epochs",
        "2",
        "-o",
        tuned.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let shown = run(&["inspect", input]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("hyper_parameters.message_passing.depth = 3"),
        "{shown}"
    );
    assert!(shown.contains("message_passing.W_i.weight"), "{shown}");
    std::fs::remove_dir_all(place).unwrap();
}

/// With a configuration nothing is guessed, and both formats are taken.
#[test]
fn a_configuration_says_what_a_file_is() {
    let place = scratch("config");
    let config = place.join("described.json");
    let text = |convolution: &str| {
        format!(
            r#"{{ "schema": 1, "architecture": "pretrain_gnn", "width": 8, "num_layers": 2, "dropout": 0.0,
                 "convolution": "{convolution}", "featurizer": {{ "kind": "atom_type", "hydrogens": "remove" }}, "targets": [] }}"#
        )
    };
    let input = fixtures().join("pretrain_gcn_zip.ckpt");
    let model = place.join("model");
    for (convolution, code, reason) in [
        ("gcn", 0, "tensors"),
        ("gat", 2, "missing: encoder.gnns.0.att"),
        ("gnat", 2, "described.json: unknown variant `gnat`"),
    ] {
        std::fs::write(&config, text(convolution)).unwrap();
        let output = run(&[
            "convert",
            "-i",
            input.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
            "-o",
            model.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains(reason), "{}", told(&output));
    }
    // A teacher's is read as one.
    std::fs::write(&config, r#"{ "schema": 1, "denoiser": {} }"#).unwrap();
    let [input, config, model] = [&input, &config, &model].map(|path| path.to_str().unwrap());
    let output = run(&["convert", "-i", input, "--config", config, "-o", model]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let reason = "described.json: missing field `embedding_dimension`";
    assert!(told(&output).contains(reason), "{}", told(&output));
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn what_is_no_file_of_weights_is_refused() {
    let place = scratch("refused");
    let path = place.join("weights.pt");
    std::fs::write(&path, b"PK\x03\x04 and nothing more").unwrap();
    let path = path.to_str().unwrap();
    let output = run(&[
        "convert",
        "-i",
        path,
        "-o",
        place.join("model").to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("zip archive"), "{}", told(&output));
    assert!(!place.join("model").exists());
    std::fs::remove_dir_all(place).unwrap();
}
