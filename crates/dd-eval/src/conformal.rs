//! Split-conformal prediction: how far a prediction may be off, from rows that the model did not learn from.
//!
//! Each calibration row has a score, larger for a worse prediction: `|y - ŷ|` for numbers, `1 - p(y)` for classes. The
//! threshold of a coverage `c` is the `⌈(n + 1) c⌉`-th smallest of the `n` scores. A new row's score is at most the threshold
//! with probability at least `c` (and at most `c + 1/(n + 1)` without ties), whatever the model and the distribution, when
//! the new row and the calibration rows are exchangeable.
//!
//! Sources: V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World* (2005); J. Lei et al., J. Am. Stat.
//! Assoc. 113 (2018) 1094, section 2.2 (numbers); M. Sadinle, J. Lei, L. Wasserman, J. Am. Stat. Assoc. 114 (2019) 223,
//! section 2 (classes, with a threshold for each).

use crate::error::finite;
use crate::input::{check_classes, check_finite};
use crate::summary::check_level;
use crate::{EvalError, Undefined};

/// Keeps `20 · 0.95` at 19, whatever rounding says.
const ROUNDING: f64 = 1e-9;

/// The rank of the threshold among `count` scores, from 1: `⌈(n + 1) c⌉`. Beyond `count` when they do not support the
/// coverage.
fn rank(count: usize, coverage: f64) -> usize {
    ((count as f64 + 1.0) * coverage - ROUNDING).ceil().max(1.0) as usize
}

/// The least number of calibration rows that support a coverage: the least `n` with `⌈(n + 1) c⌉ ≤ n`.
///
/// ```
/// assert_eq!(dd_eval::conformal::rows_needed(0.9)?, 9);
/// assert_eq!(dd_eval::conformal::rows_needed(0.95)?, 19);
/// # Ok::<(), dd_eval::EvalError>(())
/// ```
pub fn rows_needed(coverage: f64) -> Result<usize, EvalError> {
    check_level(coverage)?;
    let mut count = (coverage / (1.0 - coverage)) as usize;
    count = count.saturating_sub(2);
    while rank(count, coverage) > count {
        count += 1;
    }
    Ok(count)
}

/// The threshold of a coverage such as 0.9, from scores in ascending order.
///
/// Refuses a coverage that so few rows cannot support ([`Undefined::TooFew`] says how many can).
pub fn threshold(ascending: &[f64], coverage: f64) -> Result<f64, EvalError> {
    check_level(coverage)?;
    let rank = rank(ascending.len(), coverage);
    match ascending.get(rank - 1) {
        Some(&score) => finite("conformal threshold", score),
        None => Err(EvalError::undefined(
            "conformal threshold",
            Undefined::TooFew {
                needed: rows_needed(coverage)?,
                got: ascending.len(),
            },
        )),
    }
}

/// Scores of numbers, `|y - ŷ|`, in ascending order; rows without a label are left out.
pub fn residuals(labels: &[f64], predictions: &[f64]) -> Result<Vec<f64>, EvalError> {
    let rows = labelled_rows(labels, predictions)?;
    ascending(rows.map(|(row, label, prediction)| (row, (label - prediction).abs())))
}

/// Scores of numbers in units of each row's own scale, `|y - ŷ| / scale`, in ascending order; rows without a label are left
/// out. The interval of a new row is its scale times the threshold, to both sides. Source: H. Papadopoulos, V. Vovk, A.
/// Gammerman, J. Artif. Intell. Res. 40 (2011) 815.
pub fn scaled_residuals(
    labels: &[f64],
    predictions: &[f64],
    scales: &[f64],
) -> Result<Vec<f64>, EvalError> {
    if labels.len() != scales.len() {
        return Err(EvalError::Length {
            what: "scales",
            expected: labels.len(),
            got: scales.len(),
        });
    }
    if let Some(row) = scales.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        return Err(EvalError::NotPositive {
            index: row,
            value: scales[row],
        });
    }
    let rows = labelled_rows(labels, predictions)?;
    ascending(rows.map(|(row, label, prediction)| (row, (label - prediction).abs() / scales[row])))
}

/// Scores of the rows of one class, `1 - p(class)`, in ascending order, from labels 0 and 1 and probabilities of 1.
pub fn class_scores(
    labels: &[f64],
    probabilities: &[f64],
    positive: bool,
) -> Result<Vec<f64>, EvalError> {
    check_classes(labels)?;
    let rows = labelled_rows(labels, probabilities)?;
    let class = f64::from(u8::from(positive));
    let of_class = rows.filter(|(_, label, _)| *label == class);
    ascending(of_class.map(|(row, _, p)| (row, if positive { 1.0 - p } else { p })))
}

/// The share of rows whose label lies within `half_width` of its prediction; rows without a label are left out.
pub fn coverage(labels: &[f64], predictions: &[f64], half_width: f64) -> Result<f64, EvalError> {
    let scores = residuals(labels, predictions)?;
    if scores.is_empty() {
        return Err(EvalError::undefined("coverage", Undefined::NoRows));
    }
    let inside = scores.partition_point(|&score| score <= half_width);
    Ok(inside as f64 / scores.len() as f64)
}

/// Position, label and prediction of the rows with a label.
fn labelled_rows<'a>(
    labels: &'a [f64],
    predictions: &'a [f64],
) -> Result<impl Iterator<Item = (usize, f64, f64)> + 'a, EvalError> {
    if labels.len() != predictions.len() {
        return Err(EvalError::Length {
            what: "predictions",
            expected: labels.len(),
            got: predictions.len(),
        });
    }
    let rows = labels.iter().zip(predictions).enumerate();
    let rows = rows.map(|(row, (&label, &prediction))| (row, label, prediction));
    Ok(rows.filter(|(_, label, _)| !label.is_nan()))
}

/// Scores in order, from those of the rows.
fn ascending(of_rows: impl Iterator<Item = (usize, f64)>) -> Result<Vec<f64>, EvalError> {
    let mut scores = Vec::new();
    for (row, score) in of_rows {
        check_finite("score", row, score)?;
        scores.push(score);
    }
    scores.sort_by(f64::total_cmp);
    Ok(scores)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_row_is_named_by_its_place() {
        let labels = [f64::NAN, 0.0, 1.0, 0.5];
        let error = class_scores(&labels, &[0.5; 4], true).unwrap_err();
        assert!(matches!(error, EvalError::NotBinary { index: 3, .. }));
        let error = class_scores(&labels[..3], &[0.5, 0.5, f64::NAN], true).unwrap_err();
        assert!(matches!(error, EvalError::NotFinite { index: 2, .. }));
        let error = residuals(&labels, &[0.0, 0.0, f64::INFINITY, 0.0]).unwrap_err();
        assert!(matches!(error, EvalError::NotFinite { index: 2, .. }));
    }

    #[test]
    fn scales_are_positive() {
        for scale in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            let error = scaled_residuals(&[1.0, 2.0], &[0.0; 2], &[1.0, scale]).unwrap_err();
            assert!(matches!(error, EvalError::NotPositive { index: 1, .. }));
        }
    }

    #[test]
    fn thresholds_by_hand() {
        let nineteen: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(threshold(&nineteen, 0.95).unwrap(), 19.0);
        assert_eq!(threshold(&nineteen, 0.9).unwrap(), 18.0);
        assert_eq!(threshold(&nineteen, 0.8).unwrap(), 16.0);
        assert_eq!(threshold(&nineteen, 0.01).unwrap(), 1.0);
        let message = threshold(&nineteen[..18], 0.95).unwrap_err().to_string();
        assert!(
            message.contains("19") && message.contains("18"),
            "{message}"
        );
        assert!(threshold(&nineteen, 1.0).is_err() && threshold(&[], 0.5).is_err());
    }

    #[test]
    fn so_many_rows_and_no_fewer() {
        for coverage in [0.01, 0.5, 0.683, 0.8, 0.9, 0.95, 0.99, 0.999] {
            let needed = rows_needed(coverage).unwrap();
            assert!(rank(needed, coverage) <= needed, "{coverage}");
            assert!(
                needed == 0 || rank(needed - 1, coverage) > needed - 1,
                "{coverage}"
            );
        }
    }

    #[test]
    fn scores_leave_out_what_has_no_label() {
        let labels = [1.0, f64::NAN, 0.0, 1.0];
        let p = [0.75, 0.5, 0.25, 0.5];
        assert_eq!(class_scores(&labels, &p, true).unwrap(), [0.25, 0.5]);
        assert_eq!(class_scores(&labels, &p, false).unwrap(), [0.25]);
        assert_eq!(residuals(&labels, &p).unwrap(), [0.25, 0.25, 0.5]);
        assert_eq!(coverage(&labels, &p, 0.25).unwrap(), 2.0 / 3.0);
        let scaled = scaled_residuals(&labels, &p, &[0.5, 1.0, 0.125, 4.0]).unwrap();
        assert_eq!(scaled, [0.125, 0.5, 2.0]);
        assert!(scaled_residuals(&labels, &p, &[1.0; 3]).is_err());
        assert!(scaled_residuals(&labels, &p, &[0.0; 4]).is_err());
        assert!(coverage(&[f64::NAN], &[1.0], 0.1).is_err());
    }

    /// A plain congruential generator: the guarantee needs exchangeable rows, not good random numbers.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn simulated_residuals_are_covered_as_promised() {
        let mut uniform = noise(7);
        // Heavy tails, and a spread that depends on the row: neither matters.
        let mut score = || (1.0 / (1e-6 + uniform()) - 1.0) * (1.0 + uniform());
        for (count, level) in [(19, 0.95), (40, 0.9), (64, 0.8), (200, 0.95)] {
            let (mut inside, trials) = (0, 4000);
            for _ in 0..trials {
                let mut scores: Vec<f64> = (0..count).map(|_| score()).collect();
                scores.sort_by(f64::total_cmp);
                inside += usize::from(score() <= threshold(&scores, level).unwrap());
            }
            let share = inside as f64 / trials as f64;
            let bounds = (level - 0.02, level + 1.0 / (count as f64 + 1.0) + 0.02);
            assert!(
                share >= bounds.0 && share <= bounds.1,
                "{count} {level}: {share}"
            );
        }
    }
}
