//! What a run folder answers: the same in every format, with intervals of one width or of many, and not twice.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;

/// Runs the program; it must end with this code. What it said on standard error.
fn dnd(folder: &Path, words: &str, code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "dnd {words}\n{said}");
    said
}

/// A folder with a run on the embedded molecules, one target of numbers and one of classes, and questions.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers");
        let _ = std::fs::remove_dir_all(&at);
        std::fs::create_dir_all(&at).unwrap();
        dnd(&at, "data export -o all.csv", 0);
        let mut reader = csv::Reader::from_path(at.join("all.csv")).unwrap();
        let head = reader.headers().unwrap().clone();
        let column = |name: &str| head.iter().position(|column| column == name).unwrap();
        let (smiles, gap) = (column("smiles"), column("gap_ev"));
        let mut table = String::from("smiles,gap,narrow\n");
        for row in reader.records().map(Result::unwrap).step_by(8).take(120) {
            let narrow = u8::from(row[gap].parse::<f64>().unwrap() < 5.0);
            table += &format!("{},{},{narrow}\n", &row[smiles], &row[gap]);
        }
        std::fs::write(at.join("table.csv"), table).unwrap();
        let words =
            "finetune table.csv --epochs 2 --ensemble 2 --split random --fractions 0.5,0.4,0.1 -o run";
        dnd(&at, words, 0);
        std::fs::write(
            at.join("new.smi"),
            "CCO\nc1ccccc1O\nC1CC\nCC(=O)Oc1ccccc1C(=O)O\nC[Si](C)(C)C\n",
        )
        .unwrap();
        at
    })
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(read).collect()
}

/// A row of Parquet.
fn json(row: &Row) -> Value {
    let value = |field: &Field| match field {
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bool(flag) => Value::from(*flag),
        Field::Long(number) => Value::from(*number),
        Field::Float(number) => Value::from(*number),
        Field::Null => Value::Null,
        other => panic!("{other}"),
    };
    let columns = row.get_column_iter();
    columns
        .map(|(name, field)| (name.clone(), value(field)))
        .collect()
}

#[test]
fn every_format_says_the_same() {
    let at = folder();
    for format in ["csv", "jsonl", "parquet", "npy"] {
        dnd(
            at,
            &format!("predict -q -m run -i new.smi -o out.{format}"),
            3,
        );
    }
    let rows = lines(&at.join("out.jsonl"));
    let mut table = csv::Reader::from_path(at.join("out.csv")).unwrap();
    let cells: Vec<HashMap<String, String>> = table.deserialize().map(|row| row.unwrap()).collect();
    let file = std::fs::File::open(at.join("out.parquet")).unwrap();
    let file = SerializedFileReader::new(file).unwrap();
    let columns: Vec<Value> = file
        .get_row_iter(None)
        .unwrap()
        .map(|row| json(&row.unwrap()))
        .collect();
    let names = std::fs::read_to_string(at.join("out.npy.columns.json")).unwrap();
    let names: Vec<String> = serde_json::from_str(&names).unwrap();
    let expected = "gap gap_std gap_low gap_high narrow narrow_std narrow_set nearest_similarity nearest_training_row \
                    embedding_distance_percentile in_domain";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    let bytes = std::fs::read(at.join("out.npy")).unwrap();
    let numbers: Vec<f64> = bytes[128..]
        .chunks_exact(8)
        .map(|word| f64::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!((rows.len(), numbers.len()), (5, 5 * names.len()));
    assert_eq!((cells.len(), columns.len()), (5, 5));
    for (row, line) in rows.iter().enumerate() {
        let failed = row == 2;
        assert_eq!(line["status"] == "error", failed);
        assert_eq!(columns[row]["status"], line["status"]);
        for (column, name) in names.iter().enumerate() {
            let number = numbers[row * names.len() + column];
            assert_eq!(number.is_nan(), failed, "{name} of row {row}");
            if failed {
                assert!(columns[row][name].is_null() && cells[row][name].is_empty());
                continue;
            }
            let value = &line[name];
            let expected = match value {
                Value::Bool(flag) => f64::from(u8::from(*flag)),
                Value::String(set) => match set.as_str() {
                    "neither" => 0.0,
                    "0" => 1.0,
                    "1" => 2.0,
                    "0 or 1" => 3.0,
                    _ => panic!("{name}: {set}"),
                },
                _ => value.as_f64().unwrap(),
            };
            assert!((number - expected).abs() <= 1e-6 * expected.abs(), "{name}");
            let cell = &cells[row][name];
            match value {
                Value::String(set) => assert_eq!((cell, &columns[row][name]), (set, value)),
                Value::Bool(flag) => {
                    assert_eq!((cell, &columns[row][name]), (&flag.to_string(), value));
                }
                _ => {
                    let [a, b] = [cell.parse::<f64>().ok(), columns[row][name].as_f64()];
                    let close =
                        |x: Option<f64>| (x.unwrap() - expected).abs() <= 1e-5 * expected.abs();
                    assert!(close(a) && close(b), "{name}: {a:?} {b:?} {expected}");
                }
            }
        }
        if !failed {
            assert_eq!(columns[row]["nearest_training"], line["nearest_training"]);
        }
    }
    let errors = lines(&at.join("out.npy.errors.jsonl"));
    assert_eq!((errors.len(), &errors[0]["row"]), (1, &Value::from(2)));
}

#[test]
fn rows_before_the_end_of_a_cut_file_are_answered() {
    let at = folder();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all("CCO\n".repeat(100).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(at.join("cut.smi.gz"), &packed[..packed.len() / 2]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(["predict", "-m", "run", "-i", "cut.smi.gz"])
        .current_dir(at)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cut.smi.gz: incomplete"), "{said}");
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert!((40..60).contains(&rows.len()), "{} rows", rows.len());
    assert!(rows.iter().all(|row| row["gap"].is_number()));
    // A file that has its name is whole.
    dnd(at, "predict -m run -i cut.smi.gz -o cut.csv", 2);
    assert!(!at.join("cut.csv").exists());
}

#[test]
fn intervals_have_one_width_or_follow_the_spread() {
    let at = folder();
    let width = |row: &Value| row["gap_high"].as_f64().unwrap() - row["gap_low"].as_f64().unwrap();
    let ask = |intervals: &str| {
        let file = format!("{intervals}.jsonl");
        let words = format!("predict -q -m run -i new.smi -o {file} --intervals {intervals}");
        dnd(at, &words, 3);
        let rows = lines(&at.join(file)).into_iter();
        rows.filter(|row| row["status"] == "ok").collect::<Vec<_>>()
    };
    let constant = ask("constant");
    let first = width(&constant[0]);
    assert!(constant.iter().all(|row| (width(row) - first).abs() < 1e-4));
    let known = std::fs::read_to_string(at.join("run/uncertainty.json")).unwrap();
    let known: Value = serde_json::from_str(&known).unwrap();
    let floor = known["targets"][0]["scaled"]["floor"].as_f64().unwrap();
    let scaled = ask("scaled");
    let scale = |row: &Value| width(row) / (row["gap_std"].as_f64().unwrap() + floor);
    let first = scale(&scaled[0]);
    for (row, other) in scaled.iter().zip(&constant) {
        assert!((scale(row) - first).abs() < 1e-3 * first, "{row}");
        assert_eq!(row["gap"], other["gap"]);
    }
    // A single model has no spread.
    let said = dnd(at, "predict -m run/seed-0 -i new.smi --intervals scaled", 2);
    assert!(said.contains("no uncertainty.json"), "{said}");
}

#[test]
fn explanations_belong_to_what_is_done() {
    let at = folder();
    let words = "predict -m run -i new.smi -o told.csv --explain why --skip-done";
    let ask = |words: &str| dnd(at, words, 3).contains("told.csv is done");
    assert!(!ask(words));
    assert!(ask(words));
    std::fs::remove_file(at.join("why/explanations.jsonl")).unwrap();
    assert!(!ask(words), "the folder is not whole");
    assert!(ask(words));
    // Another task has written into the folder since.
    dnd(
        at,
        "predict -q -m run -i new.smi -o other.csv --explain why --coverage 0.8 --skip-done",
        3,
    );
    assert!(!ask(words));
    // The parts of a job have folders of their own.
    dnd(
        at,
        "predict -q -m run -i new.smi -o told.csv --explain why --skip-done --shard 1/2",
        3,
    );
    assert!(at.join("told-1-of-2.csv").is_file());
    assert!(at.join("why-1-of-2/explanations.jsonl").is_file());
}
