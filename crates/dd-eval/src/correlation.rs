//! Correlations of labels with predictions. Rows whose label is `NaN` are skipped.

use crate::error::finite;
use crate::input::{at_least, constant, labelled, mean};
use crate::rank::{average_ranks, count_pairs};
use crate::{EvalError, Undefined};

/// Rows for a correlation: at least two, neither side constant.
fn varied(
    quantity: &'static str,
    labels: &[f64],
    predictions: &[f64],
) -> Result<(Vec<f64>, Vec<f64>), EvalError> {
    let (labels, predictions) = labelled(quantity, labels, predictions)?;
    at_least(quantity, labels.len(), 2)?;
    if constant(&labels) {
        return Err(EvalError::undefined(quantity, Undefined::ConstantLabels));
    }
    if constant(&predictions) {
        return Err(EvalError::undefined(
            quantity,
            Undefined::ConstantPredictions,
        ));
    }
    Ok((labels, predictions))
}

/// Pearson's correlation, `r = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² Σ (y - ȳ)²)`, limited to -1..1.
///
/// Undefined for fewer than two rows and when either side is constant.
pub fn pearson(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, predictions) = varied("pearson", labels, predictions)?;
    product_moment("pearson", &labels, &predictions)
}

/// Spearman's correlation: [`pearson`] of the ranks, ties sharing their mean rank.
pub fn spearman(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, predictions) = varied("spearman", labels, predictions)?;
    product_moment(
        "spearman",
        &average_ranks(&labels),
        &average_ranks(&predictions),
    )
}

/// Kendall's tau-b, `(C - D) / √((n₀ - n₁)(n₀ - n₂))` with concordant and discordant pairs, all pairs `n₀` and the pairs
/// tied on either side `n₁`, `n₂`.
///
/// M. G. Kendall, Biometrika 33 (1945) 239; counted as by Knight (1966) in `O(n log n)`.
pub fn kendall_tau_b(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, predictions) = varied("kendall_tau_b", labels, predictions)?;
    let pairs = count_pairs(&labels, &predictions);
    let untied = pairs.all - pairs.tied_x - pairs.tied_y + pairs.tied_both;
    let excess = untied - 2.0 * pairs.discordant;
    let scale = (pairs.all - pairs.tied_x).sqrt() * (pairs.all - pairs.tied_y).sqrt();
    finite("kendall_tau_b", (excess / scale).clamp(-1.0, 1.0))
}

fn product_moment(quantity: &'static str, x: &[f64], y: &[f64]) -> Result<f64, EvalError> {
    // Differences of unit size: their squares neither overflow nor vanish. What rounding has left of their mean far from
    // zero is taken off, too.
    let centered = |v: &[f64]| {
        let center = mean(v);
        let mut apart: Vec<f64> = v.iter().map(|value| value - center).collect();
        let left = mean(&apart);
        apart.iter_mut().for_each(|value| *value -= left);
        let largest = apart.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        apart.iter_mut().for_each(|value| *value /= scale);
        apart
    };
    let (x, y) = (centered(x), centered(y));
    let norm = |v: &[f64]| v.iter().map(|value| value * value).sum::<f64>().sqrt();
    let (norm_x, norm_y) = (norm(&x), norm(&y));
    if norm_x == 0.0 {
        return Err(EvalError::undefined(quantity, Undefined::ConstantLabels));
    }
    if norm_y == 0.0 {
        return Err(EvalError::undefined(
            quantity,
            Undefined::ConstantPredictions,
        ));
    }
    let r: f64 = x
        .iter()
        .zip(&y)
        .map(|(a, b)| (a / norm_x) * (b / norm_y))
        .sum();
    Ok(finite(quantity, r)?.clamp(-1.0, 1.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_rows_by_hand() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
        // Sums of squares 5 and 5, cross product 4; ranks equal the values; 5 pairs agree and 1 disagrees.
        assert!((pearson(&x, &y).unwrap() - 0.8).abs() < 1e-15);
        assert!((spearman(&x, &y).unwrap() - 0.8).abs() < 1e-15);
        assert!((kendall_tau_b(&x, &y).unwrap() - 4.0 / 6.0).abs() < 1e-15);
        // One tie on one side: C - D = 2 of 3 pairs, one tied: 2 / sqrt(2 * 3).
        let tau = kendall_tau_b(&[1.0, 1.0, 2.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!((tau - 2.0 / 6.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn units_do_not_matter_however_large_or_small() {
        let predictions = [0.0, 1.5, 2.0];
        let expected = pearson(&[0.0, 1.0, 2.0], &predictions).unwrap();
        for unit in [1e-170, 1e170] {
            let labels = [0.0, unit, 2.0 * unit];
            assert!((pearson(&labels, &predictions).unwrap() - expected).abs() < 1e-12);
        }
        assert!(pearson(&[-1.7e308, 1.7e308, 1.7e308], &predictions).is_err());
    }

    #[test]
    fn constants_have_no_correlation() {
        for metric in [pearson, spearman, kendall_tau_b] {
            let reason = |r: Result<f64, EvalError>| r.unwrap_err().undefined_reason();
            assert_eq!(
                reason(metric(&[0.1; 3], &[1.0, 2.0, 3.0])),
                Some(Undefined::ConstantLabels)
            );
            assert_eq!(
                reason(metric(&[1.0, 2.0, 3.0], &[0.1; 3])),
                Some(Undefined::ConstantPredictions)
            );
            assert!(metric(&[1.0], &[1.0]).is_err());
        }
    }

    fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        proptest::collection::vec((0_u8..9, 0_u8..9), 3..50)
            .prop_map(|rows| {
                rows.into_iter()
                    .map(|(a, b)| (f64::from(a), f64::from(b)))
                    .unzip()
            })
            .prop_filter("both vary", |(x, y): &(Vec<f64>, Vec<f64>)| {
                !constant(x) && !constant(y)
            })
    }

    proptest! {
        #[test]
        fn tau_equals_counting_all_pairs((x, y) in rows()) {
            let (mut excess, mut untied_x, mut untied_y) = (0.0, 0.0_f64, 0.0_f64);
            for i in 0..x.len() {
                for j in 0..i {
                    let sign = |a: f64| if a == 0.0 { 0.0 } else { a.signum() };
                    let (a, b) = (sign(x[i] - x[j]), sign(y[i] - y[j]));
                    excess += a * b;
                    untied_x += a.abs();
                    untied_y += b.abs();
                }
            }
            let expected = excess / (untied_x * untied_y).sqrt();
            prop_assert!((kendall_tau_b(&x, &y).unwrap() - expected).abs() < 1e-12);
        }

        #[test]
        fn rank_correlations_ignore_monotone_transforms((x, y) in rows()) {
            let z: Vec<f64> = y.iter().map(|v| v.exp()).collect();
            for metric in [spearman, kendall_tau_b] {
                prop_assert!((metric(&x, &y).unwrap() - metric(&x, &z).unwrap()).abs() < 1e-12);
            }
        }

        #[test]
        fn symmetric_and_bounded((x, y) in rows()) {
            for metric in [pearson, spearman, kendall_tau_b] {
                let r = metric(&x, &y).unwrap();
                prop_assert!((-1.0..=1.0).contains(&r));
                prop_assert!((r - metric(&y, &x).unwrap()).abs() < 1e-12);
            }
        }
    }
}
