//! The chemist's path: any table to models with a report, then predictions with intervals, applicability and explanations.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

mod explanations;
mod models;
mod tables;

fn dnd(folder: &Path, words: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn done(folder: &Path, words: &str) -> String {
    let (code, errors) = dnd(folder, words);
    assert_eq!(code, Some(0), "dnd {words}\n{errors}");
    errors
}

/// Refused as misuse, with a message that says `parts`.
fn refused(folder: &Path, words: &str, parts: &[&str]) {
    let (code, errors) = dnd(folder, words);
    assert_eq!(code, Some(2), "dnd {words}\n{errors}");
    for part in parts {
        assert!(
            errors.contains(part),
            "dnd {words}\nlacks {part:?}:\n{errors}"
        );
    }
}

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("property")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// SMILES and gap of the embedded molecules.
fn molecules(at: &Path, count: usize) -> Vec<(String, f64)> {
    done(at, "data export -o all.csv");
    let mut reader = csv::Reader::from_path(at.join("all.csv")).unwrap();
    let head = reader.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|column| column == name).unwrap();
    let (smiles, gap) = (column("smiles"), column("gap_ev"));
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        (row[smiles].to_string(), row[gap].parse().unwrap())
    });
    // Every eighth: the table is sorted.
    rows.step_by(8).take(count).collect()
}

/// A table as chemists have them: an index, names with commas, labels in words, missing ones, a broken row.
fn table(at: &Path, count: usize) {
    let mut text = String::from("\u{feff},Name,Canonical_SMILES,gap,narrow\r\n");
    for (row, (smiles, gap)) in molecules(at, count).into_iter().enumerate() {
        let narrow = match row % 11 {
            3 => "NA",
            _ if gap < 5.0 => "Yes",
            _ => "no",
        };
        let label = if row % 13 == 5 {
            String::new()
        } else {
            gap.to_string()
        };
        write!(
            text,
            "{row},\"compound {row}, pure\",{smiles},{label},{narrow}\r\n"
        )
        .unwrap();
    }
    text += "900,broken,C1CC(,1.5,yes\r\n";
    std::fs::write(at.join("mine.csv"), text).unwrap();
}

type Rows = Vec<HashMap<String, String>>;

fn rows(path: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize::<HashMap<String, String>>();
    rows.map(|row| row.unwrap()).collect()
}

fn number(row: &HashMap<String, String>, name: &str) -> f64 {
    let cell = row
        .get(name)
        .unwrap_or_else(|| panic!("no column {name}: {row:?}"));
    cell.parse().unwrap_or_else(|_| panic!("{name}: {cell:?}"))
}
