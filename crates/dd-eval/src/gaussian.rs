//! Scores of predictions that come with a standard deviation: each row predicts `N(mean, sd²)`.
//!
//! Rows whose label is `NaN` are skipped; standard deviations must be positive.

use std::f64::consts::PI;

use crate::correlation::spearman;
use crate::error::finite;
use crate::input::labelled;
use crate::special::{normal_cdf, normal_pdf, normal_quantile};
use crate::{EvalError, Undefined};

/// Labelled rows: deviation `y - mean` and standard deviation.
fn rows(
    quantity: &'static str,
    labels: &[f64],
    means: &[f64],
    sds: &[f64],
) -> Result<Vec<(f64, f64)>, EvalError> {
    if sds.len() != labels.len() {
        return Err(EvalError::Length {
            what: "standard deviations",
            expected: labels.len(),
            got: sds.len(),
        });
    }
    labelled(quantity, labels, means)?;
    let mut rows = Vec::new();
    for (index, ((&y, &mean), &sd)) in labels.iter().zip(means).zip(sds).enumerate() {
        if y.is_nan() {
            continue;
        }
        if !(sd > 0.0 && sd.is_finite()) {
            return Err(EvalError::NotPositive { index, value: sd });
        }
        rows.push((y - mean, sd));
    }
    Ok(rows)
}

fn mean_of(
    quantity: &'static str,
    rows: &[(f64, f64)],
    term: impl Fn(f64, f64) -> f64,
) -> Result<f64, EvalError> {
    let sum: f64 = rows
        .iter()
        .map(|&(deviation, sd)| term(deviation, sd))
        .sum();
    finite(quantity, sum / rows.len() as f64)
}

/// Mean negative log likelihood in nats, `mean (½ ln 2π + ln σ + (y - μ)² / 2σ²)`.
pub fn nll(labels: &[f64], means: &[f64], sds: &[f64]) -> Result<f64, EvalError> {
    let rows = rows("nll", labels, means, sds)?;
    mean_of("nll", &rows, |deviation, sd| {
        let z = deviation / sd;
        0.5 * (2.0 * PI).ln() + sd.ln() + 0.5 * z * z
    })
}

/// Mean continuous ranked probability score, in the unit of the label:
/// `σ (z (2Φ(z) - 1) + 2φ(z) - 1/√π)` with `z = (y - μ)/σ`.
///
/// T. Gneiting et al., Mon. Weather Rev. 133 (2005) 1098, equation 5.
pub fn crps(labels: &[f64], means: &[f64], sds: &[f64]) -> Result<f64, EvalError> {
    let rows = rows("crps", labels, means, sds)?;
    mean_of("crps", &rows, |deviation, sd| {
        let z = deviation / sd;
        sd * (z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * normal_pdf(z) - 1.0 / PI.sqrt())
    })
}

/// Share of labels inside the central interval of probability `level`: `|y - μ| ≤ σ Φ⁻¹((1 + level)/2)`.
pub fn coverage(labels: &[f64], means: &[f64], sds: &[f64], level: f64) -> Result<f64, EvalError> {
    if !(level > 0.0 && level < 1.0) {
        return Err(EvalError::Setting {
            name: "level",
            value: level,
            expected: "between 0 and 1",
        });
    }
    let rows = rows("coverage", labels, means, sds)?;
    let reach = normal_quantile(f64::midpoint(1.0, level));
    let inside = rows
        .iter()
        .filter(|(deviation, sd)| (deviation / sd).abs() <= reach);
    Ok(inside.count() as f64 / rows.len() as f64)
}

/// Mean `|coverage - level|` over the levels 0.01, 0.02, … 0.99.
///
/// The miscalibration area of V. Kuleshov, N. Fenner, S. Ermon, ICML 2018, for central intervals.
pub fn miscalibration(labels: &[f64], means: &[f64], sds: &[f64]) -> Result<f64, EvalError> {
    let mut sum = 0.0;
    for percent in 1..100 {
        let level = f64::from(percent) / 100.0;
        sum += (coverage(labels, means, sds, level)? - level).abs();
    }
    Ok(sum / 99.0)
}

/// Spearman correlation of the absolute error with the predicted standard deviation: do larger errors announce
/// themselves?
pub fn error_sd_correlation(labels: &[f64], means: &[f64], sds: &[f64]) -> Result<f64, EvalError> {
    const NAME: &str = "spearman_error_sd";
    let rows = rows(NAME, labels, means, sds)?;
    let (errors, sds): (Vec<f64>, Vec<f64>) = rows.into_iter().map(|(e, sd)| (e.abs(), sd)).unzip();
    spearman(&errors, &sds).map_err(|error| match error.undefined_reason() {
        Some(Undefined::ConstantLabels) => {
            EvalError::undefined(NAME, Undefined::ConstantDifferences)
        }
        Some(reason) => EvalError::undefined(NAME, reason),
        None => error,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_normal_row() {
        let (y, mean, sd) = ([0.0, f64::NAN], [0.0, 0.0], [1.0, -1.0]);
        assert!((nll(&y, &mean, &sd).unwrap() - 0.918_938_533_204_672_8).abs() < 1e-15);
        // 2φ(0) - 1/√π.
        assert!((crps(&y, &mean, &sd).unwrap() - 0.233_694_977_255_109_13).abs() < 1e-15);
        assert_eq!(coverage(&y, &mean, &sd, 0.5).unwrap(), 1.0);
        // Always inside: the mean of 1 - level.
        assert!((miscalibration(&y, &mean, &sd).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn likelihoods_do_not_depend_on_the_unit() {
        let of = |unit: f64| nll(&[unit], &[0.0], &[2.0 * unit]).unwrap() - unit.ln();
        for unit in [1e-200, 1e200] {
            assert!((of(unit) - of(1.0)).abs() < 1e-12, "{unit:e}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let error = nll(&[0.0], &[0.0], &[0.0]).unwrap_err();
        assert!(matches!(error, EvalError::NotPositive { index: 0, .. }));
        assert!(coverage(&[0.0], &[0.0], &[1.0], 1.0).is_err());
        assert!(crps(&[0.0], &[0.0], &[]).is_err());
        let r = error_sd_correlation(&[1.0, 2.0, 3.0], &[0.0; 3], &[0.1, 0.2, 0.3]).unwrap();
        assert!((r - 1.0).abs() < 1e-15);
    }
}
