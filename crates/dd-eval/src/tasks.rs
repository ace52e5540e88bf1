//! Several tasks at once, averaged as the Open Graph Benchmark does, without hiding what was left out.

use serde::{Serialize, Serializer};

use crate::{EvalError, Metric, Undefined};

/// The value of one metric on each task, and the mean over the tasks that have one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskScores {
    /// The metric.
    pub metric: Metric,
    /// Value per task, or why it has none.
    #[serde(serialize_with = "values_or_null")]
    pub per_task: Vec<Result<f64, EvalError>>,
    /// Rows with a label, per task.
    pub rows: Vec<usize>,
    /// Mean over the tasks with a value.
    pub mean: f64,
}

impl TaskScores {
    /// Tasks that do not count in the mean, with the reason.
    pub fn skipped(&self) -> impl Iterator<Item = (usize, &EvalError)> {
        let tasks = self.per_task.iter().enumerate();
        tasks.filter_map(|(task, value)| value.as_ref().err().map(|error| (task, error)))
    }

    /// Number of tasks that count in the mean.
    pub fn counted(&self) -> usize {
        self.per_task.iter().filter(|value| value.is_ok()).count()
    }
}

/// Evaluates `metric` on each of `tasks` columns of two row-major tables and averages over the columns that have a value.
///
/// As in the Open Graph Benchmark (W. Hu et al., NeurIPS 2020, `ogb/graphproppred/evaluate.py`), missing labels are
/// skipped per task, and for metrics of ranking a task counts only when it has a positive and a negative. That rule is
/// applied to [`Metric::AveragePrecision`] and [`Metric::PrcAuc`] too, though they have a value without negatives.
/// Tasks that do not count are in [`TaskScores::skipped`]; when none counts the result is an error.
pub fn evaluate_tasks(
    metric: Metric,
    labels: &[f64],
    predictions: &[f64],
    tasks: usize,
) -> Result<TaskScores, EvalError> {
    if tasks == 0 || !labels.len().is_multiple_of(tasks) {
        return Err(EvalError::Length {
            what: "labels (a multiple of the number of tasks)",
            expected: tasks,
            got: labels.len(),
        });
    }
    if labels.len() != predictions.len() {
        return Err(EvalError::Length {
            what: "predictions",
            expected: labels.len(),
            got: predictions.len(),
        });
    }
    let (mut per_task, mut rows) = (Vec::new(), Vec::new());
    for task in 0..tasks {
        let column = |table: &[f64]| {
            table
                .iter()
                .skip(task)
                .step_by(tasks)
                .copied()
                .collect::<Vec<_>>()
        };
        let (y, p) = (column(labels), column(predictions));
        rows.push(y.iter().filter(|y| !y.is_nan()).count());
        let value = one_task(metric, &y, &p);
        if let Err(error) = &value
            && error.undefined_reason().is_none()
        {
            return Err(error.clone());
        }
        per_task.push(value);
    }
    let values: Vec<f64> = per_task
        .iter()
        .filter_map(|v| v.as_ref().ok().copied())
        .collect();
    if values.is_empty() {
        return Err(EvalError::undefined(metric.name(), Undefined::NoTask));
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Ok(TaskScores {
        metric,
        per_task,
        rows,
        mean,
    })
}

fn one_task(metric: Metric, labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let value = metric.evaluate(labels, predictions)?;
    let needs_negative = matches!(metric, Metric::AveragePrecision | Metric::PrcAuc);
    if needs_negative && !labels.contains(&0.0) {
        return Err(EvalError::undefined(metric.name(), Undefined::NoNegatives));
    }
    Ok(value)
}

fn values_or_null<S: Serializer>(
    values: &[Result<f64, EvalError>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.as_ref().ok()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn tasks_of_one_class_are_skipped_and_reported() {
        // Task 0: perfect; task 1: only positives; task 2: no label.
        let labels = [1.0, 1.0, NAN, 0.0, 1.0, NAN];
        let scores = [0.9, 0.1, 0.0, 0.2, 0.3, 0.0];
        for metric in [Metric::RocAuc, Metric::AveragePrecision] {
            let scores = evaluate_tasks(metric, &labels, &scores, 3).unwrap();
            assert_eq!((scores.mean, scores.counted()), (1.0, 1));
            assert_eq!(scores.rows, [2, 2, 0]);
            let reasons: Vec<_> = scores
                .skipped()
                .map(|(t, e)| (t, e.undefined_reason()))
                .collect();
            assert_eq!(reasons[0], (1, Some(Undefined::NoNegatives)));
            assert_eq!(reasons[1], (2, Some(Undefined::NoRows)));
        }
    }

    #[test]
    fn regression_tasks_weigh_the_same_whatever_their_rows() {
        let labels = [0.0, 0.0, 0.0, NAN];
        let predictions = [1.0, 3.0, 1.0, 0.0];
        let scores = evaluate_tasks(Metric::Mae, &labels, &predictions, 2).unwrap();
        assert_eq!(scores.mean, 2.0);
    }

    #[test]
    fn faulty_input_is_not_a_skipped_task() {
        assert!(evaluate_tasks(Metric::RocAuc, &[0.5, 1.0], &[0.0, 0.0], 1).is_err());
        assert!(evaluate_tasks(Metric::Mae, &[0.0; 3], &[0.0; 3], 2).is_err());
        let none = evaluate_tasks(Metric::RocAuc, &[1.0, 1.0], &[0.0, 0.0], 2).unwrap_err();
        assert_eq!(none.undefined_reason(), Some(Undefined::NoTask));
    }
}
