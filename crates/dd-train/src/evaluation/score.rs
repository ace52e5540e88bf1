//! What came out of a run, and its scores.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use dd_eval::Metric;
use dd_nn::{TensorFile, save_tensors};
use ndarray::Array2;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::evaluation::data::Parts;
use crate::evaluation::journal::Entry;
use crate::source::Labelled;
use crate::tasks::{labels, score};

/// A trained contender on the test part.
pub(super) struct Outcome {
    /// Validation score of the parameters that were kept.
    pub(super) valid: f64,
    /// Their epoch.
    pub(super) best_epoch: Option<u64>,
    /// Predictions `[R, T]` in the targets' units; probabilities for binary targets.
    pub(super) predictions: Array2<f64>,
}

impl Outcome {
    /// Each metric on the test part, averaged over the targets, or why it has no value there.
    pub(super) fn scores(&self, metrics: &[Metric], test: &[Labelled]) -> Result<Scores> {
        let truth = labels(test, self.predictions.ncols())?;
        let mut scores = Scores::default();
        for &metric in metrics {
            let name = metric.name().to_string();
            match score(metric, &truth, &self.predictions) {
                Ok(value) => {
                    scores.values.insert(name, value);
                }
                Err(TrainError::Eval(error)) if error.undefined_reason().is_some() => {
                    scores.undefined.insert(name, error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(scores)
    }
}

/// Scores by metric.
#[derive(Default)]
pub(super) struct Scores {
    pub(super) values: BTreeMap<String, f64>,
    /// Metrics without a value, and why.
    pub(super) undefined: BTreeMap<String, String>,
}

/// Writes predictions and labels of the test part, and gives the SHA-256 of the predictions as f32.
pub(super) fn keep_predictions(file: &Path, outcome: &Outcome, parts: &Parts) -> Result<String> {
    let (rows, columns) = outcome.predictions.dim();
    let predictions: Vec<f32> = outcome.predictions.iter().map(|&p| p as f32).collect();
    let labels: Vec<f32> = parts
        .test
        .iter()
        .flat_map(|one| one.labels.iter().copied())
        .collect();
    let digest = Sha256::new().chain_update(bytes(&predictions)).finalize();
    let tensor = |values| Tensor::from_vec(values, (rows, columns), &Device::Cpu);
    let table_rows: Vec<u32> = parts.rows[2].iter().map(|&row| row as u32).collect();
    let tensors = BTreeMap::from([
        ("predictions".to_string(), tensor(predictions)?),
        ("labels".to_string(), tensor(labels)?),
        ("rows".to_string(), Tensor::new(table_rows, &Device::Cpu)?),
    ]);
    save_tensors(file, &tensors, &BTreeMap::new())?;
    Ok(hex(&digest))
}

/// Whether the predictions of a run are there, as they were.
pub(super) fn has_predictions(output: &Path, entry: &Entry) -> bool {
    let read = || -> Result<Vec<f32>> {
        let file = TensorFile::open(output.join("predictions").join(entry.file_name()))?;
        let predictions = file.read("predictions", &Device::Cpu)?;
        Ok(predictions.flatten_all()?.to_vec1()?)
    };
    read().is_ok_and(|predictions| hex(&Sha256::digest(bytes(&predictions))) == entry.predictions)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
