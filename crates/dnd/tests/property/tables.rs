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
fn a_label_beyond_single_precision_is_a_row_of_its_own_fault() {
    let at = place("huge");
    let mut text = String::from("smiles,y\n");
    for (row, (smiles, gap)) in molecules(&at, 60).into_iter().enumerate() {
        let label = if row == 7 {
            "1e300".into()
        } else {
            gap.to_string()
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
