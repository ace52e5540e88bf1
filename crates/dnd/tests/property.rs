//! The chemist's path: any table to models with a report, then predictions with intervals, applicability and explanations.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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

#[test]
fn any_table_becomes_models_that_say_how_far_to_trust_them() {
    let at = place("path");
    table(&at, 150);
    let said = done(
        &at,
        "finetune mine.csv --epochs 2 --ensemble 2 --split random --fractions 0.5,0.3,0.2",
    );
    for part in [
        "151 rows, 149 usable, 1 rejected (rejected.csv says why), 1 without a label",
        "\"Canonical_SMILES\" (by its name)",
        "\"gap\": regression (by its values), 139 labels",
        "\"narrow\": binary (by its values)",
        "\"Name\": no numbers",
        "an identifier by its name",
        "gin-128-node: pretrained",
        "74 train, 45 valid, 30 test",
        "test mae of \"gap\"",
        "test roc_auc of \"narrow\"",
        "runs/mine/report.html",
    ] {
        assert!(said.contains(part), "lacks {part:?}:\n{said}");
    }
    let run = at.join("runs/mine");
    let rejected = std::fs::read_to_string(run.join("rejected.csv")).unwrap();
    assert!(rejected.contains("150,C1CC(,"), "{rejected}");
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "What was chosen",
        "ROC curve",
        "Do the intervals hold?",
        "class=\"molecule\"",
    ] {
        assert!(report.contains(part), "the report lacks {part:?}");
    }
    assert!(!report.contains("src=") && !report.contains("<script"));

    let mut question = String::from("id;x\tsmiles\n");
    for smiles in ["CCO", "c1ccccc1C", "C1CC(", "C[Si](C)(C)CCCCCCCCCCCC[Se]C"] {
        writeln!(question, "q\t{smiles}").unwrap();
    }
    std::fs::write(at.join("new.tsv"), question).unwrap();
    let (code, said) = dnd(
        &at,
        "predict --model runs/mine -i new.tsv -o out.csv --explain why",
    );
    assert_eq!(code, Some(3), "{said}");
    let answers = rows(&at.join("out.csv"));
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[2]["status"], "error");
    for row in [0, 1, 3] {
        let row = &answers[row];
        let (low, mean, high) = (
            number(row, "gap_low"),
            number(row, "gap"),
            number(row, "gap_high"),
        );
        assert!(
            low < mean && mean < high && number(row, "gap_std") >= 0.0,
            "{row:?}"
        );
        assert!(["0", "1", "0 or 1", "neither"].contains(&row["narrow_set"].as_str()));
        assert!((0.0..=1.0).contains(&number(row, "nearest_similarity")));
        assert!((0.0..=100.0).contains(&number(row, "embedding_distance_percentile")));
        assert!(!row["nearest_training"].is_empty());
    }
    assert_eq!(
        (
            answers[3]["unseen_elements"].as_str(),
            answers[3]["in_domain"].as_str()
        ),
        ("Si Se", "false")
    );
    explanations_add_up(&at.join("why"), &answers);

    other_answers(&at);
}

/// Fewer promises are wider, a promise that 45 molecules cannot keep is refused, and --plain is means alone.
fn other_answers(at: &Path) {
    done(
        at,
        "predict -q --model runs/mine -i all.csv -o wide.csv --coverage 0.95",
    );
    done(
        at,
        "predict -q --model runs/mine -i all.csv -o narrow.csv --coverage 0.5",
    );
    done(
        at,
        "predict -q --model runs/mine -i all.csv -o plain.csv --plain",
    );
    done(
        at,
        "predict -q --model runs/mine/seed-0 -i all.csv -o seed-0.csv",
    );
    done(
        at,
        "predict -q --model runs/mine/seed-1 -i all.csv -o seed-1.csv",
    );
    let [wide, narrow, plain, first, second] = ["wide", "narrow", "plain", "seed-0", "seed-1"]
        .map(|name| rows(&at.join(format!("{name}.csv"))));
    assert!(number(&wide[0], "gap_high") > number(&narrow[0], "gap_high"));
    assert!(!plain[0].contains_key("gap_std") && !first[0].contains_key("gap_low"));
    for row in (0..wide.len()).step_by(97) {
        let mean = f64::midpoint(number(&first[row], "gap"), number(&second[row], "gap"));
        assert!((mean - number(&wide[row], "gap")).abs() < 1e-4);
        assert!((mean - number(&plain[row], "gap")).abs() < 1e-4);
    }
    refused(
        at,
        "predict --model runs/mine -i new.tsv -o x.csv --coverage 0.99",
        &["gap", "needs 99 calibration molecules"],
    );
    refused(
        at,
        "predict --model runs/mine/seed-0 -i new.tsv -o x.csv --coverage 0.9",
        &["no uncertainty.json"],
    );
    refused(
        at,
        "predict --model runs/mine -i new.tsv -o x.docx",
        &[".npy .parquet"],
    );

    // Another table in the same folder is refused; the same command goes on where it was.
    table(at, 120);
    let (code, said) = dnd(
        at,
        "finetune mine.csv --epochs 2 --ensemble 2 --split random",
    );
    assert!(
        code == Some(1) && said.contains("differs from choices.json"),
        "{said}"
    );
}

/// Base and contributions of every line are the sum, and the sum of a regression is the prediction.
fn explanations_add_up(folder: &Path, answers: &Rows) {
    let text = std::fs::read_to_string(folder.join("explanations.jsonl")).unwrap();
    let mut lines = 0;
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let atoms = line["atoms"].as_array().unwrap();
        let parts = atoms
            .iter()
            .map(|atom| atom["contribution"].as_f64().unwrap());
        let sum = line["base"].as_f64().unwrap() + parts.sum::<f64>();
        assert!((sum - line["sum"].as_f64().unwrap()).abs() < 1e-9);
        let answer = &answers[line["row"].as_u64().unwrap() as usize];
        match line["target"].as_str().unwrap() {
            "gap" => assert!(
                (sum - number(answer, "gap")).abs() < 1e-3,
                "{sum} {answer:?}"
            ),
            // The members' probabilities are near each other after so few steps, so their mean is near that of the logit.
            _ => {
                let p = 1.0 / (1.0 + (-sum).exp());
                assert!(
                    (p - number(answer, "narrow")).abs() < 0.05,
                    "{p} {answer:?}"
                );
            }
        }
        lines += 1;
    }
    assert_eq!(lines, 6);
    let svg = std::fs::read_to_string(folder.join("row-1-0-gap.svg")).unwrap();
    assert!(svg.contains("<circle") && svg.contains("gap: "));
}

#[test]
fn balanced_classes_count_the_same() {
    let at = place("weights");
    let mut text = String::from("smiles,active\n");
    for (row, (smiles, _)) in molecules(&at, 160).into_iter().enumerate() {
        writeln!(text, "{smiles},{}", u8::from(row % 10 == 0)).unwrap();
    }
    std::fs::write(at.join("few.csv"), text).unwrap();
    // The last epoch is kept, so that both runs have learned equally long.
    done(
        &at,
        "finetune few.csv --model none --split random --epochs 1 --ensemble 1 -o first",
    );
    let config = std::fs::read_to_string(at.join("first/config.resolved.toml")).unwrap();
    let config = config.replace("keep = \"best\"", "keep = \"last\"");
    std::fs::write(at.join("last.toml"), config).unwrap();
    let mean = |weights: &str| {
        let run = format!("--config last.toml --class-weights {weights} -o {weights}");
        let words =
            "finetune few.csv --model none --split random --epochs 30 --patience 30 --ensemble 1";
        done(&at, &format!("{words} {run}"));
        done(
            &at,
            &format!("predict -q --plain --model {weights} -i few.csv -o {weights}.csv"),
        );
        let rows = rows(&at.join(format!("{weights}.csv")));
        rows.iter().map(|row| number(row, "active")).sum::<f64>() / rows.len() as f64
    };
    let (none, balanced) = (mean("none"), mean("balanced"));
    assert!(none < 0.25 && balanced > none + 0.1, "{none} {balanced}");
}

#[test]
fn what_predicts_nothing_yet_says_what_to_do() {
    let at = place("headless");
    std::fs::write(at.join("new.smi"), "CCO\n").unwrap();
    refused(
        &at,
        "predict -m gin-128-node -i new.smi",
        &["dnd finetune TABLE --model gin-128-node"],
    );
    std::fs::write(at.join("excel.csv"), "Structure;Activity\nCCO;1,5\n").unwrap();
    refused(&at, "finetune excel.csv", &["separated by semicolons"]);
}

#[test]
fn odd_tables_get_the_right_message() {
    let at = place("odd");
    let molecules = molecules(&at, 60);
    let write = |name: &str, head: &str, row: &dyn Fn(usize, &str, f64) -> String| {
        let mut text = format!("{head}\n");
        for (at, (smiles, gap)) in molecules.iter().enumerate() {
            text += &(row(at, smiles, *gap) + "\n");
        }
        std::fs::write(at.join(name), text).unwrap();
    };
    write("words.csv", "smiles,note", &|_, smiles, _| {
        format!("{smiles},bad")
    });
    refused(
        &at,
        "finetune words.csv",
        &["no usable target", "\"note\": no numbers in 60 of 60"],
    );
    write("flat.csv", "smiles,y", &|_, smiles, _| {
        format!("{smiles},7")
    });
    refused(
        &at,
        "finetune flat.csv --target-columns y",
        &["constant: every label is 7"],
    );
    write("none.csv", "name,y", &|row, _, gap| format!("Z{row},{gap}"));
    refused(
        &at,
        "finetune none.csv",
        &["no column holds SMILES", "name, y"],
    );
    write("few.csv", "smiles,y", &|row, smiles, gap| {
        if row < 45 {
            format!("Q{row},{gap}")
        } else {
            format!("{smiles},{gap}")
        }
    });
    refused(
        &at,
        "finetune few.csv --smiles-column smiles",
        &["15 of 60 rows", "45 rejected", "20 are needed"],
    );
    write("scarce.csv", "smiles,y", &|row, smiles, gap| {
        format!(
            "{smiles},{}",
            if row < 50 {
                "null".into()
            } else {
                gap.to_string()
            }
        )
    });
    refused(&at, "finetune scarce.csv", &["only 10 labels"]);
    write("real.csv", "smiles,y", &|_, smiles, gap| {
        format!("{smiles},{gap}")
    });
    refused(
        &at,
        "finetune real.csv --task binary",
        &["\"y\"", "other than 0 and 1"],
    );
    refused(
        &at,
        "finetune real.csv --fractions 0.5,0.5",
        &["expected 3 numbers"],
    );
    refused(
        &at,
        "finetune real.csv --fractions 1,0,0 --split random",
        &["'valid'", "at least 2"],
    );
    refused(
        &at,
        "finetune real.csv --target-columns z",
        &["no column \"z\"", "smiles, y"],
    );
    refused(
        &at,
        "finetune real.csv --model nothing",
        &["there is no model 'nothing'"],
    );
    write("parts.csv", "smiles,y,part,z", &|row, smiles, gap| {
        format!(
            "{smiles},{gap},{},{}",
            ["Train", "train", "train", "Test"][row % 4],
            row % 5
        )
    });
    let said = done(
        &at,
        "finetune parts.csv --split-column part --epochs 1 --ensemble 1",
    );
    assert!(said.contains("40 train, 5 valid, 15 test"), "{said}");
    refused(
        &at,
        "finetune parts.csv --split-column z",
        &["expected train, valid or test"],
    );
}

#[test]
fn explanations_are_exact_or_refused() {
    let at = place("explain");
    let mut text = String::from("smiles,y\n");
    for (smiles, gap) in molecules(&at, 60) {
        writeln!(text, "{smiles},{gap}").unwrap();
    }
    std::fs::write(at.join("real.csv"), text).unwrap();
    // TokenGT students pool by the mean too.
    done(
        &at,
        "finetune real.csv --model tokengt-128-node --epochs 1 --ensemble 1 -o token",
    );
    done(
        &at,
        "predict -q --model token -i real.csv -o y.csv --explain why",
    );
    let answers = rows(&at.join("y.csv"));
    let text = std::fs::read_to_string(at.join("why/explanations.jsonl")).unwrap();
    assert_eq!(text.lines().count(), answers.len());
    for (line, answer) in text.lines().zip(&answers) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let difference = line["sum"].as_f64().unwrap() - number(answer, "y");
        assert!(difference.abs() < 1e-3, "{difference} {answer:?}");
    }
    let config = std::fs::read_to_string(at.join("token/config.resolved.toml")).unwrap();
    let config = config.replace("kind = \"linear\"", "kind = \"mlp\"\nhidden = 8");
    std::fs::write(at.join("mlp.toml"), config).unwrap();
    done(
        &at,
        "finetune real.csv --config mlp.toml --epochs 1 --ensemble 1 -o mlp",
    );
    refused(
        &at,
        "predict --model mlp -i real.csv -o y.csv --explain why",
        &["no sums over atoms", "its head is not linear"],
    );
}
