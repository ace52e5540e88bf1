//! The models that ship: whole, described, and giving the numbers that their cards claim.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::{Encoder, ModelConfig, ModelFolder, Precision, save_model};
use dd_models::{Kind, MODELS};
use dd_train::evaluation::{Contender, Entry, Method, Plan, Workplace, evaluate};
use dd_train::{CONFIG_FILE, MODEL_FILE, Teacher, export};
use sha2::{Digest, Sha256};

use crate::tasks;

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

#[test]
fn in_bf16_embeddings_are_near_and_do_not_depend_on_batch_mates() {
    let smiles = [
        "CC(=O)Oc1ccccc1C(=O)O",
        "CCO",
        "c1ccc2[nH]ccc2c1",
        "[Na+].[Cl-]",
    ];
    for model in MODELS.iter().filter(|model| model.kind == Kind::Student) {
        let [single, bf16] = [Precision::Single, Precision::Bf16]
            .map(|precision| Encoder::from_pretrained_as(model.name, precision).unwrap());
        let (near, together) = (single.embed_smiles(&smiles), bf16.embed_smiles(&smiles));
        for ((smiles, near), together) in smiles.iter().zip(near).zip(together) {
            let (near, together) = (near.unwrap().graph, together.unwrap().graph);
            let alone = bf16.embed_smiles(&[smiles]).remove(0).unwrap().graph;
            assert_eq!(alone, together, "{}: {smiles}", model.name);
            let off = near.iter().zip(&together).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f32::max);
            assert!(
                (1e-6..0.05).contains(&off),
                "{}: {smiles}: {off}",
                model.name
            );
        }
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
        let same = |old: &&Entry| old.key() == entry.key() && old.settings == entry.settings;
        let old = stored.iter().find(same).unwrap();
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

/// The table of MoleculeNet in each student's card is that of `docs/results/runs.jsonl`.
#[test]
fn cards_tell_what_the_stored_runs_say() {
    let text = include_str!("../../docs/recipes/moleculenet.toml");
    let plan = Plan::from_toml(text, "moleculenet.toml").unwrap();
    let stored = include_str!("../../docs/results/runs.jsonl").lines();
    let stored: Vec<Entry> = stored
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for model in MODELS.iter().filter(|model| model.kind == Kind::Student) {
        let mut scores: BTreeMap<(&str, &str), (&str, Vec<f64>)> = BTreeMap::new();
        for contender in &plan.contenders {
            let usage = match &contender.method {
                Method::Finetune {
                    model: name,
                    encoder_rate: 1.0,
                } if name.as_os_str() == model.name => "fine-tuned",
                Method::Probe { model: name } if name.as_os_str() == model.name => {
                    "frozen, linear model"
                }
                _ => continue,
            };
            for entry in &stored {
                if entry.contender == contender.name && entry.share == 1.0 {
                    let metric = ["mae", "roc_auc"].into_iter();
                    let metric = { metric }.find(|&m| entry.test.contains_key(m)).unwrap();
                    let key = (entry.set.as_str(), usage);
                    let (_, scores) = scores.entry(key).or_insert((metric, Vec::new()));
                    scores.push(entry.test[metric]);
                }
            }
        }
        let rows: Vec<String> = { scores.into_iter() }
            .map(|((set, usage), (metric, scores))| {
                let n = scores.len();
                let mean = scores.iter().sum::<f64>() / n as f64;
                let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
                let spread = match n {
                    1 => String::new(),
                    _ => format!(" ± {:.3}", (squares / (n - 1) as f64).sqrt()),
                };
                format!("| {set} | {usage} | {metric} | {mean:.3}{spread} | {n} |")
            })
            .collect();
        let told = model.card.lines();
        let told: Vec<&str> = told
            .skip_while(|line| !line.starts_with("| Set | Use "))
            .skip(2)
            .take_while(|line| !line.is_empty())
            .collect();
        assert_eq!(told, rows, "{}", model.name);
        assert!(!rows.is_empty(), "{}", model.name);
    }
}

/// Numbers are rounded, counters and what does not fit stay, and what only training needs does not come along.
#[test]
fn an_exported_model_is_the_model_in_half_precision() {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("export");
    let _ = std::fs::remove_dir_all(&root);
    let config = ModelConfig::encoder_only(tasks::gin(16));
    let store = tasks::store(8);
    config.build_encoder(&store.root()).unwrap();
    let (name, var) = store.vars().swap_remove(0);
    let beyond = Tensor::full(1e6_f32, var.dims().to_vec(), &Device::Cpu).unwrap();
    var.set(&beyond).unwrap();
    save_model(root.join("run"), &config, &store, None).unwrap();
    std::fs::write(root.join("run/checkpoint.safetensors"), "{}").unwrap();
    let done = export(&root.join("run"), &root.join("out"), DType::F16).unwrap();
    let bytes = std::fs::read(root.join("out").join(MODEL_FILE)).unwrap();
    assert_eq!(done.bytes as usize, bytes.len());
    let files = std::fs::read_dir(root.join("out")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, [CONFIG_FILE, MODEL_FILE]);
    let [whole, half] = ["run", "out"].map(|folder| {
        candle_core::safetensors::load(root.join(folder).join(MODEL_FILE), &Device::Cpu).unwrap()
    });
    assert_eq!(whole.len(), half.len());
    let values = |tensor: &Tensor| -> Vec<f64> {
        let flat = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
        flat.to_vec1().unwrap()
    };
    let mut kinds = BTreeMap::new();
    for (tensor, exact) in &whole {
        let narrow = &half[tensor];
        *kinds.entry(format!("{:?}", narrow.dtype())).or_insert(0) += 1;
        for (a, b) in values(exact).into_iter().zip(values(narrow)) {
            assert!(
                (a - b).abs() <= 1e-3 * a.abs().max(1e-4),
                "{tensor}: {a} {b}"
            );
        }
    }
    assert_eq!(half[&name].dtype(), DType::F32);
    assert!(
        kinds["F16"] > 10 && kinds["F32"] == 1 && kinds["I64"] > 0,
        "{kinds:?}"
    );
    assert!(Encoder::from_pretrained(root.join("out")).is_ok());
}
