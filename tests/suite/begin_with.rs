//! Pre-training and distillation that go on from a network that is there: its numbers are the first ones of the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use dd_encoder2d::{EncoderConfig, TokenGtConfig};
use dd_train::{
    DistillConfig, Length, LossTerm, PretrainConfig, RunFolder, Session, Silent, Start, Teacher,
    distill, pretrain,
};

use crate::{molecules, tasks};

fn root(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("begin-with")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn teacher(config: &PretrainConfig, path: &Path) -> Result<Vec<f32>, String> {
    let run = RunFolder::open(path, Start::Resume).unwrap();
    let mut session = Session {
        folder: Some(&run),
        device: &Device::Cpu,
        observer: &mut Silent,
    };
    let done = pretrain(config, &molecules::clouds(), &mut session);
    done.map_err(|error| error.to_string())?;
    Ok(weights(path))
}

fn student(config: &DistillConfig, teacher: &Path, path: &Path) -> Result<Vec<f32>, String> {
    let run = RunFolder::open(path, Start::Resume).unwrap();
    let mut session = Session {
        folder: Some(&run),
        device: &Device::Cpu,
        observer: &mut Silent,
    };
    let teacher = Teacher::load(teacher, &Device::Cpu).unwrap();
    let pairs = molecules::pairs(config.featurizer.laplacian);
    let done = distill(config, teacher, &pairs, &mut session);
    done.map_err(|error| error.to_string())?;
    Ok(weights(path))
}

/// The parameters of a folder's model, by their names, without the statistics of the noise; what is next to zero is zero.
fn weights(path: &Path) -> Vec<f32> {
    let tensors = candle_core::safetensors::load(path.join("model.safetensors"), &Device::Cpu);
    let tensors: BTreeMap<_, _> = tensors.unwrap().into_iter().collect();
    let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    { tensors.iter() }
        .filter(|(name, _)| !name.contains("pos_normalizer"))
        .flat_map(|(_, tensor)| numbers(tensor))
        .map(|x| if x.abs() < 1e-29 { 0.0 } else { x })
        .collect()
}

fn small_teacher(seed: u64) -> PretrainConfig {
    let mut config = PretrainConfig::tiny(seed, 2);
    config.valid = 3;
    config.denoiser = tasks::teacher_config();
    config
}

fn small_student(width: usize) -> DistillConfig {
    let student = TokenGtConfig {
        width,
        ffn_width: width,
        ..TokenGtConfig::student_64()
    };
    let mut config = DistillConfig {
        valid: 3,
        ..DistillConfig::tiny(3, 2, LossTerm::node())
    };
    config.featurizer.laplacian = student.node_identifiers.laplacian_columns();
    config.student = EncoderConfig::TokenGt(student);
    config
}

#[test]
fn a_teacher_begins_with_another() {
    let root = root("teacher");
    let first = root.join("first");
    let known = teacher(&small_teacher(1), &first).unwrap();
    // Another seed, and a step too small to change anything but parameters that are zero.
    let mut config = PretrainConfig {
        noise: dd_denoiser3d::GaussianNoise { sigma: 0.1 },
        ..PretrainConfig::tiny(2, 1)
    };
    config.valid = 3;
    config.begin_with(&first).unwrap();
    config.fit.optimizer.lr = 1e-30;
    assert!(teacher(&config, &root.join("second")).unwrap() == known);
    // It learns on from there.
    config.fit.optimizer.lr = 1e-3;
    assert!(teacher(&config, &root.join("third")).unwrap() != known);

    config.denoiser.num_heads = 2;
    let message = teacher(&config, &root.join("fourth")).unwrap_err();
    let said = "is another network: denoiser.num_heads was 4, now is 2";
    assert!(message.contains(said), "{message}");
}

#[test]
fn a_student_begins_with_another() {
    let root = root("student");
    let wise = root.join("wise");
    teacher(&small_teacher(1), &wise).unwrap();
    // Narrower than the teacher: the projection is not part of the model, and drawn anew.
    let first = root.join("first");
    let known = student(&small_student(16), &wise, &first).unwrap();
    let mut config = DistillConfig {
        valid: 3,
        ..DistillConfig::tiny(4, 1, LossTerm::graph())
    };
    config.begin_with(&first).unwrap();
    config.fit.optimizer.lr = 1e-30;
    assert!(student(&config, &wise, &root.join("second")).unwrap() == known);
    config.fit.optimizer.lr = 1e-3;
    config.fit.length = Length::Steps(3);
    let third = root.join("third");
    let done = student(&config, &wise, &third).unwrap();
    assert!(done != known);
    assert!(
        student(&config, &wise, &third).unwrap() == done,
        "it is over"
    );
    config.begin_with(&root.join("./first/")).unwrap();
    let spelt = student(&config, &wise, &third).unwrap();
    assert!(spelt == done, "the same place, spelt otherwise");

    // A finished run does not go on with other beginnings.
    std::fs::write(
        first.join("model.safetensors"),
        std::fs::read(third.join("model.safetensors")).unwrap(),
    )
    .unwrap();
    let message = student(&config, &wise, &third).unwrap_err();
    let said = "the model to begin with is another";
    assert!(message.contains(said), "{message}");

    config.student = small_student(32).student;
    let message = student(&config, &wise, &root.join("fourth")).unwrap_err();
    let said = "is another network: student.ffn_width was 16, now is 32";
    assert!(message.contains(said), "{message}");
}
