//! The models that ship: whole, described, and giving the numbers that their cards claim.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::Device;
use dd_encoder2d::{Encoder, ModelFolder};
use dd_models::{Kind, MODELS};
use dd_train::evaluation::{Contender, Entry, Method, Plan, Workplace, evaluate};
use dd_train::{CONFIG_FILE, MODEL_FILE, Teacher};
use sha2::{Digest, Sha256};

const MOST_BYTES: usize = 10_000_000;
/// What a card must tell.
const SECTIONS: [&str; 8] = [
    "## What it is",
    "## Data",
    "## Training",
    "## Results",
    "## Limits",
    "## Licence",
    "## Files",
    "## Cite",
];

#[test]
fn every_model_is_whole_and_described() {
    assert!(MODELS.iter().any(|model| model.kind == Kind::Student));
    for model in MODELS {
        let digest = Sha256::digest(model.weights);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, model.sha256, "{}", model.name);
        assert!(
            model.card.contains(model.sha256),
            "{}: the card lacks the hash",
            model.name
        );
        assert!(model.weights.len() < MOST_BYTES);
        for section in SECTIONS {
            assert!(
                model.card.contains(section),
                "{}: the card lacks {section}",
                model.name
            );
        }
        match model.kind {
            Kind::Student => {
                let folder = ModelFolder::open(model.name).unwrap();
                assert_eq!(folder.weights().unwrap().len(), model.weights.len());
                assert!(Encoder::from_pretrained(model.name).is_ok());
            }
            Kind::Teacher => {
                assert!(Teacher::load(model.name, &Device::Cpu).is_ok());
                assert!(
                    ModelFolder::open(model.name).is_err(),
                    "a teacher embeds no SMILES"
                );
            }
        }
    }
}

#[test]
fn a_name_that_no_model_has_is_answered_with_those_that_ship() {
    let error = ModelFolder::open("no-such-model").unwrap_err().to_string();
    for model in MODELS.iter().filter(|model| model.kind == Kind::Student) {
        assert!(error.contains(model.name), "{error}");
    }
}

/// `fixtures/embeddings.json`: for each student and SMILES the first numbers of the vector of the molecule.
#[test]
fn embeddings_are_those_of_the_day_they_were_made() {
    let text = include_str!("../fixtures/embeddings.json");
    let stored: BTreeMap<String, BTreeMap<String, Vec<f32>>> = serde_json::from_str(text).unwrap();
    let students = MODELS.iter().filter(|model| model.kind == Kind::Student);
    assert_eq!(students.clone().count(), stored.len());
    for model in students {
        let encoder = Encoder::from_pretrained(model.name).unwrap();
        let molecules = &stored[model.name];
        let smiles: Vec<&String> = molecules.keys().collect();
        assert!(smiles.len() >= 4);
        for (embedding, expected) in encoder
            .embed_smiles(&smiles)
            .into_iter()
            .zip(molecules.values())
        {
            let vector = embedding.unwrap().graph;
            for (got, expected) in vector.iter().zip(expected) {
                assert!(
                    (got - expected).abs() < 1e-4,
                    "{}: {got} {expected}",
                    model.name
                );
            }
        }
    }
}

#[test]
fn embedded_weights_are_those_of_a_folder() {
    let model = MODELS
        .iter()
        .find(|model| model.kind == Kind::Student)
        .unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shipped");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(CONFIG_FILE), model.config).unwrap();
    std::fs::write(folder.join(MODEL_FILE), model.weights).unwrap();
    let [by_name, by_path] = [PathBuf::from(model.name), folder.clone()].map(|model| {
        Encoder::from_pretrained(model)
            .unwrap()
            .embed_smiles(&["CC(=O)Nc1ccccc1"])
    });
    assert_eq!(by_name[0].as_ref().unwrap(), by_path[0].as_ref().unwrap());
    let mut damaged = model.weights.to_vec();
    damaged.truncate(damaged.len() - 7);
    std::fs::write(folder.join(MODEL_FILE), damaged).unwrap();
    assert!(Encoder::from_pretrained(&folder).is_err());
}

/// The row of FreeSolv in `docs/results/runs.jsonl`, from the shipped file. Needs the table, which is not ours to ship.
#[test]
#[allow(clippy::print_stdout, reason = "a test that does nothing says so")]
fn a_stored_score_follows_from_the_shipped_file() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let tables = root.join("../shared/data/moleculenet");
    if !tables.join("freesolv.csv.gz").exists() {
        println!("skipped: no table of FreeSolv");
        return;
    }
    let text = include_str!("../../docs/recipes/moleculenet.toml");
    let mut plan = Plan::from_toml(text, "moleculenet.toml").unwrap();
    plan.sets.retain(|set| set.name == "freesolv");
    let frozen = |contender: &Contender| matches!(contender.method, Method::Probe { .. });
    let ships = |contender: &Contender| {
        contender
            .method
            .model()
            .is_some_and(|m| ModelFolder::open(m).is_ok())
    };
    plan.contenders
        .retain(|contender| frozen(contender) && ships(contender));
    let stored = std::fs::read_to_string(root.join("docs/results/runs.jsonl")).unwrap();
    let stored: Vec<Entry> = stored
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let known =
        |contender: &Contender| stored.iter().any(|entry| entry.contender == contender.name);
    plan.contenders.retain(known);
    assert!(!plan.contenders.is_empty());
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shipped-score");
    let _ = std::fs::remove_dir_all(&output);
    let workplace = Workplace {
        tables,
        output,
        shard: (1, 1),
    };
    let journal = evaluate(&plan, &workplace, &mut |_| {}).unwrap();
    assert_eq!(journal.entries().len(), plan.contenders.len());
    for entry in journal.entries() {
        let old = stored.iter().find(|old| old.key() == entry.key()).unwrap();
        assert_eq!(old.settings, entry.settings, "{}", entry.contender);
        for (metric, score) in &entry.test {
            let gap = (score - old.test[metric]).abs();
            assert!(
                gap < 1e-3,
                "{} {metric}: {score}, stored {}",
                entry.contender,
                old.test[metric]
            );
        }
    }
}
