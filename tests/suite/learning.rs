//! Each task learns sixteen molecules by heart; the three steps run from folder to folder.

use std::path::PathBuf;

use candle_core::Device;
use dd_encoder2d::{Encoder, HeadConfig, ModelFolder};
use dd_graph::{AtomOrder, GraphBatch, Hydrogens, OgbConfig, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::{ParamStore, TensorFile};
use dd_train::tasks::Denoise;
use dd_train::{
    AdamWConfig, BatchConfig, Data, DistillConfig, Draw, FinetuneConfig, FitConfig, Keep, Labelled,
    LabelledData, Length, LossTerm, Losses, PretrainConfig, Result, RunFolder, ScheduleConfig,
    Session, Silent, Start, Student, Task, Teacher, distill, finetune, fit, pretrain,
};

use crate::{molecules, tasks};

fn config(steps: u64, lr: f64) -> FitConfig {
    FitConfig {
        seed: 1,
        length: Length::Steps(steps),
        batch: BatchConfig::Molecules(16),
        eval_batch: BatchConfig::Molecules(16),
        clip: Some(5.0),
        ema: None,
        keep: Keep::Last,
        validate_every: steps,
        patience: None,
        log_every: 1,
        checkpoint_every: None,
        optimizer: AdamWConfig::adam(lr),
        schedule: ScheduleConfig::WarmupCosine {
            warmup: 10,
            period: steps,
        },
    }
}

/// Steps of so many molecules.
fn config_of_batches(molecules: usize) -> FitConfig {
    FitConfig {
        batch: BatchConfig::Molecules(molecules),
        schedule: ScheduleConfig::Constant,
        ..config(1, 1e-3)
    }
}

/// Loss in evaluation before and after training on `examples`.
fn learn<T: Task>(task: &T, examples: &[T::Item], config: &FitConfig) -> (f64, f64) {
    let examples = examples.to_vec();
    let loss = || {
        let draw = Draw::eval(Key::from_seed(1));
        task.loss(&examples, draw).unwrap().value().unwrap()
    };
    let before = loss();
    let data = Data {
        train: &examples,
        valid: None,
    };
    fit(task, &data, config, None, &mut Silent).unwrap();
    (before, loss())
}

/// Denoising with the same noise in every epoch: what can be learned by heart.
struct SameNoise(Denoise);

impl Task for SameNoise {
    type Item = PointCloud;

    fn name(&self) -> &'static str {
        "same noise"
    }

    fn store(&self) -> &ParamStore {
        self.0.store()
    }

    fn loss(&self, batch: &[PointCloud], draw: Draw) -> Result<Losses> {
        let data = Key::from_seed(9);
        self.0.loss(batch, Draw { data, ..draw })
    }
}

#[test]
fn the_teacher_learns_the_noise_of_sixteen_molecules() {
    let task = SameNoise(tasks::denoise(&tasks::teacher_config()));
    // Let the statistics of the noise settle before the first loss is taken.
    let clouds = molecules::clouds();
    task.loss(&clouds, Draw::train(Key::from_seed(0), 0, 0))
        .unwrap();
    let (before, after) = learn(&task, &clouds, &config(400, 5e-3));
    assert!(before > 0.8 && after < 0.1 * before, "{before} {after}");
}

#[test]
fn students_learn_the_teacher_on_sixteen_molecules() {
    // Two layers of GIN give equivalent atoms equal vectors, whereas the teacher sees them in different places.
    let students = [
        (tasks::token_gt(32), 0.1),
        (tasks::token_gt(24), 0.1),
        (tasks::gin(32), 0.3),
    ];
    for (student, bound) in students {
        let task = tasks::distill(&student, &tasks::store(7).frozen());
        let pairs = molecules::pairs(student.laplacian_columns());
        let (before, after) = learn(&task, &pairs, &config(300, 5e-3));
        assert!(after < bound * before, "{student:?}: {before} {after}");
    }
}

#[test]
fn sixteen_graphs_and_their_conformers_recognise_each_other() {
    for student in [tasks::token_gt(32), tasks::gin(32)] {
        let task = tasks::contrast(&student);
        let pairs = molecules::pairs(student.laplacian_columns());
        let (before, after) = learn(&task, &pairs, &config(150, 3e-3));
        // Of sixteen, chance is ln 15 = 2.7.
        assert!(before > 2.0 && after < 0.1, "{student:?}: {before} {after}");
    }
}

#[test]
fn models_learn_the_labels_of_sixteen_molecules() {
    for encoder in [tasks::token_gt(32), tasks::gin(32)] {
        let task = tasks::finetune(&encoder, HeadConfig::Linear);
        let labelled = molecules::labelled(encoder.laplacian_columns());
        let (before, after) = learn(&task, &labelled, &config(300, 5e-3));
        assert!(after < 0.1 * before, "{encoder:?}: {before} {after}");
    }
}

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("learning")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn three_steps_from_folder_to_folder() {
    let root = folder("three-steps");
    let open = |name: &str| RunFolder::open(root.join(name), Start::New).unwrap();
    let mut silent = Silent;
    let device = Device::Cpu;
    let steps = 12;

    let teacher_folder = open("teacher");
    let config = PretrainConfig {
        valid: 3,
        denoiser: tasks::teacher_config(),
        ..PretrainConfig::tiny(0, steps)
    };
    let mut session = Session {
        folder: Some(&teacher_folder),
        device: &device,
        observer: &mut silent,
    };
    pretrain(&config, &molecules::clouds(), &mut session).unwrap();

    let student_folder = open("student");
    let student = tasks::token_gt(24);
    let laplacian = student.laplacian_columns();
    let config = DistillConfig {
        valid: 3,
        featurizer: OgbConfig {
            hydrogens: Hydrogens::Remove,
            laplacian,
            order: AtomOrder::AsWritten,
        },
        student,
        ..DistillConfig::tiny(0, steps, LossTerm::node())
    };
    session.folder = Some(&student_folder);
    let teacher = Teacher::load(teacher_folder.path(), &device).unwrap();
    distill(&config, teacher, &molecules::pairs(laplacian), &mut session).unwrap();
    let weights = TensorFile::open(student_folder.path().join("model.safetensors")).unwrap();
    assert!(
        weights
            .entries()
            .keys()
            .all(|name| name.starts_with("encoder."))
    );

    let models = open("models");
    let mut config = FinetuneConfig::regression();
    config.seeds = vec![0, 1];
    config.selection = None;
    config.fit.length = Length::Epochs(3);
    session.folder = Some(&models);
    let labelled = molecules::labelled(laplacian);
    let (train, rest) = (labelled[..10].to_vec(), labelled[10..].to_vec());
    let targets = tasks::targets();
    let data = LabelledData {
        targets: &targets,
        train: &train,
        valid: &rest,
        test: &rest,
    };
    let start = Student::Folder(student_folder.path());
    let report = finetune(&config, &start, &data, &mut session).unwrap();
    assert_eq!(report.runs.len(), 2);
    assert_eq!(report.runs[0].predictions.len(), rest.len());
    assert!(report.summary["mae"].mean.is_finite());
    assert_ne!(report.runs[0].predictions, report.runs[1].predictions);
    for seed in ["seed-0", "seed-1"] {
        let encoder = Encoder::from_pretrained(models.path().join(seed)).unwrap();
        assert!(encoder.embed_smiles(&["CCO"])[0].is_ok());
    }
    let predictor = ModelFolder::open(models.path().join("seed-0")).unwrap();
    let store = tasks::store(99);
    let model = predictor.config().build_predictor(&store).unwrap();
    predictor.load(&store).unwrap();
    let graphs: Vec<_> = rest.iter().map(|one| one.graph.clone()).collect();
    let batch = GraphBatch::collate(&graphs, &device).unwrap();
    let predictions = model.predict(&batch).unwrap();
    assert_eq!(predictions.row(0).to_vec(), report.runs[0].predictions[0]);
    // The fine-tuned model is a student in its turn.
    let again = open("again");
    session.folder = Some(&again);
    let first = models.path().join("seed-0");
    finetune(&config, &Student::Folder(&first), &data, &mut session).unwrap();
}

#[test]
fn a_batch_norm_over_molecules_trains_on_any_number_of_them() {
    let config = dd_encoder2d::DMpnnConfig {
        width: 8,
        batch_norm: true,
        ..dd_encoder2d::DMpnnConfig::chemprop()
    };
    let encoder = dd_encoder2d::EncoderConfig::DMpnn(config);
    let featurizer = dd_graph::FeaturizerConfig::Chemprop(dd_graph::ChempropConfig::v2()).build();
    let labelled = molecules::labelled(None)
        .into_iter()
        .zip(molecules::molecules());
    let labelled = labelled.map(|(one, molecule)| Labelled {
        graph: dd_graph::MolGraph {
            record: one.graph.record,
            ..featurizer.featurize(&molecule).unwrap()
        },
        labels: one.labels,
    });
    let five: Vec<Labelled> = labelled.take(5).collect();
    let task = tasks::finetune(&encoder, HeadConfig::Linear);
    let mut config = config_of_batches(4);
    config.length = Length::Epochs(3);
    let data = Data {
        train: &five,
        valid: None,
    };
    let report = fit(&task, &data, &config, None, &mut Silent).unwrap();
    assert_eq!(
        report.step, 3,
        "the fifth molecule is not a batch of its own"
    );
}

#[test]
fn a_validation_batch_without_labels_weighs_nothing() {
    let task = tasks::finetune(&tasks::gin(8), HeadConfig::Linear);
    let known = molecules::labelled(None);
    let mut mixed = known.clone();
    let mut blank = known[0].clone();
    blank.labels.fill(f32::NAN);
    mixed.insert(3, blank);
    let batch = BatchConfig::Molecules(1);
    let score = |source: &Vec<Labelled>| {
        let evaluation = task.evaluate(source, &batch, Key::from_seed(1)).unwrap();
        evaluation.score
    };
    assert!(score(&known).is_finite());
    assert_eq!(score(&mixed), score(&known));
}
