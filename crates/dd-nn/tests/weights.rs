//! Loading and saving: strictness, hostile files, half precision, equal bytes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use dd_nn::{
    Init, LoadOptions, NameMap, NnError, NonFinite, ParamStore, TensorFile, load_safetensors,
    load_tensors, save_tensors,
};
use proptest::prelude::*;

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("weights");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn store() -> ParamStore {
    let store = ParamStore::new(1, DType::F32, &Device::Cpu);
    let root = store.root();
    root.get((2, 3), "layer.weight", Init::Normal { std: 1.0 })
        .unwrap();
    root.get(2, "layer.bias", Init::Constant(0.0)).unwrap();
    let mean = Tensor::new(&[5_f32], &Device::Cpu).unwrap();
    root.buffer("norm.mean", &mean).unwrap();
    store
}

fn values(store: &ParamStore, name: &str) -> Vec<f32> {
    let tensor = &store.tensors()[name];
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn what_is_saved_is_loaded_and_saved_again_as_the_same_bytes() {
    let (a, b) = (scratch("a.safetensors"), scratch("b.safetensors"));
    let metadata: BTreeMap<String, String> = (0..9)
        .map(|i| (format!("key {i}"), format!("\"{i}\"")))
        .collect();
    save_tensors(&a, &store().tensors(), &metadata).unwrap();
    let other = ParamStore::new(2, DType::F32, &Device::Cpu);
    other
        .root()
        .get((2, 3), "layer.weight", Init::Constant(0.0))
        .unwrap();
    other
        .root()
        .get(2, "layer.bias", Init::Constant(1.0))
        .unwrap();
    other
        .root()
        .buffer("norm.mean", &Tensor::new(&[0_f32], &Device::Cpu).unwrap())
        .unwrap();
    let report = load_safetensors(&other, &a, &LoadOptions::strict()).unwrap();
    assert_eq!(report.loaded, ["layer.bias", "layer.weight", "norm.mean"]);
    assert_eq!(values(&other, "norm.mean"), [5.0]);
    assert_eq!(
        values(&other, "layer.weight"),
        values(&store(), "layer.weight")
    );
    assert_eq!(TensorFile::open(&a).unwrap().metadata(), &metadata);
    save_tensors(&b, &other.tensors(), &metadata).unwrap();
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
}

#[test]
fn other_readers_accept_our_files() {
    let path = scratch("other-reader.safetensors");
    save_tensors(&path, &store().tensors(), &BTreeMap::new()).unwrap();
    let theirs = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let weight = theirs["layer.weight"].flatten_all().unwrap();
    assert_eq!(
        weight.to_vec1::<f32>().unwrap(),
        values(&store(), "layer.weight")
    );
}

#[test]
fn every_misfit_is_listed_by_name_and_nothing_changes() {
    let path = scratch("misfit.safetensors");
    let tensors = BTreeMap::from([
        (
            "layer.weight".to_string(),
            Tensor::zeros((3, 2), DType::F32, &Device::Cpu).unwrap(),
        ),
        (
            "layer.bias".to_string(),
            Tensor::ones(2, DType::F32, &Device::Cpu).unwrap(),
        ),
        (
            "extra".to_string(),
            Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
        ),
    ]);
    save_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let store = store();
    let error = load_safetensors(&store, &path, &LoadOptions::strict()).unwrap_err();
    let text = error.to_string();
    for line in [
        "missing: norm.mean",
        "unexpected: extra",
        "mis-shaped: layer.weight: expected [2, 3], got [3, 2]",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(values(&store, "layer.bias"), [0.0, 0.0]);
}

#[test]
fn names_are_mapped_and_permissions_are_reported() {
    let tensors = BTreeMap::from([
        (
            "model.fc.weight".to_string(),
            Tensor::ones((2, 3), DType::BF16, &Device::Cpu).unwrap(),
        ),
        (
            "model.fc.bias".to_string(),
            Tensor::ones(2, DType::F16, &Device::Cpu).unwrap(),
        ),
        (
            "optimizer.step".to_string(),
            Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
        ),
    ]);
    let names = NameMap::identity()
        .ignore("optimizer", "not a weight")
        .strip_prefix("model.")
        .replace_prefix("fc.", "layer.");
    let options = LoadOptions::strict()
        .with_names(names)
        .may_miss("norm", "statistics are gathered anew");
    let store = store();
    let report = load_tensors(&store, "memory", &tensors, &options).unwrap();
    assert_eq!(values(&store, "layer.weight"), [1.0; 6]);
    assert_eq!(
        report.kept,
        [("norm.mean".into(), "statistics are gathered anew".into())]
    );
    assert_eq!(
        report.ignored,
        [("optimizer.step".into(), "not a weight".into())]
    );
}

#[test]
fn two_names_for_one_parameter_are_an_error() {
    let one = Tensor::ones(2, DType::F32, &Device::Cpu).unwrap();
    let tensors = BTreeMap::from([
        ("a.layer.bias".to_string(), one.clone()),
        ("layer.bias".into(), one),
    ]);
    let options = LoadOptions::strict().with_names(NameMap::identity().strip_prefix("a."));
    let error = load_tensors(&store(), "memory", &tensors, &options).unwrap_err();
    assert!(matches!(error, NnError::NameCollision { .. }), "{error}");
}

#[test]
fn values_that_are_not_finite_are_refused_unless_allowed() {
    let mut tensors = store().tensors();
    let bad = Tensor::new(&[0_f32, f32::NAN], &Device::Cpu).unwrap();
    tensors.insert("layer.bias".into(), bad);
    let mut options = LoadOptions::strict();
    let error = load_tensors(&store(), "memory", &tensors, &options).unwrap_err();
    assert!(
        matches!(
            error,
            NnError::NonFinite {
                count: 1,
                position: 1,
                ..
            }
        ),
        "{error}"
    );
    options.non_finite = NonFinite::Allow;
    load_tensors(&store(), "memory", &tensors, &options).unwrap();
}

#[test]
fn values_too_large_for_the_parameters_are_not_finite() {
    let bias = |dtype| {
        let values = Tensor::new(&[0_f64, 1e6], &Device::Cpu).unwrap();
        let values = (values.to_dtype(dtype).unwrap() * 1e2).unwrap();
        BTreeMap::from([("bias".to_string(), values)])
    };
    for (file, here, fits) in [
        (DType::F32, DType::F16, false),
        (DType::F64, DType::F16, false),
        (DType::F32, DType::F32, true),
    ] {
        let store = ParamStore::new(1, here, &Device::Cpu);
        store.root().get(2, "bias", Init::Constant(0.5)).unwrap();
        let loaded = load_tensors(&store, "memory", &bias(file), &LoadOptions::strict());
        assert_eq!(loaded.is_ok(), fits, "{file:?} into {here:?}: {loaded:?}");
        let kept = store.tensors()["bias"].to_dtype(DType::F32).unwrap();
        assert_eq!(
            kept.to_vec1::<f32>().unwrap()[0],
            if fits { 0.0 } else { 0.5 }
        );
    }
    let huge = Tensor::new(&[0_f64, 1e300], &Device::Cpu).unwrap();
    let mut tensors = store().tensors();
    tensors.insert("layer.bias".into(), huge);
    let error = load_tensors(&store(), "memory", &tensors, &LoadOptions::strict()).unwrap_err();
    assert!(
        matches!(
            error,
            NnError::NonFinite {
                count: 1,
                position: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn integers_become_no_floating_point_parameter() {
    let mut tensors = store().tensors();
    let integers = Tensor::new(&[1_i64, 2], &Device::Cpu).unwrap();
    tensors.insert("layer.bias".into(), integers);
    let error = load_tensors(&store(), "memory", &tensors, &LoadOptions::strict()).unwrap_err();
    assert!(matches!(error, NnError::ElementType { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("layer.bias has element type i64"),
        "{error}"
    );
}

fn open_bytes(name: &str, bytes: &[u8]) -> Result<TensorFile, NnError> {
    let path = scratch(name);
    std::fs::write(&path, bytes).unwrap();
    TensorFile::open(path)
}

fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn hostile_files_give_errors() {
    let overflow = format!(
        r#"{{"a":{{"dtype":"F32","shape":[{0},{0}],"data_offsets":[0,8]}}}}"#,
        u64::MAX
    );
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", vec![], "fewer than the 8"),
        ("short", vec![1, 2, 3], "fewer than the 8"),
        (
            "long-header",
            u64::MAX.to_le_bytes().to_vec(),
            "the header claims",
        ),
        ("no-json", with_header("{", 0), "not a valid"),
        ("overflow", with_header(&overflow, 8), "not a valid"),
        (
            "gap",
            with_header(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                8,
            ),
            "not a valid",
        ),
        (
            "truncated",
            with_header(
                r#"{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}"#,
                20,
            ),
            "describes 36 bytes of data, the file holds 20",
        ),
        (
            "trailing",
            with_header(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                9,
            ),
            "describes 4 bytes of data, the file holds 9",
        ),
    ];
    for (name, bytes, expected) in cases {
        let error = open_bytes(name, &bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_header_beyond_the_limit_is_not_read() {
    let path = scratch("sparse.safetensors");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40)
        .unwrap_or_else(|_| file.set_len(1 << 30).unwrap());
    std::io::Write::write_all(&mut &file, &(1_u64 << 29).to_le_bytes()).unwrap();
    let error = TensorFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("more than the limit"), "{error}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_pytorch_file_beyond_the_limit_says_what_to_do() {
    let path = scratch("sparse.pt");
    let file = std::fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut &file, b"PK\x03\x04").unwrap();
    if file.set_len((8 << 30) + 1).is_ok() {
        let error = dd_nn::Checkpoint::open(&path).unwrap_err();
        assert!(matches!(error, NnError::TooLarge { .. }), "{error}");
    }
    std::fs::remove_file(path).unwrap();
}

proptest! {
    #[test]
    fn damaged_files_never_panic(seed in 0_usize..1000, position in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let path = scratch("whole.safetensors");
        if !path.exists() {
            save_tensors(&path, &store().tensors(), &BTreeMap::new()).unwrap();
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if cut {
            bytes.truncate(position);
        }
        let damaged = scratch(&format!("damaged-{}", seed % 4));
        std::fs::write(&damaged, bytes).unwrap();
        // Either an error or a load of finite numbers; never a panic.
        let fresh = store();
        if load_safetensors(&fresh, &damaged, &LoadOptions::strict()).is_ok() {
            prop_assert!(fresh.tensors().keys().all(|name| values(&fresh, name).iter().all(|v| v.is_finite())));
        }
    }
}
