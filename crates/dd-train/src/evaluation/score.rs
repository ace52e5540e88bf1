//! What came out of a run, and its scores.

use std::collections::BTreeMap;

use dd_eval::Metric;
use ndarray::Array2;

use crate::error::{Result, TrainError};
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
    /// Each metric that has a value on the test part, averaged over the targets.
    pub(super) fn scores(
        &self,
        metrics: &[Metric],
        test: &[Labelled],
    ) -> Result<BTreeMap<String, f64>> {
        let truth = labels(test, self.predictions.ncols())?;
        let mut scores = BTreeMap::new();
        for &metric in metrics {
            match score(metric, &truth, &self.predictions) {
                Ok(value) => {
                    scores.insert(metric.name().to_string(), value);
                }
                Err(TrainError::Eval(error)) if error.undefined_reason().is_some() => {
                    tracing::warn!("{}: {error}", metric.name());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(scores)
    }
}
