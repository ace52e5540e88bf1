//! Checking inputs: lengths, finite numbers, classes, and rows without a label.

use crate::{EvalError, Undefined};

/// Rows that have a label: `(label, prediction)`.
///
/// A `NaN` label is a missing label and its row is skipped, whatever the prediction is. Infinite labels and predictions
/// that are not finite are errors.
pub(crate) fn labelled(
    quantity: &'static str,
    labels: &[f64],
    predictions: &[f64],
) -> Result<(Vec<f64>, Vec<f64>), EvalError> {
    if labels.len() != predictions.len() {
        return Err(EvalError::Length {
            what: "predictions",
            expected: labels.len(),
            got: predictions.len(),
        });
    }
    let mut kept = (Vec::new(), Vec::new());
    for (index, (&label, &prediction)) in labels.iter().zip(predictions).enumerate() {
        if label.is_nan() {
            continue;
        }
        check_finite("label", index, label)?;
        check_finite("prediction", index, prediction)?;
        kept.0.push(label);
        kept.1.push(prediction);
    }
    if kept.0.is_empty() {
        return Err(EvalError::undefined(quantity, Undefined::NoRows));
    }
    Ok(kept)
}

/// Rows that have a class label: `(is positive, score)`.
pub(crate) fn classes(
    quantity: &'static str,
    labels: &[f64],
    scores: &[f64],
) -> Result<(Vec<bool>, Vec<f64>), EvalError> {
    check_classes(labels)?;
    let (labels, scores) = labelled(quantity, labels, scores)?;
    Ok((labels.into_iter().map(|y| y == 1.0).collect(), scores))
}

/// Fails on labels that are neither 0 nor 1 nor missing.
pub(crate) fn check_classes(labels: &[f64]) -> Result<(), EvalError> {
    for (index, &value) in labels.iter().enumerate() {
        if !value.is_nan() && value != 0.0 && value != 1.0 {
            return Err(EvalError::NotBinary { index, value });
        }
    }
    Ok(())
}

/// Rows that have a class label, with predictions that must be probabilities.
pub(crate) fn probabilities(
    quantity: &'static str,
    labels: &[f64],
    predictions: &[f64],
) -> Result<(Vec<bool>, Vec<f64>), EvalError> {
    let rows = classes(quantity, labels, predictions)?;
    for (index, (&label, &value)) in labels.iter().zip(predictions).enumerate() {
        if !label.is_nan() && !(0.0..=1.0).contains(&value) {
            return Err(EvalError::NotProbability {
                metric: quantity,
                index,
                value,
            });
        }
    }
    Ok(rows)
}

/// Two lists of the same length without anything missing.
pub(crate) fn pairs(
    quantity: &'static str,
    a: &[f64],
    b: &[f64],
    needed: usize,
) -> Result<(), EvalError> {
    if a.len() != b.len() {
        return Err(EvalError::Length {
            what: "second list",
            expected: a.len(),
            got: b.len(),
        });
    }
    for (index, &value) in a.iter().enumerate() {
        check_finite("first list", index, value)?;
    }
    for (index, &value) in b.iter().enumerate() {
        check_finite("second list", index, value)?;
    }
    at_least(quantity, a.len(), needed)
}

/// Fails when there are fewer rows than a quantity needs.
pub(crate) fn at_least(quantity: &'static str, got: usize, needed: usize) -> Result<(), EvalError> {
    if got == 0 {
        Err(EvalError::undefined(quantity, Undefined::NoRows))
    } else if got < needed {
        Err(EvalError::undefined(
            quantity,
            Undefined::TooFew { needed, got },
        ))
    } else {
        Ok(())
    }
}

/// Fails on infinities and `NaN`.
pub(crate) fn check_finite(what: &'static str, index: usize, value: f64) -> Result<(), EvalError> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(EvalError::NotFinite { what, index, value })
    }
}

/// True when all values are the same number.
pub(crate) fn constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// Arithmetic mean of a list that is not empty.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn missing_labels_are_skipped_and_bad_values_named() {
        let (labels, scores) = labelled("q", &[1.0, f64::NAN, 2.0], &[5.0, f64::NAN, 7.0]).unwrap();
        assert_eq!((labels, scores), (vec![1.0, 2.0], vec![5.0, 7.0]));
        let error = labelled("q", &[1.0, 2.0], &[0.0, f64::NAN]).unwrap_err();
        assert!(matches!(error, EvalError::NotFinite { index: 1, .. }));
        let error = classes("q", &[0.0, 2.0], &[0.0, 0.0]).unwrap_err();
        assert_eq!(
            error,
            EvalError::NotBinary {
                index: 1,
                value: 2.0
            }
        );
        let error = probabilities("brier", &[0.0, 1.0], &[0.5, 1.5]).unwrap_err();
        assert!(matches!(error, EvalError::NotProbability { index: 1, .. }));
        assert!(labelled("q", &[f64::NAN], &[1.0]).is_err());
        assert!(labelled("q", &[1.0], &[]).is_err());
    }

    #[test]
    fn constants_are_exact() {
        assert!(constant(&[0.1, 0.1]) && constant(&[3.0]) && constant(&[]));
        assert!(!constant(&[0.1, 0.1 + 1e-12]));
    }
}
