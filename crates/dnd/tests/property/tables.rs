//! Odd tables, and the messages that they get.

use super::*;

#[test]
fn balanced_classes_count_the_same() {
    let at = place("weights");
    let mut text = String::from("smiles,active\n");
    for (row, (smiles, _)) in molecules(&at, 160).into_iter().enumerate() {
        writeln!(text, "{smiles},{}", u8::from(row % 10 == 0)).unwrap();
    }
    std::fs::write(at.join("few.csv"), text).unwrap();
    // The same model on the same batch: only the weights make another loss of it. Nine in ten labels count half.
    let first_loss = |weights: &str| {
        let words = "finetune few.csv --model none --split random --epochs 1 --ensemble 1";
        done(
            &at,
            &format!("{words} --class-weights {weights} -o {weights}"),
        );
        let log = at.join(weights).join("seed-0/metrics.jsonl");
        let log = std::fs::read_to_string(log).unwrap();
        let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        line["loss"].as_f64().unwrap()
    };
    let (none, balanced) = (first_loss("none"), first_loss("balanced"));
    assert!((balanced / none - 1.0).abs() > 0.05, "{none} {balanced}");
}

#[test]
fn a_frozen_encoder_gives_the_vectors_of_the_model_to_begin_with() {
    let at = place("frozen");
    table(&at, 60);
    let words = "finetune mine.csv --target-columns gap --split random --epochs 2 --ensemble 1";
    let told = done(&at, &format!("{words} -o frozen --encoder-rate 0"));
    assert!(told.contains("the encoder is frozen"), "{told}");
    std::fs::write(at.join("new.smi"), "CCO\nc1ccccc1N\n").unwrap();
    let vectors = |model: &str| {
        done(&at, &format!("embed -i new.smi -m {model} -o vectors.csv"));
        std::fs::read_to_string(at.join("vectors.csv")).unwrap()
    };
    assert_eq!(vectors("frozen/seed-0"), vectors("gin-128-node"));
    for (flags, reason) in [
        ("-o frozen --encoder-rate 0.1", "encoder_rate"),
        ("-o other --encoder-rate=-1", "must not be negative"),
        ("-o other --model none --encoder-rate 0", "it must learn"),
    ] {
        let (code, errors) = dnd(&at, &format!("{words} {flags}"));
        assert_ne!(code, Some(0));
        assert!(errors.contains(reason), "{errors}");
    }
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

/// The system knows who writes into a folder.
#[cfg(unix)]
#[test]
fn a_folder_takes_one_fine_tuning_at_a_time() {
    use rustix::fs::{FlockOperation, flock};
    let at = place("two");
    table(&at, 40);
    std::fs::create_dir(at.join("run")).unwrap();
    let other = std::fs::File::open(at.join("run")).unwrap();
    flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    let words =
        "finetune mine.csv --target-columns gap --epochs 1 --ensemble 1 --split random -o run";
    let (code, said) = dnd(&at, words);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a run is under way in it"), "{said}");
    assert_eq!(std::fs::read_dir(at.join("run")).unwrap().count(), 0);
    drop(other);
    done(&at, words);
}

#[test]
fn names_that_cannot_be_told_apart_are_refused_before_anything_is_trained() {
    let at = place("names");
    let molecules = molecules(&at, 60);
    let write = |name: &str, head: &str| {
        let mut text = format!("{head}\n");
        for (row, (smiles, gap)) in molecules.iter().enumerate() {
            writeln!(text, "{smiles},{gap},{}", (row * 7) % 13).unwrap();
        }
        std::fs::write(at.join(name), text).unwrap();
    };
    write("twice.csv", "smiles,y,y");
    refused(
        &at,
        "finetune twice.csv --target-columns y",
        &["columns 2 and 3 are both called \"y\""],
    );
    refused(
        &at,
        "finetune twice.csv",
        &["another column has the same name"],
    );
    write("plain.csv", "smiles,y,z");
    refused(
        &at,
        "finetune plain.csv --target-columns y,y",
        &["\"y\" is asked for twice"],
    );
    refused(
        &at,
        "finetune plain.csv --seeds 1,2,1",
        &["seeds: 1 is there twice"],
    );
    // Found as two targets, so that the seeds are what is refused.
    write("commas.csv", "smiles,\"y,z\",y");
    refused(
        &at,
        "finetune commas.csv --target-columns y,z,y --seeds 1,2,1",
        &["seeds: 1 is there twice"],
    );
    for (head, name) in [
        ("smiles,status,z", "status"),
        ("smiles,y,y_std", "y_std"),
        ("smiles,y,in_domain", "in_domain"),
    ] {
        write("taken.csv", head);
        refused(
            &at,
            "finetune taken.csv",
            &[&format!("two columns called {name:?}")],
        );
    }
    assert!(!at.join("runs").exists());
}

#[test]
fn predictions_look_where_training_has_found_the_molecules() {
    let at = place("column");
    let mut text = String::from("drug,y\n");
    for (smiles, gap) in molecules(&at, 60) {
        writeln!(text, "{smiles},{gap}").unwrap();
    }
    std::fs::write(at.join("t.csv"), &text).unwrap();
    done(
        &at,
        "finetune t.csv --model none --split random --epochs 1 --ensemble 1 -o run",
    );
    done(&at, "predict -q --model run -i t.csv -o out.csv");
    // By its name, from the folder of models.
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args([
            "predict", "-q", "--model", "run", "-i", "../t.csv", "-o", "out.csv",
        ])
        .env("DND_MODELS", &at)
        .current_dir(at.join("run"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        std::fs::read(at.join("out.csv")).unwrap(),
        std::fs::read(at.join("run/out.csv")).unwrap()
    );
    std::fs::write(at.join("new.csv"), "name,what\na,CCO\n").unwrap();
    refused(
        &at,
        "predict --model run -i new.csv -o out.csv",
        &["name, what", "--smiles-column"],
    );
}

#[test]
fn a_label_beyond_single_precision_is_a_row_of_its_own_fault() {
    let at = place("huge");
    let mut text = String::from("smiles,y\n");
    for (row, (smiles, gap)) in molecules(&at, 60).into_iter().enumerate() {
        let label = match row {
            7 => "1e300".into(),
            9 => "1e-40".into(),
            _ => gap.to_string(),
        };
        writeln!(text, "{smiles},{label}").unwrap();
    }
    std::fs::write(at.join("huge.csv"), text).unwrap();
    done(
        &at,
        "finetune huge.csv --model none --split random --epochs 1 --ensemble 1 -o run",
    );
    let rejected = std::fs::read_to_string(at.join("run/rejected.csv")).unwrap();
    assert!(
        rejected.contains("\n7,") && rejected.contains("beyond single precision"),
        "{rejected}"
    );
    assert!(
        rejected.contains("\n9,") && rejected.contains("too small for single precision"),
        "{rejected}"
    );
}

#[test]
fn an_answer_beyond_single_precision_is_a_fault_of_its_row() {
    let at = place("vast");
    let mut text = String::from("smiles,y\n");
    for (row, (smiles, _)) in molecules(&at, 60).into_iter().enumerate() {
        let label = if row % 4 == 0 { "0" } else { "3.4e38" };
        writeln!(text, "{smiles},{label}").unwrap();
    }
    std::fs::write(at.join("vast.csv"), text).unwrap();
    let words = "finetune vast.csv --model none --split random --fractions 0.4,0.3,0.3 --epochs 1";
    done(&at, &format!("{words} --ensemble 1 -o run"));
    std::fs::write(at.join("new.smi"), "CCO\nCCN\n").unwrap();
    // Their means are numbers, the ends of their intervals are not.
    for (model, faults) in [("run/seed-0", 0), ("run", 2)] {
        let (code, said) = dnd(&at, &format!("predict -m {model} -i new.smi -o out.csv"));
        assert_eq!(code, Some(if faults > 0 { 3 } else { 0 }), "{said}");
        let kinds = rows(&at.join("out.csv")).into_iter();
        let kinds = kinds.filter(|row| row["error.kind"] == "not-finite");
        assert_eq!(kinds.count(), faults, "{model}");
    }
}

/// A row of a table from its number, SMILES and gap.
type Row<'a> = &'a dyn Fn(usize, &str, f64) -> String;

/// Writes tables of sixty molecules by name, header and row.
fn table_of(at: &Path) -> impl Fn(&str, &str, Row<'_>) {
    let molecules = molecules(at, 60);
    move |name, head, row| {
        let mut text = format!("{head}\n");
        for (at, (smiles, gap)) in molecules.iter().enumerate() {
            text += &(row(at, smiles, *gap) + "\n");
        }
        std::fs::write(at.join(name), text).unwrap();
    }
}

#[test]
fn tables_that_do_not_fit_their_header_name_or_precision_are_told() {
    let at = place("fit");
    let write = table_of(&at);
    write("comma.csv", "smiles,y", &|_, smiles, gap| {
        format!("{smiles},{gap},")
    });
    refused(
        &at,
        "finetune comma.csv",
        &["no row fits it", "expected 2 columns, got 3"],
    );
    write("comma.tsv", "smiles,y", &|_, smiles, gap| {
        format!("{smiles},{gap}")
    });
    refused(&at, "finetune comma.tsv", &["separated by commas"]);
    write("far.csv", "smiles,y", &|_, smiles, gap| {
        format!("{smiles},{}", 1e9 + gap)
    });
    refused(
        &at,
        "finetune far.csv --target-columns y",
        &["the same in single precision", "subtract"],
    );
}

#[test]
fn odd_tables_get_the_right_message() {
    let at = place("odd");
    let write = table_of(&at);
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
fn a_target_with_few_labels_to_learn_from_ends_nothing_late() {
    let at = place("few-labels");
    let molecules = molecules(&at, 80);
    let write = |name: &str, in_training: usize| {
        let mut text = String::from("smiles,a,b,part\n");
        for (row, (smiles, _)) in molecules.iter().enumerate() {
            let part = ["train", "train", "train", "valid", "test"][row % 5];
            let a = row / 5 % 2;
            let b = match part {
                "train" if row >= in_training => String::new(),
                _ => a.to_string(),
            };
            writeln!(text, "{smiles},{a},{b},{part}").unwrap();
        }
        std::fs::write(at.join(name), text).unwrap();
    };
    let words = "--target-columns a,b --split-column part --epochs 1 --ensemble 1 --model none";
    write("none.csv", 0);
    refused(
        &at,
        &format!("finetune none.csv {words} -o none"),
        &["target \"b\": no row of the training part has a label"],
    );
    assert!(!at.join("none/seed-0").exists());
    write("one.csv", 1);
    done(&at, &format!("finetune one.csv {words} -o one"));
    assert!(at.join("one/uncertainty.json").is_file());
}
