//! `metrics.jsonl` read back: the curves of a run, in whatever parts it was done.

use std::path::Path;

use serde_json::Value;

use crate::error::{Result, TrainError};
use crate::folder::METRICS_FILE;

/// `(step, value)`, in the order of the steps.
pub(crate) type Curve = Vec<(f64, f64)>;

/// Share of the mean so far in a smoothed curve.
const KEPT: f64 = 0.8;

/// The curves of a run.
#[derive(Debug, Default)]
pub(crate) struct MetricsLog {
    /// Losses of training batches.
    pub(crate) losses: Curve,
    /// The validation score, when there is one.
    pub(crate) scores: Curve,
    /// Its name.
    pub(crate) score_name: String,
}

impl MetricsLog {
    /// Reads the log of a run's folder.
    ///
    /// # Errors
    /// When it cannot be read, or a line is none of such a log.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(METRICS_FILE);
        let text = std::fs::read_to_string(&path).map_err(TrainError::io(&path))?;
        let mut log = Self::default();
        for (line, entry) in (1..).zip(text.lines()) {
            log.add(entry).map_err(|reason| TrainError::Folder {
                path: path.clone(),
                reason: format!("line {line}: {reason}"),
            })?;
        }
        Ok(log)
    }

    fn add(&mut self, line: &str) -> std::result::Result<(), String> {
        let entry: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let step = entry["step"].as_f64().ok_or("no step")?;
        if entry["split"] == "train" {
            let loss = entry["loss"].as_f64().ok_or("no loss")?;
            self.losses.push((step, loss));
            return Ok(());
        }
        let fields = entry.as_object().into_iter().flatten();
        let mut fields = fields.filter(|(name, _)| !["split", "epoch", "step"].contains(&&***name));
        // A score that is not finite is null, and has no place in a chart.
        if let Some((name, Some(value))) = fields.next().map(|(name, v)| (name, v.as_f64())) {
            self.score_name.clone_from(name);
            self.scores.push((step, value));
        }
        Ok(())
    }
}

/// A running mean of a curve.
pub(crate) fn smoothed(curve: &[(f64, f64)]) -> Curve {
    let mut mean = None;
    let next = |&(step, value): &(f64, f64)| {
        let value = mean.map_or(value, |old: f64| KEPT * old + (1.0 - KEPT) * value);
        mean = Some(value);
        (step, value)
    };
    curve.iter().map(next).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_the_log() {
        let place = std::env::temp_dir().join(format!("dd-train-log-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let train = |step: u32, loss: f64| {
            format!("{{\"split\":\"train\",\"step\":{step},\"loss\":{loss}}}\n")
        };
        let valid = "{\"split\":\"valid\",\"epoch\":1,\"step\":10,\"mae\":7}\n";
        let text = train(10, 0.5) + valid + &train(20, 0.25);
        std::fs::write(place.join(METRICS_FILE), &text).unwrap();
        let log = MetricsLog::read(&place).unwrap();
        assert_eq!(log.losses, [(10.0, 0.5), (20.0, 0.25)]);
        assert_eq!((log.scores, &*log.score_name), (vec![(10.0, 7.0)], "mae"));
        assert_eq!(
            smoothed(&log.losses),
            [(10.0, 0.5), (20.0, 0.8 * 0.5 + (1.0 - 0.8) * 0.25)]
        );
        std::fs::write(place.join(METRICS_FILE), text + "{\"split\":\"tr").unwrap();
        let fault = MetricsLog::read(&place).unwrap_err().to_string();
        assert!(fault.contains("line 4: "), "{fault}");
        std::fs::remove_dir_all(&place).unwrap();
    }
}
