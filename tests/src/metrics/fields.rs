//! The value that `dd-eval` gives for each field of a golden metrics case.

use dd_eval::calibration::{self, bins, curve_quantile, curve_uniform};
use dd_eval::{
    Confusion, EvalError, Metric, PrCurve, RocCurve, Undefined, evaluate_tasks, gaussian,
    regression,
};

use super::Got;

#[allow(
    clippy::unnecessary_wraps,
    reason = "every branch of the callers is an option: `None` is an unknown field"
)]
fn one(value: Result<f64, EvalError>) -> Option<Got> {
    Some(value.map(|value| vec![Some(value)]))
}

fn many(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

fn metric(field: &str) -> Option<Metric> {
    match field {
        "pr_auc_trapezoid" => Some(Metric::PrcAuc),
        other => other.parse().ok(),
    }
}

fn labelled(y: &[f64]) -> usize {
    y.iter().filter(|y| !y.is_nan()).count()
}

/// Fields of a case of class labels and scores; `None` for a field that is not known (as below).
pub(super) fn binary(field: &str, y: &[f64], score: &[f64]) -> Option<Got> {
    let field = field.strip_prefix("probabilistic/").unwrap_or(field);
    if let Some((threshold, name)) = field
        .strip_prefix("at_")
        .and_then(|rest| rest.split_once('/'))
    {
        return decision(name, threshold.parse().ok()?, y, score);
    }
    if let Some((bins, what)) = field
        .strip_prefix("sklearn_calibration_curve_")
        .and_then(|rest| rest.split_once('/'))
    {
        let (strategy, count) = bins.rsplit_once('_')?;
        let curve = match strategy {
            "uniform" => curve_uniform(y, score, count.parse().ok()?),
            "quantile" => curve_quantile(y, score, count.parse().ok()?),
            _ => return None,
        };
        let side: fn((f64, f64)) -> f64 = match what {
            "prob_pred" => |(p, _)| p,
            "prob_true" => |(_, y)| y,
            _ => return None,
        };
        return Some(
            curve.map(|points| points.into_iter().map(|point| Some(side(point))).collect()),
        );
    }
    if let Some((what, count)) = field.split(' ').next()?.rsplit_once('_')
        && let Ok(count) = count.parse()
    {
        return match what {
            "ece" => one(calibration::expected_calibration_error(y, score, count)),
            "mce" => one(calibration::maximum_calibration_error(y, score, count)),
            "bins" => Some(bins(y, score, count).map(|bins| {
                let entry = |bin: calibration::Bin| {
                    let means = bin.means.map_or([None, None], |(p, y)| [Some(p), Some(y)]);
                    [Some(bin.count as f64), means[0], means[1]]
                };
                bins.into_iter().flat_map(entry).collect()
            })),
            _ => None,
        };
    }
    match field {
        "n" => one(Ok(labelled(y) as f64)),
        "positives" => one(Ok(y.iter().filter(|y| **y == 1.0).count() as f64)),
        "pr_curve/precision" => Some(PrCurve::new(y, score).map(|c| many(&c.precision))),
        "pr_curve/recall" => Some(PrCurve::new(y, score).map(|c| many(&c.recall))),
        "pr_curve/thresholds" => Some(PrCurve::new(y, score).map(|c| many(&c.thresholds))),
        "roc_curve_no_drop/fpr" => {
            Some(RocCurve::new(y, score).map(|c| many(&c.false_positive_rate)))
        }
        "roc_curve_no_drop/tpr" => {
            Some(RocCurve::new(y, score).map(|c| many(&c.true_positive_rate)))
        }
        other => one(metric(other)?.evaluate(y, score)),
    }
}

fn decision(name: &str, threshold: f64, y: &[f64], score: &[f64]) -> Option<Got> {
    let counts = match Confusion::at(threshold, y, score) {
        Ok(counts) => counts,
        Err(error) => return Some(Err(error)),
    };
    one(match name {
        "accuracy" => counts.accuracy(),
        "balanced_accuracy" => counts.balanced_accuracy(),
        "f1" => Confusion::or_zero(counts.f1()),
        "mcc" => Confusion::or_zero(counts.mcc()),
        "precision" => Confusion::or_zero(counts.precision()),
        "recall" => Confusion::or_zero(counts.recall()),
        "cohen_kappa" => counts.cohen_kappa(),
        _ => return None,
    })
}

/// Fields of a case of numbers.
pub(super) fn number(field: &str, y: &[f64], prediction: &[f64]) -> Option<Got> {
    match field {
        "n" => one(Ok(labelled(y) as f64)),
        "r2" => one(regression::r2_forced_finite(y, prediction)),
        other => one(metric(other)?.evaluate(y, prediction)),
    }
}

/// Fields of a case of predicted normal distributions.
pub(super) fn normal(field: &str, y: &[f64], mean: &[f64], sd: &[f64]) -> Option<Got> {
    if let Some(level) = field.strip_prefix("coverage_") {
        return one(gaussian::coverage(y, mean, sd, level.parse().ok()?));
    }
    one(match field {
        "n" => Ok(labelled(y) as f64),
        "nll_mean" => gaussian::nll(y, mean, sd),
        "crps_mean" => gaussian::crps(y, mean, sd),
        "miscalibration_mean_abs_over_levels_0.01_to_0.99" => gaussian::miscalibration(y, mean, sd),
        "spearman_abs_error_vs_sd" => gaussian::error_sd_correlation(y, mean, sd),
        _ => return None,
    })
}

/// Fields of a case of several tasks: `…_per_task` and `…_mean_over_defined_tasks`.
pub(super) fn several(field: &str, y: &[f64], score: &[f64], tasks: usize) -> Option<Got> {
    if let Some(name) = field.strip_suffix("_per_task") {
        return Some(match evaluate_tasks(metric(name)?, y, score, tasks) {
            Ok(scores) => Ok(scores.per_task.into_iter().map(Result::ok).collect()),
            Err(error) if error.undefined_reason() == Some(Undefined::NoTask) => {
                Ok(vec![None; tasks])
            }
            Err(error) => Err(error),
        });
    }
    let name = field.strip_suffix("_mean_over_defined_tasks")?;
    one(evaluate_tasks(metric(name)?, y, score, tasks).map(|scores| scores.mean))
}

/// Fields of a case of several tasks of numbers: `per_task/INDEX/…`, and those of [`several`].
pub(super) fn per_task(field: &str, y: &[f64], prediction: &[f64], tasks: usize) -> Option<Got> {
    let Some((index, name)) = field
        .strip_prefix("per_task/")
        .and_then(|rest| rest.split_once('/'))
    else {
        return several(field, y, prediction, tasks);
    };
    let task: usize = index.parse().ok()?;
    let column = |table: &[f64]| {
        table
            .iter()
            .skip(task)
            .step_by(tasks)
            .copied()
            .collect::<Vec<_>>()
    };
    number(name, &column(y), &column(prediction))
}
