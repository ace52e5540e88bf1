//! Twenty steps are ten, a checkpoint and ten on another number of threads, bit for bit, for each of the three recipes.

use std::path::{Path, PathBuf};

use candle_core::Device;
use dd_graph::{AtomOrder, Hydrogens, OgbConfig};
use dd_train::{
    DistillConfig, Event, FinetuneConfig, Flow, LabelledData, Length, LossTerm, PretrainConfig,
    RunFolder, Session, Start, Student, Teacher, distill, finetune, pretrain,
};

use crate::{molecules, tasks};

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("resume")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// Every file below a folder with its content.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push((entry.clone(), std::fs::read(entry).unwrap()));
        }
    }
    found.sort();
    found
}

fn same_files(a: &Path, b: &Path) {
    let (left, right) = (files(a), files(b));
    assert!(left.len() >= 6 && left.len() == right.len());
    for ((name, content), (other, other_content)) in left.iter().zip(&right) {
        assert_eq!(name.strip_prefix(a), other.strip_prefix(b));
        assert!(content == other_content, "{} differs", name.display());
    }
}

/// Runs `recipe` once whole, and once stopped after ten steps and taken up again with more threads.
fn check(name: &str, recipe: impl Fn(&mut Session<'_>) + Sync) {
    let (whole, parts) = (
        folder(&format!("{name}-whole")),
        folder(&format!("{name}-parts")),
    );
    let run = |path: &Path, stop: Option<u64>| {
        let folder = RunFolder::open(path, Start::Resume).unwrap();
        let mut watch = |event: &Event<'_>| match event {
            Event::Step { step, .. } if Some(step + 1) == stop => Flow::Stop,
            _ => Flow::Continue,
        };
        recipe(&mut Session {
            folder: Some(&folder),
            device: &Device::Cpu,
            observer: &mut watch,
        });
    };
    let with_threads = |threads: usize, path: &Path, stop: Option<u64>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| run(path, stop));
    };
    with_threads(2, &whole, None);
    with_threads(1, &parts, Some(10));
    with_threads(3, &parts, None);
    same_files(&whole, &parts);
}

fn pretrain_config() -> PretrainConfig {
    let mut config = PretrainConfig::tiny(3, 20);
    config.valid = 3;
    config.denoiser = tasks::teacher_config();
    config.fit.batch = dd_train::BatchConfig::Molecules(5);
    config
}

#[test]
fn pretraining_resumes_bit_for_bit() {
    check("pretrain", |session| {
        pretrain(&pretrain_config(), &molecules::clouds(), session).unwrap();
    });
}

#[test]
fn distillation_resumes_bit_for_bit() {
    let teacher = folder("teacher");
    let run = RunFolder::open(&teacher, Start::New).unwrap();
    let mut config = pretrain_config();
    config.fit.length = Length::Steps(2);
    let mut session = Session {
        folder: Some(&run),
        device: &Device::Cpu,
        observer: &mut dd_train::Silent,
    };
    pretrain(&config, &molecules::clouds(), &mut session).unwrap();
    // With dropout, stochastic depth, sign flips and, at this width, a projection.
    let student = dd_encoder2d::EncoderConfig::TokenGt(dd_encoder2d::TokenGtConfig {
        width: 16,
        ffn_width: 16,
        ..dd_encoder2d::TokenGtConfig::student_64()
    });
    let laplacian = student.laplacian_columns();
    let plain = DistillConfig {
        cache_teacher: false,
        ..DistillConfig::tiny(3, 20, LossTerm::graph())
    };
    let cached = DistillConfig {
        cache_teacher: true,
        ..plain.clone()
    };
    let balanced = DistillConfig {
        balance_elements: true,
        losses: vec![LossTerm::node()],
        ..plain.clone()
    };
    for (name, config) in [
        ("distill", plain),
        ("distill-cached", cached),
        ("distill-balanced", balanced),
    ] {
        let mut config = DistillConfig {
            valid: 3,
            featurizer: OgbConfig {
                hydrogens: Hydrogens::Remove,
                laplacian,
                order: AtomOrder::AsWritten,
            },
            student: student.clone(),
            ..config
        };
        config.fit.batch = dd_train::BatchConfig::Tokens(90);
        config.fit.ema = Some(0.9);
        check(name, |session| {
            let teacher = Teacher::load(&teacher, &Device::Cpu).unwrap();
            distill(&config, teacher, &molecules::pairs(laplacian), session).unwrap();
        });
    }
}

#[test]
fn fine_tuning_resumes_bit_for_bit() {
    // Batch statistics are part of the state.
    let encoder = tasks::gin(16);
    let labelled = molecules::labelled(None);
    let (train, rest) = (labelled[..11].to_vec(), labelled[11..].to_vec());
    let targets = tasks::targets();
    let mut config = FinetuneConfig::regression();
    config.seeds = vec![4, 5];
    config.selection = None;
    config.fit.length = Length::Epochs(10);
    config.fit.batch = dd_train::BatchConfig::Molecules(6);
    check("finetune", |session| {
        let data = LabelledData {
            targets: &targets,
            train: &train,
            valid: &rest,
            test: &rest,
        };
        let student = Student::Scratch {
            encoder: encoder.clone(),
            featurizer: OgbConfig::heavy_atoms().into(),
        };
        finetune(&config, &student, &data, session).unwrap();
    });
}

/// The folder of a run refuses other settings, another teacher and other data, and stays as it is.
#[test]
fn a_folder_belongs_to_one_run() {
    let trained = |name: &str, config: &PretrainConfig, clouds: &[dd_graph::PointCloud]| {
        let run = RunFolder::open(name, Start::Resume).unwrap();
        let mut session = Session {
            folder: Some(&run),
            device: &Device::Cpu,
            observer: &mut dd_train::Silent,
        };
        pretrain(config, &clouds.to_vec(), &mut session).map(|_| ())
    };
    let clouds = molecules::clouds();
    let config = PretrainConfig {
        fit: dd_train::FitConfig {
            length: Length::Steps(2),
            ..pretrain_config().fit
        },
        ..pretrain_config()
    };
    let (teacher, other) = (folder("owned"), folder("owned-other"));
    let [teacher, other] = [&teacher, &other].map(|path| path.to_str().unwrap());
    trained(teacher, &config, &clouds).unwrap();
    let before = files(Path::new(teacher));
    let refused = |config: &PretrainConfig, clouds: &[dd_graph::PointCloud], reason: &str| {
        let message = trained(teacher, config, clouds).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
        assert!(before == files(Path::new(teacher)));
    };
    let mut changed = config.clone();
    changed.fit.optimizer.lr = 0.5;
    refused(&changed, &clouds, "fit.optimizer.lr was");
    let mut moved = clouds.clone();
    moved[5].positions[0][0] += 1e-3;
    refused(&config, &moved, "data is another");
    // Its model is worth as much without the checkpoint.
    std::fs::remove_file(Path::new(teacher).join("checkpoint.safetensors")).unwrap();
    let lost = files(Path::new(teacher));
    let message = trained(teacher, &changed, &clouds).unwrap_err().to_string();
    assert!(message.contains("fit.optimizer.lr was"), "{message}");
    assert!(lost == files(Path::new(teacher)));
    trained(teacher, &config, &clouds).unwrap();
    assert!(before == files(Path::new(teacher)));

    // A student knows its teacher.
    changed.fit.seed = 9;
    trained(other, &changed, &clouds).unwrap();
    let student = folder("owned-student");
    let taught = |teacher: &str| {
        let run = RunFolder::open(&student, Start::Resume).unwrap();
        let mut session = Session {
            folder: Some(&run),
            device: &Device::Cpu,
            observer: &mut dd_train::Silent,
        };
        let config = DistillConfig {
            valid: 3,
            ..DistillConfig::tiny(3, 2, LossTerm::node())
        };
        let laplacian = config.featurizer.laplacian;
        let teacher = Teacher::load(teacher, &Device::Cpu).unwrap();
        distill(&config, teacher, &molecules::pairs(laplacian), &mut session).map(|_| ())
    };
    taught(teacher).unwrap();
    let before = files(&student);
    let message = taught(other).unwrap_err().to_string();
    assert!(message.contains("the teacher is another"), "{message}");
    assert!(before == files(&student));
    taught(teacher).unwrap();
}
