//! A teacher's answers in a file: the same student comes out, and the answers of another teacher are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dd_graph::OgbConfig;
use dd_train::{
    BatchConfig, Data, DistillConfig, Length, LossTerm, Pair, PretrainConfig, RunFolder, Session,
    Silent, Start, Teacher, distill_on, pretrain,
};

use crate::{molecules, tasks};

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("teacher-cache")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn teacher(root: &Path, seed: u64) -> PathBuf {
    let path = root.join(format!("teacher-{seed}"));
    let run = RunFolder::open(&path, Start::New).unwrap();
    let mut config = PretrainConfig::tiny(seed, 2);
    config.valid = 3;
    config.denoiser = tasks::teacher_config();
    let mut session = Session {
        folder: Some(&run),
        device: &Device::Cpu,
        observer: &mut Silent,
    };
    pretrain(&config, &molecules::clouds(), &mut session).unwrap();
    path
}

/// The student's parameters after five steps, or why there are none.
fn student(
    root: &Path,
    name: &str,
    (teacher, pairs, cache): (&Path, &[Pair], Option<&Path>),
) -> Result<PathBuf, String> {
    let path = root.join(name);
    let run = RunFolder::open(&path, Start::New).unwrap();
    let mut config = DistillConfig {
        cache_teacher: false,
        featurizer: OgbConfig::heavy_atoms(),
        student: tasks::gin(32),
        ..DistillConfig::tiny(3, 5, LossTerm::node())
    };
    config.losses.push(LossTerm::graph());
    config.fit.length = Length::Steps(5);
    config.fit.batch = BatchConfig::Molecules(5);
    let (train, valid) = (pairs[..12].to_vec(), pairs[12..].to_vec());
    let data = Data {
        train: &train,
        valid: Some(&valid),
    };
    let teacher = Teacher::load(teacher, &Device::Cpu).unwrap();
    let mut session = Session {
        folder: Some(&run),
        device: &Device::Cpu,
        observer: &mut Silent,
    };
    let done = distill_on(&config, teacher, &data, cache, &mut session);
    done.map(|_| path).map_err(|error| error.to_string())
}

fn parameters(folder: &Path) -> Vec<f32> {
    let tensors = candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu);
    let mut tensors: Vec<_> = tensors.unwrap().into_iter().collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let flat = |tensor: &candle_core::Tensor| {
        let single = tensor.to_dtype(candle_core::DType::F32).unwrap();
        single.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    tensors
        .iter()
        .flat_map(|(_, tensor)| flat(tensor))
        .collect()
}

/// Loss and gradient of the first step.
fn first_step(folder: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let value = |name: &str| (name.to_string(), line[name].as_f64().unwrap());
    ["loss", "gradient_norm"].map(value).into()
}

#[test]
fn the_student_is_the_same_with_and_without() {
    let root = folder("same");
    let (teacher, pairs) = (teacher(&root, 1), molecules::pairs(None));
    let cache = root.join("answers");
    let run = |name: &str, cache: Option<&Path>| {
        parameters(&student(&root, name, (&teacher, &pairs, cache)).unwrap())
    };
    let without = run("without", None);
    let first = run("first", Some(&cache));
    let size = std::fs::metadata(&cache).unwrap().len();
    let second = run("second", Some(&cache));
    assert_eq!(first, second);
    assert_eq!(
        std::fs::metadata(&cache).unwrap().len(),
        size,
        "the file is only read"
    );
    assert!(without.len() > 1000 && without.len() == first.len());
    // The teacher sees other batches when its answers are kept: the last bits may differ, and Adam then blows up what is next to zero.
    // So the first loss and its gradient are compared.
    let [a, b] = ["without", "first"].map(|name| first_step(&root.join(name)));
    for (quantity, a) in &a {
        let b = b[quantity];
        assert!((a - b).abs() <= 1e-5 * a.abs(), "{quantity}: {a} {b}");
    }
    let account = std::fs::read_to_string(root.join("second/account.json")).unwrap();
    let account: serde_json::Value = serde_json::from_str(&account).unwrap();
    let heavy: usize = pairs[12..].iter().map(|pair| pair.graph.num_nodes()).sum();
    assert_eq!(account["nodes"]["count"], heavy);
    assert_eq!(account["graphs"]["count"], 4);
    assert!(account["by_element"]["C"]["trivial"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_answer_that_has_changed_on_the_disk_is_refused() {
    let root = folder("damaged");
    let (teacher, pairs) = (teacher(&root, 1), molecules::pairs(None));
    let cache = root.join("answers");
    student(&root, "whole", (&teacher, &pairs, Some(&cache))).unwrap();
    let mut bytes = std::fs::read(&cache).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&cache, bytes).unwrap();
    let error = student(&root, "damaged", (&teacher, &pairs, Some(&cache))).unwrap_err();
    assert!(error.contains("are damaged"), "{error}");
}

#[test]
fn the_answers_of_others_are_refused() {
    let root = folder("others");
    let (one, two) = (teacher(&root, 1), teacher(&root, 2));
    let pairs = molecules::pairs(None);
    let cache = root.join("answers");
    student(&root, "first", (&one, &pairs, Some(&cache))).unwrap();
    let refused = |name: &str, teacher: &Path, pairs: &[Pair]| {
        let error = student(&root, name, (teacher, pairs, Some(&cache))).unwrap_err();
        assert!(error.contains("answers"), "{error}");
        error
    };
    assert!(refused("another-teacher", &two, &pairs).contains("another teacher"));
    // The same numbers under another cap of neighbours are another teacher, though no tensor says so.
    let near = root.join("near");
    std::fs::create_dir_all(&near).unwrap();
    let text = std::fs::read_to_string(one.join("config.json")).unwrap();
    let capped = text.replace("\"max_num_neighbors\": 32", "\"max_num_neighbors\": 3");
    assert_ne!(capped, text);
    std::fs::write(near.join("config.json"), capped).unwrap();
    std::fs::copy(
        one.join("model.safetensors"),
        near.join("model.safetensors"),
    )
    .unwrap();
    assert!(refused("another-cap", &near, &pairs).contains("another teacher"));
    let mut twice = pairs.clone();
    twice[13].cloud.record = twice[2].cloud.record;
    let message = student(&root, "twice", (&one, &twice, Some(&cache))).unwrap_err();
    assert!(message.contains("two conformers"), "{message}");
    let mut moved = pairs.clone();
    moved[3].cloud.positions[0][1] += 0.01;
    assert!(refused("other-conformers", &one, &moved).contains("other conformers"));
    let bytes = std::fs::read(&cache).unwrap();
    std::fs::write(&cache, &bytes[..bytes.len() - 100]).unwrap();
    assert!(refused("cut", &one, &pairs).contains("cut"));
    // The first row of the second molecule, as a huge number.
    let mut damaged = bytes;
    damaged[56 + 24 + 8 + 7] = 0x7f;
    std::fs::write(&cache, &damaged).unwrap();
    assert!(refused("damaged", &one, &pairs).contains("damaged"));
}
