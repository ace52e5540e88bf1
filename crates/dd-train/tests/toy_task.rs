//! The loop on a task of one linear layer, written as someone outside the workspace would write it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Module, Tensor};
use dd_nn::{Buffer, Init, Linear, ParamStore, dropout};
use dd_train::{
    AdamWConfig, BatchConfig, Data, Draw, Event, Example, FitConfig, Flow, Keep, Length, Losses,
    PatienceConfig, Result, RunFolder, ScheduleConfig, Silent, Start, StopReason, Task, TrainError,
    fit,
};

#[derive(Clone)]
struct Point {
    x: [f32; 3],
    y: f32,
    record: u64,
}

impl Example for Point {
    fn cost(&self) -> usize {
        1
    }

    fn record(&self) -> u64 {
        self.record
    }
}

struct Toy {
    store: ParamStore,
    layer: Linear,
    unused: Tensor,
    seen: Buffer,
    excused: bool,
}

impl Toy {
    fn new() -> Self {
        let store = ParamStore::new(3, DType::F32, &Device::Cpu);
        let root = store.root();
        Self {
            layer: Linear::new(3, 1, Init::XavierUniform, &root.pp("layer")).unwrap(),
            unused: root.get(1, "unused", Init::Constant(0.0)).unwrap(),
            seen: root
                .buffer("seen", &Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap())
                .unwrap(),
            store,
            excused: true,
        }
    }
}

impl Task for Toy {
    type Item = Point;

    fn name(&self) -> &'static str {
        "toy"
    }

    fn store(&self) -> &ParamStore {
        &self.store
    }

    fn loss(&self, batch: &[Point], draw: Draw) -> Result<Losses> {
        let x: Vec<f32> = batch.iter().flat_map(|point| point.x).collect();
        let y: Vec<f32> = batch.iter().map(|point| point.y).collect();
        let x = Tensor::from_vec(x, (batch.len(), 3), &Device::Cpu)?;
        let y = Tensor::from_vec(y, (batch.len(), 1), &Device::Cpu)?;
        let x = dropout(&x, 0.1, draw.mode)?;
        if draw.mode.key().is_some() {
            self.seen.set(&(self.seen.tensor() + batch.len() as f64)?)?;
        }
        let total = (self.layer.forward(&x)? - y)?.sqr()?.mean_all()?;
        Ok(Losses {
            parts: vec![("mse".into(), f64::from(total.to_scalar::<f32>()?))],
            total,
            weight: batch.len() as f64,
        })
    }

    fn without_gradient(&self, name: &str) -> Option<&'static str> {
        let _ = &self.unused;
        (self.excused && name == "unused").then_some("the toy's spare wheel")
    }
}

fn points() -> Vec<Point> {
    let key = dd_kernels::rng::Key::from_seed(1);
    let point = |record: u64| {
        let x = [0, 1, 2].map(|i| key.normal(3 * record + i) as f32);
        let y = 2.0 * x[0] - x[1] + 0.5;
        Point { x, y, record }
    };
    (0..37).map(point).collect()
}

fn config() -> FitConfig {
    FitConfig {
        seed: 5,
        length: Length::Steps(20),
        batch: BatchConfig::Molecules(8),
        eval_batch: BatchConfig::Tokens(10),
        clip: Some(1.0),
        ema: Some(0.9),
        keep: Keep::Last,
        validate_every: 1,
        patience: None,
        log_every: 1,
        checkpoint_every: None,
        optimizer: AdamWConfig {
            weight_decay: 0.01,
            ..AdamWConfig::adam(0.05)
        },
        schedule: ScheduleConfig::WarmupCosine {
            warmup: 3,
            period: 20,
        },
    }
}

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("toy")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn run(path: &Path, config: &FitConfig, stop_after: Option<u64>) -> Result<StopReason> {
    let points = points();
    let (train, valid) = (points[..29].to_vec(), points[29..].to_vec());
    let data = Data {
        train: &train,
        valid: Some(&valid),
    };
    let folder = RunFolder::open(path, Start::Resume)?;
    let mut watch = |event: &Event<'_>| match event {
        Event::Step { step, .. } if Some(step + 1) == stop_after => Flow::Stop,
        _ => Flow::Continue,
    };
    Ok(fit(&Toy::new(), &data, config, Some(&folder), &mut watch)?.reason)
}

fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_interrupted_run_leaves_the_files_of_an_uninterrupted_one() {
    for keep in [Keep::Last, Keep::Best] {
        let config = FitConfig {
            keep,
            ema: (keep == Keep::Last).then_some(0.9),
            ..config()
        };
        let whole = folder(&format!("whole-{keep:?}"));
        assert_eq!(run(&whole, &config, None).unwrap(), StopReason::Length);
        // 29 points make 4 batches: 8 ends an epoch, 10 is inside one, 20 is the end itself.
        for stop in [1, 8, 10, 19, 20] {
            let parts = folder(&format!("parts-{keep:?}-{stop}"));
            assert_eq!(
                run(&parts, &config, Some(stop)).unwrap(),
                StopReason::Observer
            );
            assert_eq!(run(&parts, &config, None).unwrap(), StopReason::Length);
            assert!(files(&whole) == files(&parts), "after a stop at {stop}");
        }
    }
}

#[test]
fn lines_written_after_the_last_checkpoint_disappear_on_resume() {
    let (whole, broken) = (folder("lines-whole"), folder("lines-broken"));
    run(&whole, &config(), None).unwrap();
    run(&broken, &config(), Some(7)).unwrap();
    let log = broken.join("metrics.jsonl");
    let mut text = std::fs::read_to_string(&log).unwrap();
    text.push_str("{\"split\":\"train\",\"half a li");
    std::fs::write(&log, text).unwrap();
    run(&broken, &config(), None).unwrap();
    assert_eq!(files(&whole), files(&broken));

    // Of a run without any checkpoint all lines go.
    let early = folder("lines-early");
    std::fs::create_dir_all(&early).unwrap();
    std::fs::write(early.join("metrics.jsonl"), "{\"split\":\"train\"}\n").unwrap();
    run(&early, &config(), None).unwrap();
    assert_eq!(files(&whole), files(&early));
}

#[test]
fn a_run_learns_and_a_finished_run_is_not_trained_again() {
    let path = folder("learns");
    let config = FitConfig {
        length: Length::Epochs(60),
        ema: None,
        keep: Keep::Best,
        schedule: ScheduleConfig::Constant,
        ..config()
    };
    run(&path, &config, None).unwrap();
    let text = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    let losses: Vec<f64> = text
        .lines()
        .filter(|line| line.contains("\"valid\""))
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert_eq!(losses.len(), 60);
    assert!(losses[59] < 0.05 * losses[0], "{losses:?}");
    let before = files(&path);
    assert_eq!(run(&path, &config, None).unwrap(), StopReason::Length);
    assert_eq!(before, files(&path));
}

#[test]
fn a_run_interrupted_after_its_last_checkpoint_leaves_the_parameters_to_be_kept() {
    for keep in [Keep::Last, Keep::Best] {
        let config = FitConfig {
            keep,
            ema: (keep == Keep::Last).then_some(0.9),
            ..config()
        };
        let whole = folder(&format!("kept-{keep:?}"));
        let cut = folder(&format!("kept-{keep:?}-cut"));
        let run_in = RunFolder::open(&whole, Start::Resume).unwrap();
        // The folder as it is at each checkpoint; the last one is written when the run is over.
        let mut copy = |event: &Event<'_>| {
            if let Event::Checkpointed { folder, .. } = event {
                std::fs::create_dir_all(&cut).unwrap();
                for (name, content) in files(folder) {
                    std::fs::write(cut.join(name), content).unwrap();
                }
            }
            Flow::Continue
        };
        let points = points();
        let (train, valid) = (points[..29].to_vec(), points[29..].to_vec());
        let data = Data {
            train: &train,
            valid: Some(&valid),
        };
        fit(&Toy::new(), &data, &config, Some(&run_in), &mut copy).unwrap();
        if keep == Keep::Last {
            // The moving average is not the last parameters; the best ones may be.
            assert_ne!(files(&whole), files(&cut));
        }
        assert_eq!(run(&cut, &config, None).unwrap(), StopReason::Length);
        assert_eq!(files(&whole), files(&cut));
    }
}

#[test]
fn choices_that_need_validation_are_refused_without_it() {
    let points = points();
    let data = Data {
        train: &points,
        valid: None,
    };
    let patience = Some(PatienceConfig {
        validations: 3,
        min_epochs: 0,
    });
    let plateau = ScheduleConfig::ReduceOnPlateau {
        warmup: 0,
        factor: 0.5,
        patience: 1,
        min: 0.0,
    };
    let base = FitConfig {
        ema: None,
        ..config()
    };
    let (mut best, mut stopping, mut reducing) = (base.clone(), base.clone(), base);
    best.keep = Keep::Best;
    stopping.patience = patience;
    reducing.schedule = plateau;
    for (config, field) in [
        (best, "fit.keep"),
        (stopping, "fit.patience"),
        (reducing, "fit.schedule"),
    ] {
        let error = fit(&Toy::new(), &data, &config, None, &mut Silent).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn more_steps_move_the_end_of_a_schedule_that_ended_with_the_run() {
    let mut config = config();
    config.set_steps(40);
    assert_eq!(config.length, Length::Steps(40));
    let ends = |period| ScheduleConfig::WarmupCosine { warmup: 3, period };
    assert_eq!(config.schedule, ends(40));
    config.schedule = ends(15);
    config.set_steps(50);
    assert_eq!(config.schedule, ends(15));
    // A warm-up that would outlast the run keeps its share of it.
    config.length = Length::Steps(15);
    config.set_steps(10);
    assert_eq!(config.schedule, ends(10));
    config.schedule = ScheduleConfig::WarmupCosine {
        warmup: 4,
        period: 10,
    };
    config.set_steps(3);
    assert_eq!(
        config.schedule,
        ScheduleConfig::WarmupCosine {
            warmup: 1,
            period: 3
        }
    );
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let path = folder("other");
    run(&path, &config(), Some(3)).unwrap();
    let other = FitConfig {
        seed: 6,
        ..config()
    };
    let error = run(&path, &other, None).unwrap_err();
    assert!(matches!(error, TrainError::Resume { .. }), "{error}");
    assert!(matches!(
        RunFolder::open(&path, Start::New),
        Err(TrainError::Occupied { step: 3, .. })
    ));
}

#[test]
fn a_run_that_ends_while_it_writes_goes_on() {
    let whole = folder("whole");
    run(&whole, &config(), None).unwrap();
    let cut = folder("cut");
    run(&cut, &config(), Some(3)).unwrap();
    // The model was written, the checkpoint not yet; and a file was begun.
    std::fs::copy(
        whole.join("model.safetensors"),
        cut.join("model.safetensors"),
    )
    .unwrap();
    std::fs::write(cut.join(".checkpoint.safetensors.1.tmp"), "x").unwrap();
    run(&cut, &config(), None).unwrap();
    for file in [
        "model.safetensors",
        "checkpoint.safetensors",
        "metrics.jsonl",
    ] {
        let [whole, cut] = [&whole, &cut].map(|folder| std::fs::read(folder.join(file)).unwrap());
        assert!(whole == cut, "{file}");
    }
    std::fs::write(cut.join("checkpoint.safetensors"), "{}").unwrap();
    let error = run(&cut, &config(), None).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors"), "{error}");
}

fn train_on(task: &Toy, points: &[Point], config: &FitConfig) -> Result<dd_train::FitReport> {
    let train = points.to_vec();
    let data = Data {
        train: &train,
        valid: Some(&train),
    };
    fit(task, &data, config, None, &mut Silent)
}

#[test]
fn a_parameter_without_gradient_stops_the_run_at_once() {
    let task = Toy {
        excused: false,
        ..Toy::new()
    };
    let error = train_on(&task, &points(), &config()).unwrap_err();
    assert!(
        matches!(&error, TrainError::NoGradient { names } if names == &["unused"]),
        "{error}"
    );
}

#[test]
fn a_loss_that_is_not_finite_names_step_records_and_gradient() {
    let mut points = points();
    points[11].y = f32::INFINITY;
    let error = train_on(&Toy::new(), &points, &config()).unwrap_err();
    let TrainError::NonFinite {
        records, largest, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(records.contains(&11));
    assert!(largest.starts_with("layer."), "{largest}");
}

#[test]
fn patience_ends_a_run_that_no_longer_improves() {
    let config = FitConfig {
        length: Length::Epochs(500),
        ema: None,
        keep: Keep::Best,
        schedule: ScheduleConfig::Constant,
        patience: Some(PatienceConfig {
            validations: 3,
            min_epochs: 10,
        }),
        ..config()
    };
    let report = train_on(&Toy::new(), &points(), &config).unwrap();
    assert_eq!(report.reason, StopReason::Patience);
    assert!(report.epoch >= 10 && report.epoch < 500, "{report:?}");
    assert!(report.best.unwrap().epoch < report.epoch);
}

#[test]
fn an_empty_training_set_is_an_error() {
    assert!(matches!(
        train_on(&Toy::new(), &[], &config()),
        Err(TrainError::Empty { .. })
    ));
}
