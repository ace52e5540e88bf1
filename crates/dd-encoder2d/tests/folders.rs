//! Model folders: what is written is read, what is damaged is refused by name, rows fail alone.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::{
    Encoder, EncoderConfig, GinConfig, HeadConfig, ModelConfig, ModelFolder, Target, TokenGtConfig,
    save_model,
};
use dd_graph::{AtomOrder, GraphBatch, MolGraph};
use dd_nn::{ParamStore, save_tensors};

/// A folder of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("dd-encoder2d-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn configs() -> Vec<ModelConfig> {
    let targets = vec![
        Target::regression("gap", Some("eV")),
        Target::binary("toxic"),
    ];
    let small = TokenGtConfig {
        width: 16,
        num_heads: 2,
        num_layers: 1,
        ffn_width: 16,
        ..TokenGtConfig::student_64()
    };
    let gin = GinConfig {
        width: 8,
        num_layers: 2,
        dropout: 0.0,
    };
    let token_gt = ModelConfig::encoder_only(EncoderConfig::TokenGt(small));
    vec![
        token_gt.clone(),
        token_gt.with_head(HeadConfig::TOKEN_GT, targets.clone()),
        ModelConfig::encoder_only(EncoderConfig::Gin(gin)).with_head(HeadConfig::Linear, targets),
    ]
}

fn written(config: &ModelConfig, folder: &Path) -> ParamStore {
    let store = ParamStore::new(9, DType::F32, &Device::Cpu);
    if config.head.is_some() {
        config.build_predictor(&store).unwrap();
    } else {
        config.build_encoder(&store.root()).unwrap();
    }
    let extra = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    store
        .root()
        .pp("projection")
        .get_from("weight", &extra)
        .unwrap();
    save_model(folder, config, &store, Some("# Card\n")).unwrap();
    store
}

#[test]
fn what_is_written_is_read() {
    for (number, config) in configs().iter().enumerate() {
        let scratch = Scratch::new(&format!("round-{number}"));
        let store = written(config, &scratch.0);
        let folder = ModelFolder::open(&scratch.0).unwrap();
        assert_eq!(folder.config(), config);
        let loaded = Encoder::from_pretrained(&scratch.0).unwrap();
        let here = Encoder::on_store(config, &store).unwrap();
        let smiles = ["CC(=O)Oc1ccccc1C(=O)O", "C", "CC.O"];
        for (a, b) in loaded
            .embed_smiles(&smiles)
            .into_iter()
            .zip(here.embed_smiles(&smiles))
        {
            assert_eq!(a.unwrap(), b.unwrap());
        }
        if config.head.is_some() {
            let other = ParamStore::new(1, DType::F32, &Device::Cpu);
            let predictor = config.build_predictor(&other).unwrap();
            folder.load(&other).unwrap();
            let molecule = dd_mol::smiles::parse("CCO").unwrap();
            let graph = config.build_featurizer().featurize(&molecule).unwrap();
            let batch = GraphBatch::collate(&[graph], &Device::Cpu).unwrap();
            let expected = config
                .build_predictor(&store)
                .unwrap()
                .predict(&batch)
                .unwrap();
            assert_eq!(predictor.predict(&batch).unwrap(), expected);
            assert!((0.0..=1.0).contains(&expected[(0, 1)]));
        }
    }
}

#[test]
fn an_encoder_is_read_from_below_the_head_of_another() {
    let scratch = Scratch::new("other-head");
    let config = configs().remove(2);
    let config = config.with_head(HeadConfig::TOKEN_GT, vec![Target::binary("toxic")]);
    let store = written(&config, &scratch.0);
    let loaded = Encoder::from_pretrained(&scratch.0).unwrap();
    let here = Encoder::on_store(&config, &store).unwrap();
    let [a, b] = [loaded, here].map(|encoder| encoder.embed_smiles(&["CCO"]).remove(0).unwrap());
    assert_eq!(a, b);
}

#[test]
fn a_model_replaces_another_with_its_card() {
    let scratch = Scratch::new("replaced");
    let [first, second, _] = configs().try_into().unwrap();
    written(&first, &scratch.0);
    let store = ParamStore::new(9, DType::F32, &Device::Cpu);
    second.build_predictor(&store).unwrap();
    save_model(&scratch.0, &second, &store, None).unwrap();
    let left = std::fs::read_dir(&scratch.0).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["config.json", "model.safetensors"]);
    // A folder stands where the configuration belongs: nothing else is replaced.
    let weights = std::fs::read(scratch.0.join("model.safetensors")).unwrap();
    std::fs::remove_file(scratch.0.join("config.json")).unwrap();
    let in_the_way = format!("config.json.{}.tmp", std::process::id());
    std::fs::create_dir(scratch.0.join(in_the_way)).unwrap();
    let other = ParamStore::new(3, DType::F32, &Device::Cpu);
    second.build_predictor(&other).unwrap();
    assert!(save_model(&scratch.0, &second, &other, Some("# Card\n")).is_err());
    assert_eq!(
        std::fs::read(scratch.0.join("model.safetensors")).unwrap(),
        weights
    );
    assert!(!scratch.0.join("README.md").exists());
}

#[test]
fn a_missing_a_foreign_and_a_mis_shaped_tensor_are_listed() {
    let scratch = Scratch::new("damaged");
    let config = &configs()[2];
    let mut tensors: BTreeMap<String, Tensor> = written(config, &scratch.0).tensors();
    tensors.remove("encoder.gnns.0.eps").unwrap();
    tensors.remove("projection.weight").unwrap();
    let wrong = Tensor::zeros((3, 8), DType::F32, &Device::Cpu).unwrap();
    tensors.insert("encoder.gnns.1.mlp.3.bias".into(), wrong.clone());
    tensors.insert("encoder.gnns.7.eps".into(), wrong);
    save_tensors(
        scratch.0.join("model.safetensors"),
        &tensors,
        &BTreeMap::new(),
    )
    .unwrap();
    let message = Encoder::from_pretrained(&scratch.0)
        .err()
        .unwrap()
        .to_string();
    for fault in [
        "missing: encoder.gnns.0.eps",
        "unexpected: encoder.gnns.7.eps",
        "mis-shaped: encoder.gnns.1.mlp.3.bias: expected [8], got [3, 8]",
    ] {
        assert!(message.contains(fault), "{message}");
    }
}

#[test]
fn damaged_and_hostile_files_are_errors() {
    let scratch = Scratch::new("hostile");
    written(&configs()[0], &scratch.0);
    let weights = scratch.0.join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let huge_header = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let huge_tensor =
        br#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}"#;
    let length = (huge_tensor.len() as u64).to_le_bytes();
    let huge_tensor = [&length[..], huge_tensor, &[0; 4]].concat();
    for bytes in [
        &whole[..whole.len() - 1],
        &whole[..100],
        b"",
        &huge_header,
        &huge_tensor,
    ] {
        std::fs::write(&weights, bytes).unwrap();
        assert!(
            Encoder::from_pretrained(&scratch.0).is_err(),
            "{} bytes",
            bytes.len()
        );
    }
    std::fs::write(&weights, whole).unwrap();
    assert!(Encoder::from_pretrained(&scratch.0).is_ok());
    let config = scratch.0.join("config.json");
    std::fs::write(&config, "{\"schema\": 1").unwrap();
    let error = Encoder::from_pretrained(&scratch.0)
        .unwrap_err()
        .to_string();
    let start = format!("{}: EOF", config.display());
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn a_description_takes_no_more_memory_than_its_weights() {
    let scratch = Scratch::new("vast");
    written(&configs()[0], &scratch.0);
    let config = scratch.0.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    for (field, value) in [
        ("num_layers", "1000000000000"),
        ("ffn_width", "1000000000"),
        ("width", "20000000000000"),
    ] {
        let start = text.find(&format!("\"{field}\"")).unwrap() + field.len() + 2;
        let start = start + text[start..].find(':').unwrap() + 1;
        let end = start + text[start..].find([',', '\n']).unwrap();
        let vast = [&text[..start], value, &text[end..]].concat();
        std::fs::write(&config, vast).unwrap();
        let message = Encoder::from_pretrained(&scratch.0)
            .unwrap_err()
            .to_string();
        let said = "asks for more numbers than there may be";
        assert!(message.contains(said), "{field}: {message}");
    }
}

#[test]
fn an_absent_model_says_where_was_looked() {
    let message = Encoder::from_pretrained("no-such-model")
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("'no-such-model'") && message.contains("config.json"),
        "{message}"
    );
}

#[test]
fn a_molecule_alone_has_the_bits_that_it_has_in_a_batch() {
    let token_gt = TokenGtConfig {
        width: 128,
        num_heads: 4,
        num_layers: 2,
        ffn_width: 128,
        ..TokenGtConfig::student_64()
    };
    let gin = GinConfig {
        width: 128,
        num_layers: 3,
        dropout: 0.0,
    };
    for encoder in [EncoderConfig::TokenGt(token_gt), EncoderConfig::Gin(gin)] {
        let encoder = Encoder::untrained(&ModelConfig::encoder_only(encoder), 0).unwrap();
        let smiles = [
            "C",
            "CC",
            "O",
            "CCO",
            "CC(=O)Oc1ccccc1C(=O)O",
            "c1ccccc1",
            "[Na+].[Cl-]",
        ];
        let together = encoder.embed_smiles(&smiles);
        for (smiles, together) in smiles.iter().zip(together) {
            let alone = encoder.embed_smiles(&[*smiles]).remove(0).unwrap();
            assert!(alone == together.unwrap(), "{smiles}");
        }
    }
}

#[test]
fn rows_fail_alone_and_in_order() {
    let encoder = Encoder::untrained(&configs()[0], 0).unwrap();
    let rows = encoder.embed_smiles(&["CCO", "C1CC", "", "c1ccccc1", "C[Xx]", "CCO"]);
    let lengths: Vec<Option<usize>> = rows
        .iter()
        .map(|row| row.as_ref().ok().map(|embedding| embedding.atoms.nrows()))
        .collect();
    assert_eq!(lengths, [Some(3), None, None, Some(6), None, Some(3)]);
    let error = rows[1].as_ref().unwrap_err();
    assert_eq!((error.row, error.kind_name()), (1, "unclosed-ring"));
    assert_eq!(error.span(), Some(1..2));
    assert!(error.to_string().contains("C1CC\n ^"), "{error}");
    let (first, last) = (rows[0].as_ref().unwrap(), rows[5].as_ref().unwrap());
    assert_eq!(first, last, "the same molecule twice");
}

#[test]
fn a_store_that_does_not_hold_the_model_is_not_written() {
    let folder = Scratch::new("not-whole");
    let config = &configs()[0];
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    config.encoder.build(&store.root()).unwrap(); // and not below `encoder`
    let error = save_model(&folder.0, config, &store, None).unwrap_err();
    assert!(error.to_string().contains("below `encoder`"), "{error}");
    assert!(!folder.0.exists());
}

#[test]
fn in_canonical_order_spellings_agree() {
    let encoder = Encoder::untrained(&configs()[0], 0).unwrap();
    let canonical = encoder.with_order(AtomOrder::Canonical).unwrap();
    let rows = canonical.embed_smiles(&["C[C@H](N)C(=O)O", "OC([C@H](C)N)=O"]);
    let [a, b] = [0, 1].map(|row| rows[row].as_ref().unwrap());
    assert_eq!(a.graph, b.graph);
    let nothing = GraphBatch::collate::<MolGraph>(&[], &Device::Cpu).unwrap();
    assert!(canonical.embed_batch(&nothing).unwrap().is_empty());
}
