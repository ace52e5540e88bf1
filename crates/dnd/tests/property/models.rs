//! Tables to models, and what they answer.

use super::explanations::explanations_add_up;
use super::*;

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

/// Told is the epoch that is kept, best or not; and a metric that has no value on numbers is refused before anything is trained.
#[test]
fn a_configuration_says_which_epoch_is_kept_and_what_is_scored() {
    let at = place("kept");
    table(&at, 150);
    let flags = "--target-columns gap --epochs 4 --ensemble 1 --split random";
    done(&at, &format!("finetune mine.csv {flags} -o best"));
    let best = std::fs::read_to_string(at.join("best/config.resolved.toml")).unwrap();
    std::fs::write(
        at.join("last.toml"),
        best.replace("keep = \"best\"", "keep = \"last\""),
    )
    .unwrap();
    let said = done(
        &at,
        &format!("finetune mine.csv {flags} --config last.toml -o last"),
    );
    assert!(said.contains("the last epoch is kept"), "{said}");
    let text = std::fs::read_to_string(at.join("last/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let run = &report["runs"][0];
    assert_eq!(run["kept_epoch"], 3, "{text}");
    let metrics = std::fs::read_to_string(at.join("last/seed-0/metrics.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!(run["valid"], line["mae"], "{metrics}");

    let wrong = best.replace("\"mae\"", "\"roc_auc\"");
    assert_ne!(wrong, best);
    std::fs::write(at.join("wrong.toml"), wrong).unwrap();
    let words = format!("finetune mine.csv {flags} --config wrong.toml -o wrong");
    refused(
        &at,
        &words,
        &["roc_auc is of classes, and \"gap\" is a number"],
    );
    assert!(!at.join("wrong/seed-0").exists());
}

/// Predictions in double precision and in bf16 are near those in single precision.
fn other_precisions(at: &Path, single: &Rows) {
    done(
        at,
        "predict -q --double --model runs/mine -i all.csv -o double.csv --coverage 0.95",
    );
    done(
        at,
        "predict -q --bf16 --model runs/mine -i all.csv -o bf16.csv --coverage 0.95",
    );
    let [double, bf16] = ["double.csv", "bf16.csv"].map(|name| rows(&at.join(name)));
    let off = |other: &[_], column: &str| -> f64 {
        let differences = single.iter().zip(other);
        differences
            .map(|(row, other)| (number(row, column) - number(other, column)).abs())
            .fold(0.0, f64::max)
    };
    for column in ["gap", "gap_std", "gap_low", "nearest_similarity"] {
        let off = off(&double, column);
        assert!(off < 1e-3, "{column}: off by {off}");
    }
    let rounded = off(&bf16, "gap");
    assert!((1e-4..0.1).contains(&rounded), "gap: off by {rounded}");
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
    other_precisions(at, &wide);
    refused(
        at,
        "embed -m runs/mine -i new.tsv -o x.csv",
        &["runs/mine is a folder with the models", "runs/mine/seed-0"],
    );
    refused(at, "inspect runs/mine", &["a folder with the models"]);
    let [domain, aside] =
        ["applicability.json", "aside"].map(|name| at.join("runs/mine").join(name));
    std::fs::rename(&domain, &aside).unwrap();
    refused(
        at,
        "predict --model runs/mine -i new.tsv -o x.csv",
        &["applicability.json", "is missing"],
    );
    std::fs::rename(&aside, &domain).unwrap();
    refused(
        at,
        "embed -m et-128 -i new.tsv -o x.csv",
        &["et-128 is a teacher", "dnd distill --teacher"],
    );
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

    // A row's numbers do not depend on those beside it.
    done(
        at,
        "predict -q --model runs/mine -i all.csv -o alone.csv --coverage 0.95 --batch-tokens 1",
    );
    assert_eq!(rows(&at.join("alone.csv")), wide);
    // As a run leaves its folder that is ended before its last step.
    let [known, aside] = ["runs/mine/uncertainty.json", "aside.json"].map(|name| at.join(name));
    std::fs::rename(&known, &aside).unwrap();
    refused(
        at,
        "predict --model runs/mine -i new.tsv -o x.csv",
        &["its fine-tuning was not finished"],
    );
    std::fs::rename(&aside, &known).unwrap();

    // Another table in the same folder is refused; the same command goes on where it was.
    table(at, 120);
    let (code, said) = dnd(
        at,
        "finetune mine.csv --epochs 2 --ensemble 2 --split random",
    );
    assert!(
        code == Some(2) && said.contains("choices.json: the table is another"),
        "{said}"
    );
}
