//! `dnd evaluate --predictions`: predictions against labels.

use std::path::Path;
use std::process::ExitCode;

use dd_data::{TableReader, TableRow, is_missing};
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
    let mut scored = 0;
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
                Ok(value) => {
                    scored += 1;
                    answer(&format!("{target} {}: {value:.4}\n", metric.name()))?;
                }
                Err(reason) => answer(&format!("{target} {}: {reason}\n", metric.name()))?,
            }
        }
        answer(&format!(
            "{target}: {without} of {} rows without a prediction\n",
            predictions.len()
        ))?;
    }
    if scored == 0 {
        return Err(Failure::work("no metric has a value"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A column of numbers; a missing one is NaN.
fn column(path: &Path, name: &str) -> Result<Vec<f64>, Failure> {
    let fail = |row: u64, reason: String| {
        Failure::misuse(format!("{}, row {row}: {reason}", path.display()))
    };
    let reader = dd_data::open(path).map_err(Failure::misuse)?;
    let name_of_file = path.to_string_lossy();
    let is_tsv = name_of_file.trim_end_matches(".gz").ends_with(".tsv");
    let delimiter = if is_tsv { b'\t' } else { b',' };
    let table = TableReader::new(reader, path, delimiter).map_err(Failure::misuse)?;
    let (place, columns) = (
        table.column(name).map_err(Failure::misuse)?,
        table.columns().len(),
    );
    let mut values = Vec::new();
    for row in table {
        let TableRow { row, fields } = row.map_err(Failure::misuse)?;
        let text = match fields {
            Ok(mut fields) => fields.swap_remove(place),
            // A blank line is the empty cell of a table of one column.
            Err(fault) if columns == 1 && fault.kind == "empty" => String::new(),
            Err(fault) => return Err(fail(row, fault.message)),
        };
        let text = text.trim();
        values.push(if is_missing(text) {
            f64::NAN
        } else {
            text.parse()
                .map_err(|_| fail(row, format!("column '{name}': '{text}' is no number")))?
        });
    }
    Ok(values)
}
