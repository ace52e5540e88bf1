//! Distillation whose loss divides the vectors of atoms by the spread of their elements.

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::EquivariantTransformer;
use dd_distill::{Alignment, DistillError, DistillLoss, SpreadCount};
use dd_kernels::rng::Key;
use dd_nn::Representation;
use dd_train::tasks::Distill;
use dd_train::{
    DistillConfig, Draw, LossTerm, Pair, PretrainConfig, Session, Task, Teacher, distill, pretrain,
};

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

/// What a loss is shown: the student's rows and the teacher's.
type Shown = Arc<Mutex<[Vec<Vec<f32>>; 2]>>;

struct Listens(Shown);

impl DistillLoss for Listens {
    fn name(&self) -> &'static str {
        "listens"
    }

    fn loss(
        &self,
        student: &Representation,
        teacher: &Representation,
        _: &Alignment,
    ) -> Result<Tensor, DistillError> {
        *self.0.lock().unwrap() = [student.nodes.to_vec2()?, teacher.nodes.to_vec2()?];
        Ok(student.nodes.sqr()?.mean_all()?)
    }

    fn num_terms(&self, alignment: &Alignment) -> usize {
        alignment.num_pairs()
    }
}

/// Of one student and one teacher, whose atoms stand in the opposite order; balanced where there is a count.
fn shown(batch: &[Pair], count: Option<&SpreadCount>) -> [Vec<Vec<f32>>; 2] {
    let (store, frozen) = (tasks::store(2), tasks::store(7).frozen());
    let teacher = EquivariantTransformer::new(&tasks::teacher_config(), &frozen.root()).unwrap();
    let student = tasks::gin(32).build(&store.root()).unwrap();
    let shown = Shown::default();
    let terms: Vec<(f64, Box<dyn DistillLoss>)> = vec![(1.0, Box::new(Listens(shown.clone())))];
    let mut task = Distill::new(student, &store, (Box::new(teacher), DType::F32), terms).unwrap();
    if let Some(count) = count {
        task = task.balanced(count.spread(DType::F32, &Device::Cpu).unwrap());
    }
    task.loss(batch, Draw::eval(Key::from_seed(0))).unwrap();
    let rows = shown.lock().unwrap();
    rows.clone()
}

/// Every row of either side is divided by the spread of its own element.
#[test]
fn atoms_are_divided_by_the_spread_of_their_element() {
    let mut batch = molecules::pairs(None);
    for pair in &mut batch {
        pair.cloud.atomic_numbers.reverse();
        pair.cloud.positions.reverse();
        pair.cloud.atom_index.reverse();
    }
    // Many atoms of every element, so that each is measured by itself: element z varies by z / 10.
    let mut count = SpreadCount::default();
    for number in 1..=17_u8 {
        for atom in 0..20_000 {
            let sign = if atom % 2 == 0 { 0.1 } else { -0.1 };
            count.add(number, (0..32).map(|_| sign * f64::from(number)));
        }
    }
    let [student, teacher] = shown(&batch, None);
    let [balanced_student, balanced_teacher] = shown(&batch, Some(&count));
    let check = |plain: &[Vec<f32>], balanced: &[Vec<f32>], numbers: &[u8]| {
        assert_eq!(
            (plain.len(), balanced.len()),
            (numbers.len(), numbers.len())
        );
        for ((plain, balanced), &number) in plain.iter().zip(balanced).zip(numbers) {
            for (x, y) in plain.iter().zip(balanced) {
                let expected = 10.0 * x / f32::from(number);
                assert!(
                    (y - expected).abs() <= 0.02 * expected.abs() + 1e-6,
                    "{number}: {x} {y}"
                );
            }
        }
    };
    let numbers = batch
        .iter()
        .flat_map(|pair| pair.cloud.atomic_numbers.clone());
    check(&teacher, &balanced_teacher, &numbers.collect::<Vec<u8>>());
    let numbers = batch.iter().flat_map(|pair| {
        let mut numbers = pair.cloud.atomic_numbers.clone();
        numbers.reverse();
        numbers
    });
    check(&student, &balanced_student, &numbers.collect::<Vec<u8>>());
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
