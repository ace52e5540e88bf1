//! How good an ensemble is on molecules that it did not see.

use dd_encoder2d::{Target, TargetKind};
use dd_eval::{Metric, Summary};
use ndarray::{Array2, Array3, ArrayView1, s};
use serde::Serialize;

use super::uncertainty::{Calibration, LEVELS, Region};
use crate::error::Result;

/// The scores of one target on the test part.
#[derive(Debug, Clone, Serialize)]
pub struct TargetScores {
    /// The target.
    pub target: Target,
    /// Test molecules with a label.
    pub rows: usize,
    /// One entry per metric.
    pub metrics: Vec<MetricScores>,
    /// One entry per supported coverage.
    pub coverages: Vec<CoverageScore>,
    /// Mean error of molecules in the domain and outside of it, with their numbers: absolute errors of numbers, squared ones
    /// of probabilities.
    pub by_domain: [Option<(f64, usize)>; 2],
}

/// One metric of all contenders; a value that is undefined on these labels is absent.
#[derive(Debug, Clone, Serialize)]
pub struct MetricScores {
    /// The metric.
    pub metric: Metric,
    /// The ensemble's mean prediction.
    pub ensemble: Option<f64>,
    /// Its members one by one.
    pub members: Option<Summary>,
    /// ECFP4 under a linear model.
    pub baseline: Option<f64>,
    /// The mean label of the training part, for every molecule.
    pub constant: Option<f64>,
}

/// What a promised coverage came to.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CoverageScore {
    /// What was promised.
    pub coverage: f64,
    /// Share of the test molecules whose label lies in its region.
    pub share: f64,
    /// Mean width of the intervals, or mean number of classes in the sets.
    pub size: f64,
}

/// What is scored: labels `[R, T]`, the members' predictions `[M, R, T]`, the baseline's `[R, T]`.
pub(super) struct Answers<'a> {
    pub(super) labels: &'a Array2<f64>,
    pub(super) members: &'a Array3<f64>,
    pub(super) means: &'a Array2<f64>,
    pub(super) baseline: Option<&'a Array2<f64>>,
    /// Mean training label of each target.
    pub(super) constants: &'a [f64],
    pub(super) calibrations: &'a [Calibration],
    pub(super) in_domain: &'a [bool],
}

/// The metrics of a kind of target; the first is the one to look at.
pub(super) fn metrics(kind: TargetKind) -> &'static [Metric] {
    match kind {
        TargetKind::Regression => &[Metric::Mae, Metric::Rmse, Metric::R2, Metric::Spearman],
        TargetKind::Binary => &[Metric::RocAuc, Metric::AveragePrecision, Metric::Brier],
    }
}

/// The scores of every target.
///
/// # Errors
/// When a prediction is not finite.
pub(super) fn score(targets: &[Target], answers: &Answers<'_>) -> Result<Vec<TargetScores>> {
    let of_target = |(column, target): (usize, &Target)| {
        let labels = answers.labels.column(column).to_vec();
        let known = labels.iter().filter(|label| !label.is_nan()).count();
        let of_metric = |metric: &Metric| metric_scores(*metric, column, &labels, answers);
        Ok(TargetScores {
            target: target.clone(),
            rows: known,
            metrics: metrics(target.kind)
                .iter()
                .map(of_metric)
                .collect::<Result<_>>()?,
            coverages: LEVELS
                .iter()
                .filter_map(|&level| coverage(level, column, &labels, answers).transpose())
                .collect::<Result<_>>()?,
            by_domain: by_domain(target.kind, column, &labels, answers),
        })
    };
    targets.iter().enumerate().map(of_target).collect()
}

fn metric_scores(
    metric: Metric,
    column: usize,
    labels: &[f64],
    answers: &Answers<'_>,
) -> Result<MetricScores> {
    let value = |predictions: ArrayView1<'_, f64>| -> Result<Option<f64>> {
        match metric.evaluate(labels, &predictions.to_vec()) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.undefined_reason().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let count = answers.members.dim().0;
    let members = (0..count).map(|member| value(answers.members.slice(s![member, .., column])));
    let members: Option<Vec<f64>> = members.collect::<Result<Vec<_>>>()?.into_iter().collect();
    let constant = ndarray::Array1::from_elem(labels.len(), answers.constants[column]);
    Ok(MetricScores {
        metric,
        ensemble: value(answers.means.column(column))?,
        members: members.map(|values| Summary::new(&values)).transpose()?,
        baseline: match answers.baseline {
            Some(baseline) => value(baseline.column(column))?,
            None => None,
        },
        constant: value(constant.view())?,
    })
}

/// What a coverage came to; none where it is not supported, or nothing is labelled.
pub(super) fn coverage(
    level: f64,
    column: usize,
    labels: &[f64],
    answers: &Answers<'_>,
) -> Result<Option<CoverageScore>> {
    let (mut inside, mut size, mut rows) = (0, 0.0, 0);
    let several = answers.members.dim().0 > 1;
    for (row, (&label, &mean)) in labels.iter().zip(answers.means.column(column)).enumerate() {
        if label.is_nan() {
            continue;
        }
        let spread = several.then(|| answers.members.slice(s![.., row, column]).std(1.0));
        let region = match answers.calibrations[column].region(mean, spread, level) {
            Ok(region) => region,
            Err(error) if error.undefined_reason().is_some() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        rows += 1;
        match region {
            Region::Interval { low, high } => {
                inside += usize::from((low..=high).contains(&label));
                size += high - low;
            }
            Region::Classes { zero, one } => {
                inside += usize::from(if label == 1.0 { one } else { zero });
                size += f64::from(u8::from(zero) + u8::from(one));
            }
        }
    }
    Ok((rows > 0).then(|| CoverageScore {
        coverage: level,
        share: inside as f64 / rows as f64,
        size: size / rows as f64,
    }))
}

fn by_domain(
    kind: TargetKind,
    column: usize,
    labels: &[f64],
    answers: &Answers<'_>,
) -> [Option<(f64, usize)>; 2] {
    [true, false].map(|side| {
        let rows = labels
            .iter()
            .zip(answers.means.column(column))
            .zip(answers.in_domain);
        let errors = rows.filter(|((label, _), inside)| !label.is_nan() && **inside == side);
        let errors: Vec<f64> = errors
            .map(|((label, mean), _)| match kind {
                TargetKind::Regression => (label - mean).abs(),
                TargetKind::Binary => (label - mean).powi(2),
            })
            .collect();
        let count = errors.len();
        (count > 0).then(|| (errors.iter().sum::<f64>() / count as f64, count))
    })
}
