//! A library in parts: rows keep their numbers, done parts are not done again, what has its name is whole.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SMILES: [&str; 7] = ["CCO", "c1ccccc1", "C1CC", "CC(=O)O", "CN", "C#N", "OCCO"];

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("library")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("in.smi"), SMILES.join("\n")).unwrap();
    folder
}

fn embed(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnd"))
        .current_dir(folder)
        .args(["embed", "-i", "in.smi", "-m", "gin-128-node"])
        .args(arguments)
        .output()
        .unwrap()
}

/// `(row, input, first number or nothing)` of JSON lines.
fn rows(path: &Path) -> Vec<(u64, String, Option<f64>)> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let input = row["input"].as_str().unwrap().to_string();
            (
                row["row"].as_u64().unwrap(),
                input,
                row["embedding"][0].as_f64(),
            )
        })
        .collect()
}

#[test]
fn the_parts_of_a_library_are_the_whole() {
    let folder = folder("parts");
    assert_eq!(embed(&folder, &["-o", "all.jsonl"]).status.code(), Some(3));
    let whole = rows(&folder.join("all.jsonl"));
    assert_eq!(whole.len(), SMILES.len());
    let mut parts = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        embed(&folder, &["-o", "part.jsonl", "--shard", shard]);
        parts.extend(rows(
            &folder.join(format!("part-{}-of-3.jsonl", &shard[..1])),
        ));
    }
    parts.sort_by_key(|row| row.0);
    for ((row, input, value), (of, whole_input, expected)) in parts.iter().zip(&whole) {
        assert_eq!(
            (row, input, value.is_some()),
            (of, whole_input, expected.is_some())
        );
        let difference = value.unwrap_or(0.0) - expected.unwrap_or(0.0);
        assert!(
            difference.abs() < 1e-5,
            "row {row}: {value:?} and {expected:?}"
        );
    }
    assert_eq!(parts.len(), whole.len());
    let bad = embed(&folder, &["-o", "part.jsonl", "--shard", "4/3"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn what_is_done_is_not_done_again() {
    let folder = folder("done");
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let arguments = ["-o", "out.npy", "--skip-done"];
    let first = embed(&folder, &arguments);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    assert!(folder.join("out.npy.manifest.json").is_file());
    assert!(folder.join("out.npy.errors.jsonl").is_file());
    let left = std::fs::read_dir(&folder).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name());
    assert!(!left.any(|name| name.to_string_lossy().ends_with(".partial")));
    let when = || {
        std::fs::metadata(folder.join("out.npy"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let written = when();
    let again = embed(&folder, &arguments);
    assert_eq!((again.status.code(), when()), (Some(3), written));
    assert!(said(&again).contains("out.npy is done"), "{}", said(&again));
    // Without the rows that failed the output is not whole.
    std::fs::remove_file(folder.join("out.npy.errors.jsonl")).unwrap();
    let whole = embed(&folder, &arguments);
    assert!(!said(&whole).contains("is done"), "{}", said(&whole));
    assert!(folder.join("out.npy.errors.jsonl").is_file());
    // Another input is another task; its rows are all well, and the old errors are gone.
    std::fs::write(folder.join("in.smi"), "CCO\nCN\n").unwrap();
    let other = embed(&folder, &arguments);
    assert_eq!(other.status.code(), Some(0), "{}", said(&other));
    assert!(!folder.join("out.npy.errors.jsonl").exists());
    // What another task has left in its place is not done, whatever its size.
    let wanted = std::fs::read(folder.join("out.npy")).unwrap();
    std::fs::write(folder.join("two.smi"), "CCC\nO\n").unwrap();
    let (code, _) = dnd(&folder, "embed -i two.smi -m gin-128-node -o out.npy");
    assert_eq!(code, Some(0));
    assert_ne!(std::fs::read(folder.join("out.npy")).unwrap(), wanted);
    let last = embed(&folder, &arguments);
    assert!(!said(&last).contains("is done"), "{}", said(&last));
    assert_eq!(std::fs::read(folder.join("out.npy")).unwrap(), wanted);
    let pipe = embed(&folder, &["--skip-done"]);
    assert_eq!(pipe.status.code(), Some(2));
}

#[test]
fn messages_can_be_read_by_a_program() {
    let folder = folder("messages");
    let output = embed(&folder, &["-o", "out.csv", "--json-messages"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(line["message"], "7 rows: 6 ok, 1 failed");
}

#[test]
fn the_doctor_the_manual_and_the_completions() {
    let folder = folder("manual");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dnd"));
        command
            .current_dir(&folder)
            .args(arguments)
            .output()
            .unwrap()
    };
    let doctor = run(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(0), "{said}");
    assert!(
        said.contains("gin-128-node") && said.contains("128 wide"),
        "{said}"
    );
    assert_eq!(run(&["manual", "-o", "man"]).status.code(), Some(0));
    let page = std::fs::read_to_string(folder.join("man/dnd-embed.1")).unwrap();
    assert!(
        page.contains("skip") && page.contains(".TH dnd-embed 1"),
        "{page}"
    );
    assert!(folder.join("man/dnd-search-index.1").is_file());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).stdout;
        assert!(
            String::from_utf8_lossy(&script).contains("finetune"),
            "{shell}"
        );
    }
}

fn dnd(folder: &Path, words: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .current_dir(folder)
        .args(words.split_whitespace())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn an_output_never_takes_the_place_of_the_input() {
    let folder = folder("in-place");
    std::fs::write(folder.join("t.csv"), "smiles,y\nCCO,1\nCCN,2\n").unwrap();
    for words in [
        "featurize -i t.csv -o t.csv",
        "embed -i t.csv -o ./t.csv -m gin-128-node",
        "split -i t.csv -o t.csv",
        "search index --input t.csv --model gin-128-node -o t.csv",
        "inspect in.smi --svg in.smi",
    ] {
        let before = std::fs::read(folder.join("t.csv")).unwrap();
        let (code, said) = dnd(&folder, words);
        assert_eq!(code, Some(2), "dnd {words}: {said}");
        let expected = ["place of the input", "written as .svg"];
        assert!(expected.iter().any(|part| said.contains(part)), "{said}");
        assert_eq!(before, std::fs::read(folder.join("t.csv")).unwrap());
    }
    for command in ["featurize", "split"] {
        let (code, said) = dnd(&folder, &format!("{command} -i t.csv -o new.parquet"));
        assert!(code == Some(2) && said.contains("writes JSON"), "{said}");
    }
}

#[test]
fn a_cut_output_is_not_done() {
    let folder = folder("cut");
    let done = ["-o", "out.jsonl", "--skip-done"];
    embed(&folder, &done);
    let whole = std::fs::read(folder.join("out.jsonl")).unwrap();
    std::fs::write(folder.join("out.jsonl"), &whole[..whole.len() / 2]).unwrap();
    embed(&folder, &done);
    assert_eq!(whole, std::fs::read(folder.join("out.jsonl")).unwrap());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::io::Read;
    let folder = folder("head");
    std::fs::write(folder.join("many.smi"), "CCO\n".repeat(40_000)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .current_dir(&folder)
        .args(["featurize", "-i", "many.smi"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_split_finds_its_column_and_leaves_out_what_is_no_molecule() {
    let folder = folder("split");
    let mut text = String::from("name,SMILES\n");
    for row in 0..40 {
        let smiles = if row == 11 { "C1CC" } else { "CCO" };
        text += &format!("m{row},{smiles}\n");
    }
    std::fs::write(folder.join("t.csv"), text).unwrap();
    for method in ["random", "scaffold"] {
        let (code, said) = dnd(
            &folder,
            &format!("split -i t.csv --method {method} -o {method}.json"),
        );
        assert_eq!(code, Some(3), "{said}");
        assert!(
            said.contains("t.csv, row 11: ring 1 is never closed"),
            "{said}"
        );
        assert!(said.contains("1 of 40 rows have no molecule"), "{said}");
        let text = std::fs::read_to_string(folder.join(format!("{method}.json"))).unwrap();
        let split: dd_data::Split = serde_json::from_str(&text).unwrap();
        let mut rows = [split.train, split.valid, split.test].concat();
        rows.sort_unstable();
        let expected: Vec<usize> = (0..40).filter(|row| *row != 11).collect();
        assert_eq!(rows, expected);
    }
    let (code, said) = dnd(&folder, "split -q -i in.smi -o smi.json");
    assert_eq!((code, said.as_str()), (Some(3), ""), "a row is no molecule");
}
