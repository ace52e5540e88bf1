//! Step 3 from a configuration, a student and labels to models with scores, one for each seed.

use std::collections::BTreeMap;
use std::path::Path;

use dd_encoder2d::{EncoderConfig, ModelFolder, Target, TargetKind};
use dd_eval::{Metric, Summary};
use dd_graph::FeaturizerConfig;
use ndarray::Array2;
use serde::Serialize;

use crate::error::{Result, TrainError};
use crate::fit::{Data, FitReport, fit};
use crate::folder::{RunFolder, Start, write_json};
use crate::observer::{Event, Flow};
use crate::recipes::finetune_config::FinetuneConfig;
use crate::recipes::{empty_store, identity, student_model};
use crate::session::Session;
use crate::source::{Labelled, Source, Subset};
use crate::state::StopReason;
use crate::task::fetch;
use crate::tasks::{FineTune, labels, score};

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
    pub kept_epoch: Option<u64>,
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

/// Trains one model per seed, keeps the epoch that `fit.keep` asks for, and scores it on the test set.
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
    config.check(data.targets, matches!(student, Student::Folder(_)))?;
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

/// The model of one seed, and its folder.
fn prepare(
    config: &FinetuneConfig,
    student: &Student<'_>,
    targets: &[Target],
    (data, train_labels): (&Data<'_, Labelled>, &Array2<f32>),
    session: &mut Session<'_>,
) -> Result<FineTune> {
    let store = empty_store(&config.fit, session.device);
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
    FineTune::new(predictor, &store, config.regression, config.selection)
        .with_class_weights(config.class_weights.of(train_labels, targets))
        .with_encoder_rate(config.encoder_rate)
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
        kept_epoch: report.kept.map(|kept| kept.epoch),
        valid: report.kept.map(|kept| kept.score),
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
