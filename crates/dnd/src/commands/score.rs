//! `dnd evaluate --predictions`: predictions against labels.

use std::path::Path;
use std::process::ExitCode;

use dd_data::is_missing;
use dd_eval::Metric;

use crate::cli::{Evaluate, TaskKind};
use crate::failure::{Failure, Outcome};
use crate::output::answer;

/// Prints one line per target and metric; a metric without a value says why.
pub(crate) fn run(arguments: &Evaluate) -> Outcome {
    let metrics: &[Metric] = match arguments.task {
        TaskKind::Regression => &[Metric::Mae, Metric::Rmse, Metric::R2, Metric::Pearson],
        TaskKind::Binary => &[Metric::RocAuc, Metric::AveragePrecision, Metric::Brier],
    };
    let (Some(predictions), Some(labels)) = (&arguments.predictions, &arguments.labels) else {
        return Err(Failure::misuse("--predictions and --labels go together"));
    };
    let files = (predictions, labels);
    for target in &arguments.target_columns {
        let predictions = column(files.0, target)?;
        let labels = column(files.1, target)?;
        if predictions.len() != labels.len() {
            return Err(Failure::misuse(format!(
                "{} rows of predictions for {} rows of labels",
                predictions.len(),
                labels.len()
            )));
        }
        // A row without a prediction cannot be scored: it is left out like one without a label, and counted.
        let without = predictions.iter().filter(|value| value.is_nan()).count();
        let known = |(label, prediction): (&f64, &f64)| {
            if prediction.is_nan() {
                f64::NAN
            } else {
                *label
            }
        };
        let masked: Vec<f64> = labels.iter().zip(&predictions).map(known).collect();
        let filled: Vec<f64> = predictions
            .iter()
            .map(|p| if p.is_nan() { 0.0 } else { *p })
            .collect();
        for metric in metrics {
            match metric.evaluate(&masked, &filled) {
                Ok(value) => answer(&format!("{target} {}: {value:.4}\n", metric.name()))?,
                Err(reason) => answer(&format!("{target} {}: {reason}\n", metric.name()))?,
            }
        }
        answer(&format!(
            "{target}: {without} of {} rows without a prediction\n",
            predictions.len()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A column of numbers; a missing one is NaN.
fn column(path: &Path, name: &str) -> Result<Vec<f64>, Failure> {
    let fail = |reason: String| Failure::misuse(format!("{}: {reason}", path.display()));
    let mut reader = csv::Reader::from_reader(dd_data::open(path).map_err(Failure::misuse)?);
    let head = reader
        .headers()
        .map_err(|error| fail(error.to_string()))?
        .clone();
    let place = head
        .iter()
        .position(|column| column == name)
        .ok_or_else(|| {
            fail(format!(
                "no column '{name}'; there are {}",
                head.iter().collect::<Vec<_>>().join(", ")
            ))
        })?;
    let mut values = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| fail(format!("row {row}: {error}")))?;
        let text = record.get(place).unwrap_or_default().trim();
        values.push(if is_missing(text) {
            f64::NAN
        } else {
            text.parse()
                .map_err(|_| fail(format!("row {row}, column '{name}': '{text}' is no number")))?
        });
    }
    Ok(values)
}
