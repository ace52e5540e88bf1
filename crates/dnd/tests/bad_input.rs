//! Bad input gives a clear error for its row or file, and the other rows are answered.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candle_core::{DType, Device};
use dd_encoder2d::{EncoderConfig, ModelConfig, TokenGtConfig, save_model};
use dd_nn::ParamStore;

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("bad-input")
        .join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(arguments)
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn model(name: &str) -> PathBuf {
    let folder = scratch(name);
    let config = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64()));
    let store = ParamStore::new(1, DType::F32, &Device::Cpu);
    config.build_encoder(&store.root()).unwrap();
    save_model(&folder, &config, &store, None).unwrap();
    folder
}

#[test]
fn every_tenth_row_broken_and_all_rows_answered_in_order() {
    let folder = scratch("tenth");
    let input = folder.join("in.smi");
    let rows: Vec<&str> = (0..50)
        .map(|i| if i % 10 == 9 { "C1CC(" } else { "CCO" })
        .collect();
    std::fs::write(&input, rows.join("\n")).unwrap();
    let model = model("tenth-model");
    let arguments = [
        "embed",
        "-i",
        input.to_str().unwrap(),
        "-m",
        model.to_str().unwrap(),
    ];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(3));
    let answers = lines(&output);
    assert_eq!(answers.len(), 50);
    for (row, answer) in answers.iter().enumerate() {
        assert_eq!(answer["row"], row);
        let expected = if row % 10 == 9 { "error" } else { "ok" };
        assert_eq!(answer["status"], expected, "row {row}");
    }
    assert_eq!(answers[0]["embedding"], answers[48]["embedding"]);
    let stopped = run(&[&arguments[..], &["--on-error", "stop"]].concat());
    assert_eq!(stopped.status.code(), Some(1));
}

#[test]
fn lines_that_are_no_smiles_are_errors_of_their_row() {
    let folder = scratch("lines");
    let input = folder.join("in.smi");
    let mut bytes = b"CCO\n\nC\0C\n".to_vec();
    bytes.extend(std::iter::repeat_n(b'(', 10 << 20));
    bytes.extend(b"\nc1ccccc1\n");
    std::fs::write(&input, bytes).unwrap();
    let output = run(&["featurize", "-i", input.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let answers = lines(&output);
    let statuses: Vec<&str> = answers
        .iter()
        .map(|a| a["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["ok", "error", "error", "error", "ok"]);
    for answer in answers.iter().filter(|answer| answer["status"] == "error") {
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        assert!(!answer["error"]["kind"].as_str().unwrap().is_empty());
    }
}

/// Nobody may listen any more (`dnd ... 2>&1 | head`): the exit code says what happened all the same.
#[test]
#[cfg(target_os = "linux")]
fn messages_that_nobody_reads_end_no_run() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnd"));
    let status = command
        .args(["inspect", "C1CC"])
        .stderr(full.unwrap())
        .status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[test]
fn what_is_no_table_no_file_and_no_number_is_said() {
    let folder = scratch("no-table");
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("a.smi"), "CCO ethanol\n").unwrap();
    std::fs::write(folder.join("y.csv"), "y\n1\n").unwrap();
    let (smi, labels, here) = (path("a.smi"), path("y.csv"), path(""));
    let missing = path("missing.txt");
    let embed = ["embed", "-m", "gin-128-node", "-o", "-"];
    for (arguments, said) in [
        (
            &[
                "evaluate",
                "-p",
                &smi,
                "-l",
                &labels,
                "--target-columns",
                "y",
            ][..],
            "a table is wanted here",
        ),
        (
            &[&embed[..], &["-i", &missing]].concat(),
            "There is no such file",
        ),
        (&[&embed[..], &["-i", &here]].concat(), "This is a folder"),
        (
            &[&embed[..], &["-i", &smi, "--batch-tokens", "0"]].concat(),
            "above zero",
        ),
    ] {
        let output = run(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

#[test]
fn a_missing_column_lists_the_columns_there_are() {
    let folder = scratch("column");
    let input = folder.join("in.csv");
    std::fs::write(&input, "name,drawing\na,CCO\n").unwrap();
    let output = run(&["featurize", "-i", input.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains("drawing") && message.contains("smiles"),
        "{message}"
    );
}

#[test]
fn a_model_with_a_tensor_missing_names_it() {
    let folder = model("missing");
    let file = folder.join("model.safetensors");
    let tensors = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
    let (gone, _) = tensors
        .iter()
        .find(|(name, _)| name.ends_with("q_proj.weight"))
        .unwrap();
    let rest: std::collections::HashMap<_, _> = tensors
        .iter()
        .filter(|(name, _)| *name != gone)
        .map(|(n, t)| (n.clone(), t.clone()))
        .collect();
    candle_core::safetensors::save(&rest, &file).unwrap();
    let input = scratch("missing-input").join("in.smi");
    std::fs::write(&input, "CCO\n").unwrap();
    let output = run(&[
        "embed",
        "-i",
        input.to_str().unwrap(),
        "-m",
        folder.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(gone), "{message}");
}

#[test]
fn a_teacher_refuses_records_without_coordinates_and_names_the_file() {
    let folder = scratch("teacher");
    let input = folder.join("in.smi");
    std::fs::write(&input, "CCO\n").unwrap();
    let output = folder.join("run");
    let output = run(&[
        "pretrain",
        "-i",
        input.to_str().unwrap(),
        "-o",
        output.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("in.smi"), "{message}");
}

#[test]
fn labels_that_are_text_are_left_out_with_row_and_value() {
    let folder = scratch("labels");
    let input = folder.join("in.csv");
    let mut text = String::from("smiles,y\n");
    for i in 1..40 {
        text += &format!("{}O,{i}\n", "C".repeat(i));
    }
    text += "CCN,much\n";
    std::fs::write(&input, text).unwrap();
    let run_folder = folder.join(format!("run-{}", std::process::id()));
    let words = [
        "finetune",
        "-i",
        input.to_str().unwrap(),
        "-o",
        run_folder.to_str().unwrap(),
    ];
    let more = [
        "--target-columns",
        "y",
        "--split",
        "random",
        "--epochs",
        "1",
    ];
    let output = run(&[&words[..], &more].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{message}");
    assert!(
        message.contains("1 rejected") && message.contains("1 cell that is no label"),
        "{message}"
    );
    let rejected = std::fs::read_to_string(run_folder.join("rejected.csv")).unwrap();
    assert!(
        rejected.contains("39,CCN,label,") && rejected.contains("much"),
        "{rejected}"
    );
}
