//! Weights of others give the vectors that PyTorch gives.
//!
//! The fixtures are small random networks, written and answered by PyTorch in double precision
//! (`benches/peers/weights_fixtures.py`). Published weights are compared too where the reference data is there
//! (`expected_published.json`, by `benches/peers/published_weights.py --expected`).

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a test says what it could not compare")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::published::{Published, recognize};
use dd_encoder2d::{Encoder, EncoderError, Mode, ModelConfig, ModelFolder, save_model};
use dd_graph::GraphBatch;
use dd_nn::{Checkpoint, ParamStore, save_tensors};
use serde::Deserialize;

/// Of an embedding of published weights one number in so many is kept.
const STRIDE: usize = 16;

#[derive(Deserialize)]
struct Expected {
    smiles: Vec<String>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    molecules: Vec<Vec<f64>>,
    #[serde(default)]
    atoms: Vec<Vec<f64>>,
    #[serde(default)]
    predictions: Vec<Vec<f64>>,
}

/// A folder of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("dd-encoder2d-published-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights")
}

fn expected(file: &str) -> Expected {
    let text = std::fs::read_to_string(fixtures().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Converts a file into a folder and opens it again.
fn convert(file: &Path, folder: &Path) -> Result<ModelFolder, EncoderError> {
    let file = Checkpoint::open(file)?;
    let found = recognize(&file)?;
    let (store, report) = found.load(&file)?;
    assert!(report.is_clean());
    save_model(folder, &found.config, &store, None)?;
    ModelFolder::open(folder)
}

fn rows(x: &Tensor) -> Vec<Vec<f64>> {
    x.to_dtype(DType::F64).unwrap().to_vec2().unwrap()
}

/// Largest difference, relative to the largest number or to 1.
fn difference(got: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let widths = |rows: &[Vec<f64>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(widths(got), widths(expected));
    assert!(got.iter().flatten().all(|x| x.is_finite()));
    let pairs = got.iter().flatten().zip(expected.iter().flatten());
    let scale = expected
        .iter()
        .flatten()
        .fold(1.0, |m: f64, x| m.max(x.abs()));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale
}

fn batch(encoder: &Encoder, smiles: &[String]) -> GraphBatch {
    let graph = |text: &String| {
        let molecule = dd_mol::smiles::parse(text).unwrap();
        encoder.featurizer().featurize(&molecule).unwrap()
    };
    let graphs: Vec<_> = smiles.iter().map(graph).collect();
    GraphBatch::collate(&graphs, &Device::Cpu).unwrap()
}

#[test]
fn fixtures_are_equal_to_pytorch() {
    let scratch = Scratch::new("fixtures");
    let expected = expected("expected.json");
    assert_eq!(expected.cases.len(), 9);
    for (name, case) in &expected.cases {
        let path = scratch.0.join(name);
        let folder = convert(&fixtures().join(name), &path).unwrap();
        let encoder = Encoder::from_pretrained_on(&path, DType::F64, &Device::Cpu).unwrap();
        let batch = batch(&encoder, &expected.smiles);
        let z = encoder.network().encode(&batch, Mode::Eval).unwrap();
        let off = difference(&rows(&z.graphs), &case.molecules);
        assert!(off < 1e-12, "{name}: molecules differ by {off:e}");
        let atoms = z.nodes.narrow(0, 0, case.atoms.len()).unwrap();
        let off = difference(&rows(&atoms), &case.atoms);
        assert!(off < 1e-12, "{name}: atoms differ by {off:e}");
        assert_eq!(folder.config().head.is_some(), !case.predictions.is_empty());
        if folder.config().head.is_some() {
            let store = ParamStore::new(0, DType::F64, &Device::Cpu).frozen();
            let predictor = folder.config().build_predictor(&store).unwrap();
            folder.load(&store).unwrap();
            let got = predictor.predict(&batch).unwrap();
            let got: Vec<Vec<f64>> = got.rows().into_iter().map(|row| row.to_vec()).collect();
            let off = difference(&got, &case.predictions);
            assert!(off < 1e-12, "{name}: predictions differ by {off:e}");
        }
    }
}

/// In double precision up to the nine digits that are kept, and in single precision, as `Encoder::from_pretrained` loads.
#[test]
fn published_weights_are_equal_to_pytorch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/checkpoints");
    if !folder.is_dir() {
        println!("no reference data: published weights are not compared");
        return;
    }
    let scratch = Scratch::new("checkpoints");
    let expected = expected("expected_published.json");
    assert_eq!(expected.cases.len(), 7);
    for (name, case) in &expected.cases {
        let path = scratch.0.join(name);
        convert(&folder.join(name), &path).unwrap();
        let exact = Encoder::from_pretrained_on(&path, DType::F64, &Device::Cpu).unwrap();
        let z = exact
            .network()
            .encode(&batch(&exact, &expected.smiles), Mode::Eval);
        let rows = rows(&z.unwrap().graphs).into_iter();
        let got: Vec<Vec<f64>> = rows
            .map(|row| row.into_iter().step_by(STRIDE).collect())
            .collect();
        let off = difference(&got, &case.molecules);
        assert!(
            off < 1e-8,
            "{name}: in double precision molecules differ by {off:e}"
        );
        let encoder = Encoder::from_pretrained(&path).unwrap();
        let got: Vec<Vec<f64>> = encoder
            .embed_smiles(&expected.smiles)
            .into_iter()
            .map(|row| {
                let numbers = row.unwrap().graph.into_iter().step_by(STRIDE);
                numbers.map(f64::from).collect()
            })
            .collect();
        assert_eq!(got[0].len(), case.molecules[0].len(), "{name}");
        let off = difference(&got, &case.molecules);
        assert!(off < 1e-5, "{name}: molecules differ by {off:e}");
    }
}

/// Safetensors with the same names are recognised alike; what only the settings tell is asked for.
#[test]
fn safetensors_are_recognised_by_their_tensors() {
    let scratch = Scratch::new("safetensors");
    for (name, fault) in [
        ("pretrain_gat.pth", None),
        ("chemprop_regression.pt", Some("message_passing.activation")),
    ] {
        let file = Checkpoint::open(fixtures().join(name)).unwrap();
        let read = |name: &String| (name.clone(), file.read(name).unwrap());
        let tensors: BTreeMap<_, _> = file.entries().keys().map(read).collect();
        let path = scratch.0.join("weights.safetensors");
        save_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
        let found = recognize(&Checkpoint::open(&path).unwrap());
        match fault {
            None => assert!(found.unwrap().title.starts_with("GAT")),
            Some(fault) => assert!(found.unwrap_err().to_string().contains(fault)),
        }
    }
}

#[test]
fn unknown_weights_are_listed() {
    let scratch = Scratch::new("unknown");
    let path = scratch.0.join("weights.safetensors");
    let zeros = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let tensors = BTreeMap::from([("conv.weight".to_string(), zeros)]);
    save_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let error = recognize(&Checkpoint::open(&path).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("conv.weight  F32") && error.contains("[2, 3]"),
        "{error}"
    );
}

/// A GCN whose norms have seen nothing could as well be GraphSAGE.
#[test]
fn what_cannot_be_told_is_asked_for() {
    let scratch = Scratch::new("ambiguous");
    let file = Checkpoint::open(fixtures().join("pretrain_gcn.pth")).unwrap();
    let read = |name: &String| {
        let tensor = file.read(name).unwrap();
        let is_count = name.ends_with("num_batches_tracked");
        let tensor = if is_count {
            tensor.zeros_like().unwrap()
        } else {
            tensor
        };
        (name.clone(), tensor)
    };
    let tensors: BTreeMap<_, _> = file.entries().keys().map(read).collect();
    let path = scratch.0.join("weights.safetensors");
    save_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let error = recognize(&Checkpoint::open(&path).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("GraphSAGE") && error.contains("--config"),
        "{error}"
    );
}

/// What only a configuration tells: chemprop's tensors with their head and scaler, or without; and a prefix of all names.
#[test]
fn a_configuration_describes_what_tensors_do_not_tell() {
    let scratch = Scratch::new("described");
    let save = |name: &str, prefix: &str| {
        let file = Checkpoint::open(fixtures().join(name)).unwrap();
        let read = |name: &String| (format!("{prefix}{name}"), file.read(name).unwrap());
        let tensors: BTreeMap<_, _> = file.entries().keys().map(read).collect();
        let path = scratch.0.join("weights.safetensors");
        save_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
        (
            recognize(&file).unwrap(),
            file,
            Checkpoint::open(&path).unwrap(),
        )
    };
    for (name, prefix) in [
        ("chemprop_regression.pt", ""),
        ("chemprop_classification.pt", ""),
        ("pretrain_gcn.pth", "gnn."),
        ("molclr_gin.pth", "encoder."),
        ("pretrain_gin.pth", "module.gnn."),
    ] {
        let (found, original, bare) = save(name, prefix);
        let (expected, _) = found.load(&original).unwrap();
        let described = Published::described(&bare, found.config.clone());
        let (store, _) = described.load(&bare).unwrap();
        let expected = expected.tensors();
        assert!(!expected.is_empty(), "{name}");
        for ((name, a), (other, b)) in expected.into_iter().zip(store.tensors()) {
            assert_eq!(name, other);
            let numbers = |x: &Tensor| {
                let flat = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
                flat.to_vec1::<f64>().unwrap()
            };
            assert_eq!(numbers(&a), numbers(&b), "{name}");
        }
    }
    let (found, _, bare) = save("chemprop_regression.pt", "");
    let alone = ModelConfig::encoder_only(found.config.encoder);
    let (store, report) = Published::described(&bare, alone).load(&bare).unwrap();
    assert!(
        store
            .tensors()
            .iter()
            .all(|(name, _)| name.starts_with("encoder."))
    );
    assert!(
        report
            .ignored
            .iter()
            .any(|(name, _)| name.starts_with("predictor.ffn"))
    );
}
