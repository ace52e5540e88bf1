//! Distillation whose loss divides the vectors of atoms by the spread of their elements.

use candle_core::Device;
use dd_train::{DistillConfig, LossTerm, PretrainConfig, Session, Teacher, distill, pretrain};

use crate::{molecules, tasks};

fn teacher() -> Teacher {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("balance");
    let _ = std::fs::remove_dir_all(&path);
    let folder = dd_train::RunFolder::open(&path, dd_train::Start::New).unwrap();
    let config = PretrainConfig {
        valid: 3,
        denoiser: tasks::teacher_config(),
        ..PretrainConfig::tiny(0, 2)
    };
    let mut session = Session {
        folder: Some(&folder),
        device: &Device::Cpu,
        observer: &mut dd_train::Silent,
    };
    pretrain(&config, &molecules::clouds(), &mut session).unwrap();
    Teacher::load(&path, &Device::Cpu).unwrap()
}

/// Validation losses after two steps: as they are, and balanced.
#[test]
fn a_balanced_loss_is_a_share_of_what_elements_leave() {
    let student = tasks::token_gt(24);
    let mut config = DistillConfig {
        valid: 3,
        ..DistillConfig::tiny(0, 2, LossTerm::node())
    };
    config.featurizer.laplacian = student.laplacian_columns();
    config.student = student;
    let pairs = molecules::pairs(config.featurizer.laplacian);
    let run = |config: &DistillConfig| {
        let mut silent = dd_train::Silent;
        let mut session = Session {
            folder: None,
            device: &Device::Cpu,
            observer: &mut silent,
        };
        let done = distill(config, teacher(), &pairs, &mut session);
        done.map(|(_, report)| report.kept.unwrap().score)
    };
    let plain = run(&config).unwrap();
    config.balance_elements = true;
    let balanced = run(&config).unwrap();
    // The teacher's vectors vary by less than 1 within an element, so that errors count for more.
    assert!(balanced > 1.5 * plain, "{balanced} balanced, {plain} plain");

    config.losses.push(LossTerm::graph());
    let message = run(&config).unwrap_err().to_string();
    assert!(
        message.contains("balance_elements: graph_mse_mean_pool is not over atoms"),
        "{message}"
    );
}
