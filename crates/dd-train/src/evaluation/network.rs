//! Contenders that are networks: fine-tuned, from scratch, or frozen under a linear model.

use std::path::Path;

use candle_core::Device;
use dd_encoder2d::{Encoder, EncoderConfig, ModelFolder};
use dd_graph::{FeaturizerConfig, GraphBatch, MolGraph};
use ndarray::Array2;

use crate::batch::BatchConfig;
use crate::config::{Length, PatienceConfig};
use crate::error::{Result, TrainError};
use crate::evaluation::data::{Parts, SetData, metrics};
use crate::evaluation::plan::Tuning;
use crate::evaluation::score::Outcome;
use crate::observer::Silent;
use crate::recipes::finetune::{LabelledData, Student, finetune};
use crate::recipes::finetune_config::FinetuneConfig;
use crate::session::Session;
use crate::source::Labelled;

/// At a small share of the labels an epoch has few steps: the epochs are multiplied by the inverse of the share, at most so
/// many times.
pub(super) const MOST_REPEATS: f64 = 5.0;

/// The encoder and the features of a model.
pub(super) fn describe(model: &Path) -> Result<(EncoderConfig, FeaturizerConfig)> {
    let folder = ModelFolder::open(model)?;
    let config = folder.config();
    Ok((config.encoder.clone(), config.featurizer.clone()))
}

/// One fine-tuning at one learning rate.
pub(super) struct Trial<'a> {
    pub(super) set: &'a SetData,
    pub(super) parts: &'a Parts,
    pub(super) tuning: &'a Tuning,
    pub(super) epochs: u64,
    pub(super) share: f64,
    pub(super) seed: u64,
    /// Learning rate of the encoder as a share of the head's.
    pub(super) encoder_rate: f64,
}

impl Trial<'_> {
    /// Trains, keeps the epoch with the best validation, and predicts the test part.
    pub(super) fn run(&self, student: &Student<'_>, learning_rate: f64) -> Result<Outcome> {
        let is_binary = self.set.is_binary();
        let mut config = if is_binary {
            FinetuneConfig::binary()
        } else {
            FinetuneConfig::regression()
        };
        let repeats = (1.0 / self.share).min(MOST_REPEATS);
        config.seeds = vec![self.seed];
        config.metrics = metrics(is_binary).to_vec();
        config.fit.length = Length::Epochs((self.epochs as f64 * repeats).round() as u64);
        config.fit.batch = BatchConfig::Molecules(self.tuning.batch);
        config.fit.patience = Some(PatienceConfig {
            validations: (self.tuning.patience as f64 * repeats).round() as u64,
            min_epochs: 0,
        });
        config.fit.optimizer.lr = learning_rate;
        config.encoder_rate = self.encoder_rate;
        let data = LabelledData {
            targets: &self.set.targets,
            train: &self.parts.train,
            valid: &self.parts.valid,
            test: &self.parts.test,
        };
        let mut session = Session {
            folder: None,
            device: &Device::Cpu,
            observer: &mut Silent,
        };
        let report = finetune(&config, student, &data, &mut session)?;
        let run = report.runs.first();
        let run = run.ok_or(TrainError::Empty { part: "training" })?;
        let valid = run.valid.ok_or(TrainError::Empty { part: "validation" })?;
        let rows = run.predictions.len();
        let flat = run.predictions.iter().flatten().copied().collect();
        let predictions = Array2::from_shape_vec((rows, self.set.targets.len()), flat);
        Ok(Outcome {
            valid,
            best_epoch: run.kept_epoch,
            predictions: predictions.expect("one row of predictions per molecule"),
        })
    }
}

/// Graph vectors of a frozen encoder for the three parts, `[R, H]` each.
pub(super) fn embed(model: &Path, parts: &Parts) -> Result<[Array2<f32>; 3]> {
    let encoder = Encoder::from_pretrained(model)?;
    let rows = |part: &Vec<Labelled>| -> Result<Array2<f32>> {
        let mut flat = Vec::with_capacity(part.len() * encoder.width());
        for chunk in part.chunks(64) {
            let graphs: Vec<&MolGraph> = chunk.iter().map(|one| &one.graph).collect();
            let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
            flat.extend(encoder.graph_vectors(&batch)?);
        }
        let shape = (part.len(), encoder.width());
        Ok(Array2::from_shape_vec(shape, flat).expect("one vector per molecule"))
    };
    Ok([rows(&parts.train)?, rows(&parts.valid)?, rows(&parts.test)?])
}
