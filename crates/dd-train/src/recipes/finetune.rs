//! Step 3 from a configuration, a student and labels to models with scores, one for each seed.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::DType;
use dd_encoder2d::{EncoderConfig, HeadConfig, ModelFolder, RegressionLoss, Target, TargetKind};
use dd_eval::{Metric, Summary};
use dd_graph::FeaturizerConfig;
use dd_nn::ParamStore;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::adamw::AdamWConfig;
use crate::batch::BatchConfig;
use crate::config::{FitConfig, Keep, Length, first_repeated};
use crate::error::{Result, TrainError};
use crate::fit::{Data, FitReport, fit};
use crate::folder::{RunFolder, Start, write_json};
use crate::observer::{Event, Flow};
use crate::recipes::{identity, student_model};
use crate::schedule::ScheduleConfig;
use crate::session::Session;
use crate::source::{Labelled, Source, Subset};
use crate::state::StopReason;
use crate::task::fetch;
use crate::tasks::{FineTune, labels, score};

/// Configuration of [`finetune`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneConfig {
    /// One model is trained for each.
    pub seeds: Vec<u64>,
    /// Loss of regression targets.
    pub regression: RegressionLoss,
    /// Whether regression targets are standardised for training. Predictions and scores are in the targets' units.
    pub standardize: bool,
    /// What chooses the best epoch: this metric on the validation set, or the loss there.
    pub selection: Option<Metric>,
    /// What is reported on the test set.
    pub metrics: Vec<Metric>,
    /// Whether the classes of binary targets count by their number.
    #[serde(default, skip_serializing_if = "ClassWeights::is_none")]
    pub class_weights: ClassWeights,
    /// The head.
    pub head: HeadConfig,
    /// Learning rate of the encoder as a share of the head's; 0 keeps the encoder as it is.
    #[serde(default = "full", skip_serializing_if = "is_full")]
    pub encoder_rate: f64,
    /// The run; its seed is replaced by each of `seeds`.
    pub fit: FitConfig,
}

pub(crate) fn full() -> f64 {
    1.0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
pub(crate) fn is_full(rate: &f64) -> bool {
    *rate == 1.0
}

/// How much the entries of the two classes of a binary target count in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// As they are: probabilities mean what they say.
    #[default]
    None,
    /// `n / (2 n_c)` for each of the `n_c` training labels of a class among `n`, so that both classes count the same (G. King
    /// and L. Zeng, Political Analysis 9 (2001) 137, with shares of one half). Probabilities then rank molecules, but are no
    /// longer frequencies.
    Balanced,
}

impl ClassWeights {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that serde wants"
    )]
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The weights of labels 0 and 1 of each target; none at all without weights.
    pub(crate) fn of(self, labels: &Array2<f32>, targets: &[Target]) -> Vec<[f64; 2]> {
        if self == Self::None {
            return Vec::new();
        }
        let weights = |(column, target): (ndarray::ArrayView1<'_, f32>, &Target)| {
            let count = |class: f32| column.iter().filter(|&&y| y == class).count() as f64;
            let (zero, one) = (count(0.0), count(1.0));
            if target.kind != TargetKind::Binary || zero * one == 0.0 {
                return [1.0, 1.0];
            }
            let half = f64::midpoint(zero, one);
            [half / zero, half / one]
        };
        labels
            .columns()
            .into_iter()
            .zip(targets)
            .map(weights)
            .collect()
    }
}

impl FinetuneConfig {
    /// The defaults for what the paper leaves open: linear head, L1, Adam at 1e-4, batches of 32, 100 epochs, the epoch
    /// with the best validation, 5 seeds. They lie between 3DInfomax (`HannesStark/3DInfomax`, commit 5cd3262) and
    /// MoleculeSDE (`chao1224/MoleculeSDE`, commit 06f84c8), whose fine-tuning the paper follows.
    pub fn regression() -> Self {
        Self {
            seeds: (0..5).collect(),
            regression: RegressionLoss::L1,
            standardize: true,
            selection: Some(Metric::Mae),
            metrics: vec![Metric::Mae, Metric::Rmse],
            class_weights: ClassWeights::None,
            head: HeadConfig::Linear,
            encoder_rate: 1.0,
            fit: FitConfig {
                seed: 0,
                length: Length::Epochs(100),
                batch: BatchConfig::Molecules(32),
                eval_batch: BatchConfig::Tokens(16_384),
                clip: Some(5.0),
                ema: None,
                keep: Keep::Best,
                validate_every: 1,
                patience: None,
                log_every: 10,
                checkpoint_every: None,
                optimizer: AdamWConfig::adam(1e-4),
                schedule: ScheduleConfig::Constant,
            },
        }
    }

    /// The run of one seed.
    fn of_seed(&self, seed: u64) -> Self {
        let mut config = self.clone();
        config.seeds = vec![seed];
        config.fit.seed = seed;
        config
    }

    /// [`FinetuneConfig::regression`] for binary targets: cross entropy, ROC-AUC averaged over the targets.
    pub fn binary() -> Self {
        Self {
            selection: Some(Metric::RocAuc),
            metrics: vec![Metric::RocAuc, Metric::AveragePrecision],
            ..Self::regression()
        }
    }
}

/// The student to start from.
#[derive(Debug, Clone)]
pub enum Student<'a> {
    /// Random parameters, another draw for each seed.
    Scratch {
        /// The encoder.
        encoder: EncoderConfig,
        /// How molecules become its input.
        featurizer: FeaturizerConfig,
    },
    /// A folder of [`distill`](crate::distill()), of an earlier fine-tuning, or of converted weights.
    Folder(&'a Path),
}

/// The three parts of a labelled data set.
pub struct LabelledData<'a> {
    /// What the labels are.
    pub targets: &'a [Target],
    /// For fitting.
    pub train: &'a dyn Source<Item = Labelled>,
    /// For choosing the epoch.
    pub valid: &'a dyn Source<Item = Labelled>,
    /// For reporting; may be empty.
    pub test: &'a dyn Source<Item = Labelled>,
}

/// What came out of [`finetune`].
#[derive(Debug, Clone, Serialize)]
pub struct FinetuneReport {
    /// The targets.
    pub targets: Vec<Target>,
    /// Training examples left out because none of their labels is there.
    pub without_label: usize,
    /// Whether an observer stopped it before all seeds were done; it goes on where it stands when called again.
    pub stopped: bool,
    /// One entry per seed.
    pub runs: Vec<SeedRun>,
    /// Mean and spread over the seeds of each metric that has a value for every seed.
    pub summary: BTreeMap<String, Summary>,
}

/// One model.
#[derive(Debug, Clone, Serialize)]
pub struct SeedRun {
    /// Its seed.
    pub seed: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Epoch whose parameters were kept.
    pub best_epoch: Option<u64>,
    /// Validation score of that epoch.
    pub valid: Option<f64>,
    /// Scores on the test set.
    pub test: Vec<TestScore>,
    /// Predictions for the test set, `[R][T]`, in its order and in the targets' units.
    pub predictions: Vec<Vec<f64>>,
}

/// A metric on the test set.
#[derive(Debug, Clone, Serialize)]
pub struct TestScore {
    /// The metric.
    pub metric: Metric,
    /// Its value, averaged over the targets.
    pub value: Option<f64>,
    /// Why it has none.
    pub undefined: Option<String>,
}

/// Trains one model per seed, keeps the epoch with the best validation, and scores it on the test set.
///
/// With a session folder, seed `s` has the run folder `seed-s`, which `dd-encoder2d` loads, and `report.json` holds the
/// report.
///
/// # Errors
/// When the configuration describes no run, or a run fails (see [`fit()`]).
pub fn finetune(
    config: &FinetuneConfig,
    student: &Student<'_>,
    data: &LabelledData<'_>,
    session: &mut Session<'_>,
) -> Result<FinetuneReport> {
    check_seeds(&config.seeds)?;
    let is_pretrained = matches!(student, Student::Folder(_));
    check_encoder_rate(config.encoder_rate, is_pretrained)?;
    config.fit.validate()?;
    let all: Vec<usize> = (0..data.train.len()).collect();
    let examples = fetch(data.train, &all)?;
    let columns = data.targets.len();
    let known = |one: &Labelled| one.labels.iter().any(|label| !label.is_nan());
    let kept: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&i| known(&examples[i]))
        .collect();
    let without_label = all.len() - kept.len();
    let kept_examples: Vec<Labelled> = kept.iter().map(|&i| examples[i].clone()).collect();
    let train_labels = labels(&kept_examples, columns)?;
    let train = Subset::new(data.train, kept)?;
    let mut runs = Vec::with_capacity(config.seeds.len());
    let mut stopped = false;
    for (index, &seed) in config.seeds.iter().enumerate() {
        let count = config.seeds.len();
        stopped = session.tell(&Event::Run { index, count, seed }) == Flow::Stop;
        if stopped {
            break;
        }
        let folder = session
            .folder
            .map(|folder| {
                RunFolder::open(folder.path().join(format!("seed-{seed}")), Start::Resume)
            })
            .transpose()?;
        let mut run = Session {
            folder: folder.as_ref(),
            device: session.device,
            observer: session.observer,
        };
        let parts = Data {
            train: &train,
            valid: Some(data.valid),
        };
        let config = config.of_seed(seed);
        let task = prepare(
            &config,
            student,
            data.targets,
            (&parts, &train_labels),
            &mut run,
        )?;
        let report = fit(&task, &parts, &config.fit, run.folder, run.observer)?;
        stopped = report.reason == StopReason::Observer;
        if stopped {
            break;
        }
        runs.push(test(&config, &task, data, (seed, &report))?);
    }
    let report = FinetuneReport {
        targets: data.targets.to_vec(),
        without_label,
        stopped,
        summary: summary(&config.metrics, &runs)?,
        runs,
    };
    if let Some(folder) = session.folder {
        folder.write_resolved(config)?;
        if !stopped {
            write_json(&folder.path().join("report.json"), &report)?;
        }
    }
    Ok(report)
}

/// Refuses seeds that would be trained twice.
pub(crate) fn check_seeds(seeds: &[u64]) -> Result<()> {
    if seeds.is_empty() {
        return Err(TrainError::config("seeds", "at least one seed is needed"));
    }
    match first_repeated(seeds) {
        Some(seed) => Err(TrainError::config(
            "seeds",
            format!("{seed} is there twice"),
        )),
        None => Ok(()),
    }
}

/// Refuses rates that are none, and an encoder that would stay random.
pub(crate) fn check_encoder_rate(rate: f64, is_pretrained: bool) -> Result<()> {
    let wrong = |reason: String| Err(TrainError::config("encoder_rate", reason));
    if !(rate >= 0.0 && rate.is_finite()) {
        return wrong(format!("must not be negative, got {rate}"));
    }
    if rate == 0.0 && !is_pretrained {
        return wrong("an encoder from scratch knows nothing yet: it must learn".into());
    }
    Ok(())
}

/// The model of one seed, and its folder.
fn prepare(
    config: &FinetuneConfig,
    student: &Student<'_>,
    targets: &[Target],
    (data, train_labels): (&Data<'_, Labelled>, &Array2<f32>),
    session: &mut Session<'_>,
) -> Result<FineTune> {
    let store = ParamStore::new(config.fit.seed, DType::F32, session.device);
    let model = match student {
        Student::Scratch {
            encoder,
            featurizer,
        } => student_model(encoder, featurizer)?,
        Student::Folder(path) => {
            let folder = ModelFolder::open(path)?;
            // The encoder's parameters come into being here, so that they can be loaded before there is a head.
            folder.config().build_encoder(&store.root())?;
            folder.load_encoder(&store)?;
            folder.config().clone()
        }
    };
    let model = model.with_head(config.head, targets.to_vec());
    let predictor = model.build_predictor(&store)?;
    if config.standardize && targets.iter().any(|t| t.kind == TargetKind::Regression) {
        predictor.scaler().fit(train_labels, targets)?;
    }
    if let Some(folder) = session.folder {
        let (of_data, description) = (identity(config, data)?, model.to_json()?);
        folder.claim(&of_data.with_network("model to begin with", &description, &store)?)?;
        folder.write_resolved(config)?;
        folder.write_config_text(&description)?;
    }
    Ok(
        FineTune::new(predictor, &store, config.regression, config.selection)
            .with_class_weights(config.class_weights.of(train_labels, targets))
            .with_encoder_rate(config.encoder_rate),
    )
}

fn test(
    config: &FinetuneConfig,
    task: &FineTune,
    data: &LabelledData<'_>,
    (seed, report): (u64, &FitReport),
) -> Result<SeedRun> {
    let mut scores = Vec::new();
    let mut predictions = Vec::new();
    if !data.test.is_empty() {
        let predicted = task.predict(data.test, &config.fit.eval_batch)?;
        let all: Vec<usize> = (0..data.test.len()).collect();
        let truth = labels(&fetch(data.test, &all)?, data.targets.len())?;
        for &metric in &config.metrics {
            scores.push(match score(metric, &truth, &predicted) {
                Ok(value) => TestScore {
                    metric,
                    value: Some(value),
                    undefined: None,
                },
                Err(TrainError::Eval(error)) if error.undefined_reason().is_some() => TestScore {
                    metric,
                    value: None,
                    undefined: Some(error.to_string()),
                },
                Err(error) => return Err(error),
            });
        }
        predictions = predicted
            .rows()
            .into_iter()
            .map(|row| row.to_vec())
            .collect();
    }
    Ok(SeedRun {
        seed,
        steps: report.step,
        best_epoch: report.best.map(|best| best.epoch),
        valid: report.best.map(|best| best.score),
        test: scores,
        predictions,
    })
}

fn summary(metrics: &[Metric], runs: &[SeedRun]) -> Result<BTreeMap<String, Summary>> {
    let mut summaries = BTreeMap::new();
    for metric in metrics {
        let values: Vec<f64> = runs
            .iter()
            .flat_map(|run| &run.test)
            .filter(|score| score.metric == *metric)
            .filter_map(|score| score.value)
            .collect();
        if !values.is_empty() && values.len() == runs.len() {
            summaries.insert(metric.name().to_string(), Summary::new(&values)?);
        }
    }
    Ok(summaries)
}
