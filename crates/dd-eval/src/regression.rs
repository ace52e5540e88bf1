//! Errors of predicted numbers. Rows whose label is `NaN` are skipped.

use crate::error::finite;
use crate::input::{constant, labelled, mean};
use crate::{EvalError, Undefined};

fn errors(
    quantity: &'static str,
    labels: &[f64],
    predictions: &[f64],
) -> Result<Vec<f64>, EvalError> {
    let (labels, predictions) = labelled(quantity, labels, predictions)?;
    Ok(predictions
        .iter()
        .zip(&labels)
        .map(|(p, y)| p - y)
        .collect())
}

/// Mean absolute error, `mean |p - y|`, in the unit of the label.
pub fn mae(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let errors = errors("mae", labels, predictions)?;
    let sum: f64 = errors.iter().map(|e| e.abs()).sum();
    finite("mae", sum / errors.len() as f64)
}

/// Mean squared error, `mean (p - y)²`, in the squared unit of the label.
pub fn mse(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let errors = errors("mse", labels, predictions)?;
    let sum: f64 = errors.iter().map(|e| e * e).sum();
    finite("mse", sum / errors.len() as f64)
}

/// Root mean squared error, `√ mean (p - y)²`, in the unit of the label.
pub fn rmse(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    Ok(mse(labels, predictions)?.sqrt())
}

/// Median of `|p - y|` (mean of the two middle ones for an even count), in the unit of the label.
pub fn median_absolute_error(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let mut sizes: Vec<f64> = errors("median_ae", labels, predictions)?
        .into_iter()
        .map(f64::abs)
        .collect();
    sizes.sort_by(f64::total_cmp);
    let middle = sizes.len() / 2;
    let median = if sizes.len() % 2 == 1 {
        sizes[middle]
    } else {
        f64::midpoint(sizes[middle - 1], sizes[middle])
    };
    finite("median_ae", median)
}

/// Coefficient of determination, `R² = 1 - Σ (p - y)² / Σ (y - ȳ)²`.
///
/// Undefined for fewer than two rows and when all labels are equal.
pub fn r2(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, predictions) = labelled("r2", labels, predictions)?;
    if labels.len() < 2 {
        let reason = Undefined::TooFew {
            needed: 2,
            got: labels.len(),
        };
        return Err(EvalError::undefined("r2", reason));
    }
    if constant(&labels) {
        return Err(EvalError::undefined("r2", Undefined::ConstantLabels));
    }
    let center = mean(&labels);
    let apart = labels.iter().map(|y| (y - center).abs());
    // In units of the largest deviation no square vanishes.
    let unit = apart.fold(f64::MIN_POSITIVE, f64::max);
    let square = |a: f64, b: f64| ((a - b) / unit).powi(2);
    let pairs = predictions.iter().zip(&labels);
    let residual: f64 = pairs.map(|(&p, &y)| square(y, p)).sum();
    let total: f64 = labels.iter().map(|&y| square(y, center)).sum();
    finite("r2", 1.0 - residual / total)
}

/// [`r2`] with scikit-learn's convention (`force_finite`) for labels that are all equal: 1 when every prediction is
/// exact, otherwise 0.
pub fn r2_forced_finite(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    match r2(labels, predictions) {
        Err(EvalError::Undefined {
            reason: Undefined::ConstantLabels,
            ..
        }) => Ok(if mse(labels, predictions)? == 0.0 {
            1.0
        } else {
            0.0
        }),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_rows_by_hand() {
        let (y, p) = ([1.0, 2.0, f64::NAN, 4.0], [2.0, 2.0, 9.0, 1.0]);
        assert!((mae(&y, &p).unwrap() - 4.0 / 3.0).abs() < 1e-15);
        assert!((mse(&y, &p).unwrap() - 10.0 / 3.0).abs() < 1e-15);
        assert!((rmse(&y, &p).unwrap() - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(median_absolute_error(&y, &p).unwrap(), 1.0);
        // Mean label 7/3, total sum of squares 14/3.
        assert!((r2(&y, &p).unwrap() - (1.0 - 10.0 / (14.0 / 3.0))).abs() < 1e-14);
        assert_eq!(
            median_absolute_error(&[0.0, 0.0], &[1.0, 2.0]).unwrap(),
            1.5
        );
    }

    #[test]
    fn r2_does_not_depend_on_the_unit() {
        let (y, p) = ([1.0, 2.0, 4.0], [2.0, 2.0, 1.0]);
        let expected = r2(&y, &p).unwrap();
        for unit in [1e-170, 1e170] {
            let [y, p] = [y, p].map(|v| v.map(|x| x * unit));
            assert!((r2(&y, &p).unwrap() - expected).abs() < 1e-13, "{unit:e}");
        }
    }

    #[test]
    fn undefined_cases() {
        let reason = |r: Result<f64, EvalError>| r.unwrap_err().undefined_reason();
        assert_eq!(
            reason(r2(&[1.5, 1.5], &[1.0, 2.0])),
            Some(Undefined::ConstantLabels)
        );
        assert_eq!(
            reason(r2(&[1.0], &[1.0])),
            Some(Undefined::TooFew { needed: 2, got: 1 })
        );
        assert_eq!(reason(mae(&[f64::NAN], &[1.0])), Some(Undefined::NoRows));
        assert_eq!(
            reason(mse(&[1e300, 0.0], &[-1e300, 0.0])),
            Some(Undefined::Overflow)
        );
        assert_eq!(r2_forced_finite(&[1.5, 1.5], &[1.0, 2.0]), Ok(0.0));
        assert_eq!(r2_forced_finite(&[1.5, 1.5], &[1.5, 1.5]), Ok(1.0));
    }

    proptest! {
        #[test]
        fn scale_and_shift(rows in proptest::collection::vec((-10.0..10.0_f64, -10.0..10.0_f64), 3..40),
                           scale in 0.1..10.0_f64, shift in -5.0..5.0_f64) {
            let (y, p): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
            let map = |v: &[f64]| v.iter().map(|x| x * scale + shift).collect::<Vec<_>>();
            let (y2, p2) = (map(&y), map(&p));
            prop_assert!((mae(&y2, &p2).unwrap() - scale * mae(&y, &p).unwrap()).abs() < 1e-9);
            prop_assert!((rmse(&y2, &p2).unwrap() - scale * rmse(&y, &p).unwrap()).abs() < 1e-9);
            prop_assert!(mae(&y, &p).unwrap() <= rmse(&y, &p).unwrap() + 1e-12);
            if let (Ok(a), Ok(b)) = (r2(&y, &p), r2(&y2, &p2)) {
                prop_assert!((a - b).abs() < 1e-6 * a.abs().max(1.0));
            }
        }
    }
}
