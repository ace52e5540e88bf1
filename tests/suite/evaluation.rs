//! A comparison by plan: it resumes, re-derives, reports, and never looks at test labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dd_data::{Dataset, embedded};
use dd_encoder2d::{EncoderConfig, GinConfig, ModelConfig, save_model};
use dd_eval::Metric;
use dd_mol::smiles;
use dd_nn::ParamStore;
use dd_train::evaluation::{Entry, Journal, Plan, Progress, Report, Workplace, evaluate, stored};

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("evaluation")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Eighty molecules as a FreeSolv table (a number) and as a BBBP table (yes or no). Labels are dipoles; `spoil` changes those
/// of the rows that the scaffold split puts into the test part.
fn tables(folder: &Path, spoil: &[usize]) {
    let molecules = embedded::small_organics_smiles(&[embedded::DIPOLE_DEBYE]).unwrap();
    let mut freesolv = String::from("smiles,expt\n");
    let mut bbbp = String::from("smiles,p_np\n");
    for row in 0..80 {
        let record = molecules.get(row * 7).unwrap();
        let text = smiles::write(&record.molecule);
        let mut dipole = record.targets[0];
        if spoil.contains(&row) {
            dipole = 100.0 - dipole;
        }
        writeln!(freesolv, "{text},{dipole}").unwrap();
        writeln!(bbbp, "{text},{}", u8::from(dipole > 2.0)).unwrap();
    }
    std::fs::write(folder.join("freesolv.csv"), freesolv).unwrap();
    std::fs::write(folder.join("bbbp.csv"), bbbp).unwrap();
}

fn model(folder: &Path) {
    let config = ModelConfig::encoder_only(EncoderConfig::Gin(GinConfig {
        width: 16,
        num_layers: 2,
        dropout: 0.0,
    }));
    let store = ParamStore::new(5, candle_core::DType::F32, &candle_core::Device::Cpu);
    config.build_encoder(&store.root()).unwrap();
    save_model(folder, &config, &store, None).unwrap();
}

fn plan(model: &Path, epochs: u64) -> Plan {
    let model = model.display();
    let text = format!(
        r#"
        title = "A small comparison"
        seeds = [0, 1]
        shares = [0.5, 1.0]
        finetune = {{ learning_rates = [1e-3, 1e-2], batch = 16, epochs = {epochs}, patience = 5 }}
        sets = [
            {{ name = "freesolv", file = "freesolv.csv" }},
            {{ name = "bbbp", file = "bbbp.csv", shares = [1.0] }},
        ]
        contenders = [
            {{ name = "from scratch", method = {{ kind = "scratch", like = "{model}" }} }},
            {{ name = "pretrained", method = {{ kind = "finetune", model = "{model}" }}, against = "from scratch" }},
            {{ name = "frozen", method = {{ kind = "probe", model = "{model}" }}, against = "from scratch" }},
            {{ name = "forest", method = {{ kind = "fingerprint_forest", trees = 10 }} }},
            {{ name = "linear", method = {{ kind = "fingerprint_linear" }}, sets = ["freesolv"] }},
        ]
        "#
    );
    Plan::from_toml(&text, "plan").unwrap()
}

struct Place {
    workplace: Workplace,
    model: PathBuf,
}

fn place(name: &str, spoil: &[usize]) -> Place {
    let root = folder(name);
    tables(&root, spoil);
    model(&root.join("model"));
    Place {
        model: root.join("model"),
        workplace: Workplace {
            tables: root.clone(),
            output: root.join("output"),
            shard: (1, 1),
        },
    }
}

/// The runs of a plan, and how many of them were not done before.
fn run(place: &Place, epochs: u64) -> (Vec<Entry>, usize) {
    let mut fresh = 0;
    let plan = plan(&place.model, epochs);
    let mut count = |progress: &Progress<'_>| {
        if let Progress::Run { was_done, .. } = progress {
            fresh += usize::from(!was_done);
        }
    };
    evaluate(&plan, &place.workplace, &mut count).unwrap();
    (stored(&plan, &place.workplace).unwrap().entries, fresh)
}

fn predictions(place: &Place, entry: &Entry) -> PathBuf {
    let folder = place.workplace.output.join("predictions");
    folder.join(entry.file_name())
}

/// On the whole of the labels the frozen and the linear contender have one run, since their seed decides nothing.
const RUNS: usize = 4 + 4 + 3 + 4 + 3 + 2 + 2 + 1 + 2;

#[test]
fn a_comparison_resumes_and_runs_again_what_changed() {
    let place = place("resume", &[]);
    let (entries, fresh) = run(&place, 2);
    assert_eq!((entries.len(), fresh), (RUNS, RUNS));
    let lines = std::fs::read_to_string(place.workplace.output.join("runs.jsonl")).unwrap();
    let (again, fresh) = run(&place, 2);
    assert_eq!((again == entries, fresh), (true, 0));
    // Neither do predictions that are lost or damaged.
    std::fs::remove_file(predictions(&place, &entries[3])).unwrap();
    std::fs::write(predictions(&place, &entries[5]), "cut").unwrap();
    let (again, fresh) = run(&place, 2);
    assert_eq!((again == entries, fresh), (true, 2));
    // An interruption in the middle of a line costs that run alone.
    std::fs::write(
        place.workplace.output.join("runs.jsonl"),
        &lines[..lines.len() - 9],
    )
    .unwrap();
    let (again, fresh) = run(&place, 2);
    assert_eq!((again == entries, fresh), (true, 1));
    // Another number of epochs concerns the networks that are trained, and nobody else.
    let (other, fresh) = run(&place, 3);
    assert_eq!((other.len(), fresh), (RUNS, 12));
    // The runs of the first plan are still there, in whichever file, and are what its report is made of.
    let output = &place.workplace.output;
    let text = std::fs::read_to_string(output.join("runs.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (old, new) = lines.split_at(RUNS);
    std::fs::write(output.join("runs.jsonl"), old.join("\n") + "\n").unwrap();
    std::fs::write(output.join("runs.1-of-2.jsonl"), new.join("\n") + "\n").unwrap();
    assert_eq!(run(&place, 3), (other, 0));
    assert_eq!(run(&place, 2), (entries.clone(), 0));
    let found = stored(&plan(&place.model, 2), &place.workplace).unwrap();
    assert_eq!((found.missing, found.others), (0, 12));
    let pretrained = entries
        .iter()
        .filter(|entry| entry.contender == "pretrained");
    for entry in pretrained {
        assert_eq!(entry.tried.len(), if entry.seed == 0 { 2 } else { 1 });
        assert_eq!(entry.train, if entry.share < 1.0 { 32 } else { 64 });
    }
}

#[test]
fn parts_of_a_plan_make_the_whole() {
    let whole = place("whole", &[]);
    let (entries, _) = run(&whole, 1);
    let mut parts = place("parts", &[]);
    let mut sum = 0;
    for number in 1..=3 {
        parts.workplace.shard = (number, 3);
        sum += run(&parts, 1).1;
    }
    assert_eq!(sum, RUNS);
    let journal = Journal::open(&parts.workplace.output, None).unwrap();
    assert_eq!(journal.entries().len(), RUNS);
    let joined = stored(&plan(&parts.model, 1), &parts.workplace).unwrap();
    assert_eq!(joined.entries, entries);
}

#[test]
fn every_score_follows_from_the_stored_predictions() {
    let place = place("derive", &[]);
    for entry in run(&place, 2).0 {
        let path = predictions(&place, &entry);
        let tensors = candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
        let values = |name: &str| -> Vec<f64> {
            let flat = tensors[name]
                .flatten_all()
                .unwrap()
                .to_vec1::<f32>()
                .unwrap();
            flat.into_iter().map(f64::from).collect()
        };
        assert_eq!(entry.test.len(), 2);
        for (name, &score) in &entry.test {
            let metric = Metric::ALL
                .iter()
                .find(|(known, _)| known == name)
                .unwrap()
                .1;
            let again = metric
                .evaluate(&values("labels"), &values("predictions"))
                .unwrap();
            assert!(
                (again - score).abs() < 1e-6 * score.abs().max(1.0),
                "{name} {again} {score}"
            );
        }
    }
}

#[test]
fn test_labels_decide_nothing() {
    let honest = place("honest", &[]);
    let (entries, _) = run(&honest, 2);
    let file = entries[0].file_name();
    let path = honest.workplace.output.join("predictions").join(file);
    let tensors = candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
    let rows: Vec<u32> = tensors["rows"].to_vec1().unwrap();
    let spoiled: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
    assert!(!spoiled.is_empty());
    let (other, _) = run(&place("spoiled", &spoiled), 2);
    let mut differing = 0;
    for (a, b) in entries.iter().zip(&other) {
        assert_eq!((a.key(), a.choice, &a.tried), (b.key(), b.choice, &b.tried));
        assert_eq!(
            (a.valid, a.best_epoch, &a.predictions),
            (b.valid, b.best_epoch, &b.predictions)
        );
        differing += usize::from(a.test != b.test);
    }
    assert!(
        differing > RUNS / 2,
        "the scores must follow the labels: {differing}"
    );
}

#[test]
fn the_report_names_everyone_and_every_test() {
    let place = place("report", &[]);
    run(&place, 2);
    let plan = plan(&place.model, 2);
    let found = stored(&plan, &place.workplace).unwrap();
    let report = Report::new(&plan, &found.entries).unwrap();
    let text = report.to_markdown().unwrap();
    for name in ["from scratch", "pretrained", "frozen", "forest", "linear"] {
        assert!(text.contains(&format!("| {name} |")), "{name} in {text}");
    }
    assert!(text.contains("### pretrained against from scratch"));
    assert!(text.contains("- pretrained equals from scratch on all labels "));
    report.write(&place.workplace.output).unwrap();
    let tests = std::fs::read_to_string(place.workplace.output.join("tests.json")).unwrap();
    let tests: serde_json::Value = serde_json::from_str(&tests).unwrap();
    let by_set = tests["by_set"].as_array().unwrap();
    assert_eq!(by_set.len(), 4);
    let by_share = tests["by_set_and_share"].as_array().unwrap();
    assert_eq!(by_share.len(), 4, "FreeSolv with half and all labels");
    // The one score of the frozen contender stands beside both of its rival's.
    for test in by_set.iter().chain(by_share) {
        assert_eq!(test["pairs"], 2, "{test}");
    }
    let mean = |name: &str| {
        let runs = found.entries.iter().filter(|entry| {
            entry.set == "freesolv" && entry.share == 1.0 && entry.contender == name
        });
        let scores: Vec<f64> = runs.map(|entry| entry.test["mae"]).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let frozen = { by_set.iter() }
        .find(|test| test["set"] == "freesolv" && test["contender"] == "frozen")
        .unwrap();
    let means = [mean("frozen"), mean("from scratch")];
    assert_eq!(frozen["means"], serde_json::json!(means));
    assert!(text.contains("### pretrained against from scratch, by share"));
    for test in by_share {
        let [p, corrected] = ["t_p", "holm_p"].map(|p| test[p].as_f64().unwrap());
        assert!(
            corrected >= p && text.contains(&format!(" {p:.4} |")),
            "{test}"
        );
    }
    for picture in ["gains.svg", "shares-freesolv.svg"] {
        let svg = std::fs::read_to_string(place.workplace.output.join(picture)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let wrong = |change: (&str, &str), expected: &str| {
        let text = include_str!("../fixtures/plan.toml").replacen(change.0, change.1, 1);
        let error = Plan::from_toml(&text, "plan").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    wrong(
        ("name = \"esol\"", "name = \"esoll\""),
        "no set 'esoll'; there are esol,",
    );
    wrong(("seeds = [0]", "seeds = [3, 0, 3]"), "3 is there twice");
    wrong(
        ("shares = [1.0]", "shares = [0.5, 0.5]"),
        "0.5 is there twice",
    );
    wrong(
        ("shares = [1.0]", "shares = [0.1, 0.1000001]"),
        "0.1 is there twice",
    );
    wrong(
        (
            "[[contenders]]",
            "[[sets]]\nname = \"esol\"\nfile = \"x.csv\"\n\n[[contenders]]",
        ),
        "'esol' is there twice",
    );
    wrong(
        ("name = \"distilled\"", "name = \"from scratch\""),
        "'from scratch' is there twice",
    );
    wrong(
        ("against = \"from scratch\"", "against = \"nobody\""),
        "no contender 'nobody'",
    );
    wrong(
        ("against = \"from scratch\"", "against = \"distilled\""),
        "'distilled' is tested against itself",
    );
    wrong(("seeds = [0]", "seeds = []"), "none for 'esol'");
    wrong(
        ("shares = [1.0]", "shares = [1.5]"),
        "must be from 0.000001 to 1",
    );
    wrong(
        ("learning_rates = [1e-3]", "learning_rates = []"),
        "at least one is needed",
    );
    wrong(("batch", "batches"), "unknown field `batches`");
}

#[test]
fn rows_without_a_molecule_are_told_and_labels_of_one_kind_refused() {
    let place = place("told", &[]);
    let path = place.workplace.tables.join("bbbp.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.clone() + "C1CC,1\n").unwrap();
    let plan = plan(&place.model, 1);
    let mut told = BTreeMap::new();
    let mut listen = |progress: &Progress<'_>| {
        if let Progress::Table { set, skipped } = progress {
            told.insert(
                (*set).to_string(),
                (skipped.total(), skipped.first().to_vec()),
            );
        }
    };
    evaluate(&plan, &place.workplace, &mut listen).unwrap();
    assert_eq!(told["freesolv"].0, 0);
    assert_eq!(told["bbbp"].0, 1);
    assert!(told["bbbp"].1[0].contains("row 80"), "{told:?}");
    // Where every label is the same there is no ROC-AUC to choose by: an error, not a number.
    std::fs::write(&path, text.replace(",0\n", ",1\n")).unwrap();
    let error = evaluate(&plan, &place.workplace, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("roc_auc"), "{error}");
}
