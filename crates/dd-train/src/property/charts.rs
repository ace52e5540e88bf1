//! The charts of a property model's report.

use std::path::Path;

use dd_encoder2d::TargetKind;
use dd_eval::{PrCurve, RocCurve, calibration};
use ndarray::Array2;

use super::scores::{Answers, coverage};
use super::tune::Findings;
use crate::error::Result;
use crate::metrics_log::{MetricsLog, smoothed};
use crate::report::{LineChart, ScatterChart, ScatterSeries, Series};

/// Test molecules for each bin of a reliability diagram, at least.
const PER_BIN: usize = 15;
/// Most bins of it.
const MOST_BINS: usize = 10;

/// Parity and coverage of numbers; ROC, precision-recall and reliability of classes.
///
/// # Errors
/// When a prediction is not finite.
pub(super) fn of_target(findings: &Findings<'_>, column: usize) -> Result<Vec<String>> {
    let means = findings.test.means();
    let labels = findings.labels.column(column).to_vec();
    match findings.scores[column].target.kind {
        TargetKind::Regression => Ok(vec![
            parity(findings, column, &labels, &means),
            coverages(findings, column, &labels, &means)?,
        ]),
        TargetKind::Binary => curves(findings, column, &labels, &means),
    }
}

fn contenders<'a>(
    findings: &'a Findings<'_>,
    means: &'a Array2<f64>,
) -> impl Iterator<Item = (&'static str, &'a Array2<f64>)> {
    let baseline = findings.baseline.map(|baseline| ("baseline", baseline));
    std::iter::once(("ensemble", means)).chain(baseline)
}

fn parity(findings: &Findings<'_>, column: usize, labels: &[f64], means: &Array2<f64>) -> String {
    let series = contenders(findings, means).map(|(name, predictions)| ScatterSeries {
        name: name.to_string(),
        points: labels
            .iter()
            .copied()
            .zip(predictions.column(column).iter().copied())
            .filter(|(label, _)| !label.is_nan())
            .collect(),
    });
    // The baseline lies below.
    let mut series: Vec<ScatterSeries> = series.collect();
    series.reverse();
    ScatterChart {
        title: "Test molecules".into(),
        x_label: "table".into(),
        y_label: "predicted".into(),
        series,
    }
    .to_svg()
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Series {
    Series {
        name: name.to_string(),
        points,
        spread: Vec::new(),
    }
}

fn diagonal() -> Series {
    line("as promised", vec![(0.0, 0.0), (1.0, 1.0)])
}

fn coverages(
    findings: &Findings<'_>,
    column: usize,
    labels: &[f64],
    means: &Array2<f64>,
) -> Result<String> {
    let answers = Answers {
        labels: findings.labels,
        members: &findings.test.values,
        means,
        baseline: None,
        constants: &[],
        calibrations: &findings.uncertainty.targets,
        in_domain: findings.in_domain,
    };
    let mut points = Vec::new();
    for step in 1..=19 {
        let level = f64::from(step) / 20.0;
        if let Some(found) = coverage(level, column, labels, &answers)? {
            points.push((level, found.share));
        }
    }
    Ok(LineChart {
        title: "Do the intervals hold?".into(),
        x_label: "promised coverage".into(),
        y_label: "share of test molecules inside".into(),
        logarithmic: false,
        series: vec![line("test part", points), diagonal()],
    }
    .to_svg())
}

fn curves(
    findings: &Findings<'_>,
    column: usize,
    labels: &[f64],
    means: &Array2<f64>,
) -> Result<Vec<String>> {
    let (mut roc, mut precision, mut reliability) = (Vec::new(), Vec::new(), Vec::new());
    let known = labels.iter().filter(|label| !label.is_nan()).count();
    let bins = (known / PER_BIN).clamp(2, MOST_BINS);
    for (name, predictions) in contenders(findings, means) {
        let scores = predictions.column(column).to_vec();
        let Some(curve) = defined(RocCurve::new(labels, &scores))? else {
            return Ok(vec![
                "<p>The test part has one class only: there are no curves.</p>".to_string(),
            ]);
        };
        let rates = curve
            .false_positive_rate
            .iter()
            .zip(&curve.true_positive_rate);
        let label = format!("{name}, area {:.3}", curve.area());
        roc.push(line(&label, rates.map(|(&x, &y)| (x, y)).collect()));
        if let Some(curve) = defined(PrCurve::new(labels, &scores))? {
            let points = curve.recall.iter().zip(&curve.precision);
            precision.push(line(name, points.map(|(&x, &y)| (x, y)).collect()));
        }
        if let Some(points) = defined(calibration::curve_quantile(labels, &scores, bins))? {
            reliability.push(line(name, points));
        }
    }
    reliability.push(diagonal());
    let chart = |title: &str, x_label: &str, y_label: &str, series| {
        LineChart {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            logarithmic: false,
            series,
        }
        .to_svg()
    };
    Ok(vec![
        chart(
            "ROC curve",
            "share of negatives accepted",
            "share of positives found",
            roc,
        ),
        chart("Precision and recall", "recall", "precision", precision),
        chart(
            "Do the probabilities mean what they say?",
            "mean predicted probability",
            "share of positives",
            reliability,
        ),
    ])
}

fn defined<T>(value: std::result::Result<T, dd_eval::EvalError>) -> Result<Option<T>> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.undefined_reason().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The loss of training batches and the validation score, one curve per seed.
///
/// # Errors
/// When a log cannot be read.
pub(super) fn training(folder: &Path, seeds: &[u64]) -> Result<Vec<String>> {
    let (mut losses, mut scores, mut score_name) = (Vec::new(), Vec::new(), String::new());
    for seed in seeds {
        let log = MetricsLog::read(&folder.join(format!("seed-{seed}")))?;
        let name = format!("seed {seed}");
        losses.push(line(&name, smoothed(&log.losses)));
        scores.push(line(&name, log.scores));
        score_name = log.score_name;
    }
    let chart = |title: &str, y_label: &str, series| {
        LineChart {
            title: title.into(),
            x_label: "step".into(),
            y_label: y_label.into(),
            logarithmic: false,
            series,
        }
        .to_svg()
    };
    Ok(vec![
        chart(
            "Training loss (smoothed)",
            "loss in standardised units",
            losses,
        ),
        chart("Validation", &score_name, scores),
    ])
}
