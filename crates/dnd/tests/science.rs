//! From files of conformers to a compared, exported, looked-at student: each command of the way on the embedded molecules.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn dnd(folder: &Path, words: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn done(folder: &Path, words: &str) -> String {
    let (code, out, errors) = dnd(folder, words);
    assert_eq!(code, Some(0), "dnd {words}\n{errors}");
    out
}

/// A recipe of the repository with a small network and few steps.
fn recipe(folder: &Path, name: &str, steps: u64) {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let text = std::fs::read_to_string(recipes.join(name)).unwrap();
    let mut small = String::new();
    for line in text.lines() {
        let key = line.split(' ').next().unwrap_or_default();
        let line = match key {
            "embedding_dimension" | "width" | "ffn_width" => format!("{key} = 16"),
            "num_layers" | "num_heads" => format!("{key} = 2"),
            "steps" | "total" | "period" => format!("{key} = {steps}"),
            "length" => format!("length = {{ steps = {steps} }}"),
            "warmup" => "warmup = 1".into(),
            _ => line.to_string(),
        };
        writeln!(small, "{line}").unwrap();
    }
    std::fs::write(folder.join(name), small).unwrap();
}

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The first 240 embedded molecules as conformers, and every fourth of them as a table of labels.
fn files(at: &Path) {
    done(at, "data export -o all.csv");
    let all = std::fs::read_to_string(at.join("all.csv")).unwrap();
    let few: Vec<&str> = all.lines().take(241).collect();
    std::fs::write(at.join("few.csv"), few.join("\n") + "\n").unwrap();
    let mut columns = few[0].split(',');
    let smiles = columns.position(|column| column == "smiles").unwrap();
    let mut table = String::from("smiles,expt\n");
    for (row, line) in few[1..].iter().enumerate().step_by(4) {
        let smiles = line.split(',').nth(smiles).unwrap();
        writeln!(table, "{smiles},{}", row % 7).unwrap();
    }
    std::fs::write(at.join("freesolv.csv"), table).unwrap();
}

#[test]
fn every_command_of_the_way_from_conformers_to_a_report() {
    let at = place("science");
    files(&at);
    done(
        &at,
        "data prepare -i few.csv -i few.csv --exclude freesolv.csv --hold-out 0.2 -o corpus",
    );
    let account = std::fs::read_to_string(at.join("corpus/corpus.json")).unwrap();
    let account: serde_json::Value = serde_json::from_str(&account).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let (train, valid, report) = (
        number(&account["train"]),
        number(&account["valid"]),
        &account["report"],
    );
    assert!(train > 90 && valid > 5, "{account}");
    assert_eq!(
        train + valid + number(&report["excluded"]) + number(&report["repeated"]),
        480
    );

    for name in [
        "teacher-128.toml",
        "gin-node.toml",
        "tokengt-node.toml",
        "contrast-gin.toml",
    ] {
        recipe(&at, name, 3);
    }
    let data = "-i corpus/train.csv.gz --valid corpus/valid.csv.gz -q";
    done(
        &at,
        &format!("pretrain {data} --config teacher-128.toml -o teacher"),
    );
    let teach = format!("distill {data} --teacher teacher --teacher-cache answers");
    done(&at, &format!("{teach} --config gin-node.toml -o gin"));
    assert!(at.join("gin/account.json").is_file() && at.join("answers").is_file());
    done(
        &at,
        &format!("{teach} --config tokengt-node.toml -o tokengt"),
    );
    done(
        &at,
        &format!("contrast {data} --config contrast-gin.toml -o contrast"),
    );
    for (model, output) in [("gin", "shared"), ("teacher", "shared-teacher")] {
        let told = done(&at, &format!("export --model {model} -o {output}"));
        assert!(told.contains("sha256"), "{told}");
    }
    done(
        &at,
        &format!("distill {data} --teacher shared-teacher --config gin-node.toml -o again"),
    );

    let look = "geometry -i few.csv -m gin -m tokengt -m tokengt --untrained 0 -o geometry";
    let (code, found, told) = dnd(&at, look);
    assert_eq!(code, Some(0), "{told}");
    // One twin for both of a kind, in two tables.
    assert_eq!(
        found.matches("| tokengt, untrained |").count(),
        2,
        "{found}"
    );
    assert_eq!(found.matches("| tokengt |").count(), 4, "{found}");
    assert!(told.contains("of fewer than 8 atoms"), "{told}");
    assert!(at.join("geometry/heads.svg").is_file());

    std::fs::write(at.join("plan.toml"), PLAN).unwrap();
    let evaluate = "evaluate --plan plan.toml --tables . -o runs";
    let (code, report, told) = dnd(&at, evaluate);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        report.contains("### distilled against from scratch"),
        "{report}"
    );
    assert!(told.contains("10/10"), "{told}");
    assert!(report.contains("\n- either: contrastive on "), "{report}");
    // The rate of the encoder is a setting of a run, and reaches the training.
    let runs = std::fs::read_to_string(at.join("runs/runs.jsonl")).unwrap();
    let first = |contender: &str| {
        let of = |run: &serde_json::Value| run["contender"] == contender && run["seed"] == 0;
        let mut runs = runs.lines().map(|line| serde_json::from_str(line).unwrap());
        let run = runs.find(of).unwrap();
        ["settings", "predictions"].map(|field| run[field].as_str().unwrap().to_string())
    };
    let pairs = first("contrastive")
        .into_iter()
        .zip(first("contrastive, slow"));
    for (usual, slow) in pairs {
        assert_ne!(usual, slow);
    }
    let (_, again, told) = dnd(&at, &format!("{evaluate} --report-only"));
    assert_eq!((&again, told.as_str()), (&report, ""));
    elsewhere(&at, &report);
}

/// Without tables and models the stored runs give the same report; or that of some contenders.
fn elsewhere(at: &Path, report: &str) {
    let afar = at.join("afar");
    std::fs::create_dir_all(afar.join("runs")).unwrap();
    for file in ["plan.toml", "runs/runs.jsonl"] {
        std::fs::copy(at.join(file), afar.join(file)).unwrap();
    }
    let elsewhere = "evaluate --plan plan.toml --runs runs -o new/report";
    let (code, anew, told) = dnd(&afar, elsewhere);
    assert_eq!((code, anew.as_str(), told.as_str()), (Some(0), report, ""));
    let written = std::fs::read_to_string(afar.join("new/report/report.md")).unwrap();
    assert_eq!(format!("{written}\n"), report);
    let (code, part, _) = dnd(&afar, &format!("{elsewhere} --only contrastive"));
    assert_eq!(code, Some(0));
    assert!(
        part.contains("| contrastive |") && !part.contains("distilled"),
        "{part}"
    );
    let (code, _, told) = dnd(&afar, "evaluate --plan plan.toml -o new");
    assert_eq!(code, Some(2));
    assert!(told.contains("needs --tables, or --runs"), "{told}");
}

const PLAN: &str = r#"
title = "A small comparison"
seeds = [0, 1]
shares = [1.0]
finetune = { learning_rates = [1e-3], batch = 16, epochs = 2, patience = 2 }
sets = [{ name = "freesolv", file = "freesolv.csv" }]
contenders = [
    { name = "from scratch", method = { kind = "scratch", like = "shared" } },
    { name = "distilled", method = { kind = "finetune", model = "shared" }, against = "from scratch" },
    { name = "contrastive", method = { kind = "finetune", model = "contrast" } },
    { name = "contrastive, slow", method = { kind = "finetune", model = "contrast", encoder_rate = 0.1 } },
    { name = "either", method = { kind = "chosen", among = ["contrastive", "contrastive, slow"] } },
    { name = "frozen", method = { kind = "probe", model = "tokengt" } },
    { name = "ships", method = { kind = "probe", model = "gin-128-node" } },
]
"#;

#[test]
fn an_unknown_model_is_answered_with_where_was_looked() {
    let at = place("science-unknown");
    std::fs::write(at.join("one.smi"), "CCO\n").unwrap();
    let (code, _, errors) = dnd(&at, "embed -i one.smi --model gin-128-nodes");
    assert_eq!(code, Some(2));
    assert!(errors.contains("gin-128-nodes"), "{errors}");
    assert!(errors.contains("the model gin-128-node"), "{errors}");
}
