//! Metrics of predicted probabilities: Brier score, log loss, calibration errors and reliability bins.

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::input::probabilities;

/// Brier score, `mean (p - y)²`. G. W. Brier, Mon. Weather Rev. 78 (1950) 1.
pub fn brier(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, p) = probabilities("brier", labels, predictions)?;
    let sum: f64 = p
        .iter()
        .zip(&labels)
        .map(|(p, &y)| (p - truth(y)).powi(2))
        .sum();
    Ok(sum / p.len() as f64)
}

/// Log loss, `-mean (y ln p + (1 - y) ln (1 - p))`, in nats.
///
/// Probabilities are clipped to `[ε, 1 - ε]` with the machine precision `ε = 2⁻⁵²`, as scikit-learn does, so that one
/// confident mistake costs 36 and not infinity.
pub fn log_loss(labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
    let (labels, p) = probabilities("log_loss", labels, predictions)?;
    let nats = |(&p, &y): (&f64, &bool)| {
        let p = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        -(if y { p } else { 1.0 - p }).ln()
    };
    Ok(p.iter().zip(&labels).map(nats).sum::<f64>() / p.len() as f64)
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Rows in the bin.
    pub count: usize,
    /// Mean predicted probability and mean label, or `None` in an empty bin.
    pub means: Option<(f64, f64)>,
}

/// Reliability bins of equal width: row with probability `p` goes to bin `⌈p B⌉ - 1`, limited to `0..B`.
pub fn bins(labels: &[f64], predictions: &[f64], count: usize) -> Result<Vec<Bin>, EvalError> {
    let (labels, p) = probabilities("bins", labels, predictions)?;
    check_bins(count)?;
    let place = |p: f64| {
        ((p * count as f64).ceil() as usize)
            .saturating_sub(1)
            .min(count - 1)
    };
    Ok(fill(&labels, &p, count, place))
}

/// Expected calibration error over `count` bins of equal width: `Σ (n_b / n) |mean p - mean y|`.
///
/// M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015; C. Guo et al., ICML 2017 (15 bins).
pub fn expected_calibration_error(
    labels: &[f64],
    predictions: &[f64],
    count: usize,
) -> Result<f64, EvalError> {
    let bins = bins(labels, predictions, count)?;
    let rows: usize = bins.iter().map(|bin| bin.count).sum();
    Ok(gaps(&bins)
        .map(|(n, gap)| n as f64 / rows as f64 * gap)
        .sum())
}

/// Maximum calibration error over `count` bins of equal width: the largest `|mean p - mean y|`.
pub fn maximum_calibration_error(
    labels: &[f64],
    predictions: &[f64],
    count: usize,
) -> Result<f64, EvalError> {
    let bins = bins(labels, predictions, count)?;
    Ok(gaps(&bins).map(|(_, gap)| gap).fold(0.0, f64::max))
}

/// Calibration curve over bins of equal width, as scikit-learn's `calibration_curve(strategy="uniform")`: mean prediction
/// and mean label of each bin that is not empty. A probability on an inner edge belongs to the bin below.
pub fn curve_uniform(
    labels: &[f64],
    predictions: &[f64],
    count: usize,
) -> Result<Vec<(f64, f64)>, EvalError> {
    let (labels, p) = probabilities("calibration_curve", labels, predictions)?;
    check_bins(count)?;
    Ok(curve(&labels, &p, &fractions(count)))
}

/// Calibration curve over bins of equal population (`strategy="quantile"`): edges are quantiles of the predictions by
/// linear interpolation.
pub fn curve_quantile(
    labels: &[f64],
    predictions: &[f64],
    count: usize,
) -> Result<Vec<(f64, f64)>, EvalError> {
    let (labels, p) = probabilities("calibration_curve", labels, predictions)?;
    check_bins(count)?;
    let mut sorted = p.clone();
    sorted.sort_by(f64::total_cmp);
    let edges: Vec<f64> = fractions(count)
        .into_iter()
        .map(|q| quantile(&sorted, q * 100.0 / 100.0))
        .collect();
    Ok(curve(&labels, &p, &edges))
}

/// Quantile of a sorted list by linear interpolation (R's type 7, NumPy's default). `sorted` must not be empty.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = (place.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let (a, b, t) = (sorted[below], sorted[above], place - below as f64);
    // Interpolating from the nearer end keeps the result monotone in q.
    if t < 0.5 {
        a + (b - a) * t
    } else {
        b - (b - a) * (1.0 - t)
    }
}

fn truth(positive: bool) -> f64 {
    f64::from(u8::from(positive))
}

fn check_bins(count: usize) -> Result<(), EvalError> {
    if count == 0 {
        return Err(EvalError::Setting {
            name: "number of bins",
            value: 0.0,
            expected: "at least 1",
        });
    }
    Ok(())
}

/// `0, 1/count, …, 1`, each inner one computed as a multiple of the width (the last is exactly 1).
fn fractions(count: usize) -> Vec<f64> {
    let width = 1.0 / count as f64;
    (0..count)
        .map(|k| k as f64 * width)
        .chain(std::iter::once(1.0))
        .collect()
}

fn curve(labels: &[bool], p: &[f64], edges: &[f64]) -> Vec<(f64, f64)> {
    let inner = &edges[1..edges.len() - 1];
    let place = |p: f64| inner.partition_point(|&edge| edge < p);
    fill(labels, p, edges.len() - 1, place)
        .into_iter()
        .filter_map(|bin| bin.means)
        .collect()
}

fn fill(labels: &[bool], p: &[f64], count: usize, place: impl Fn(f64) -> usize) -> Vec<Bin> {
    let mut sums = vec![(0_usize, 0.0, 0.0); count];
    for (&p, &y) in p.iter().zip(labels) {
        let (n, sum_p, sum_y) = &mut sums[place(p)];
        *n += 1;
        *sum_p += p;
        *sum_y += truth(y);
    }
    let bin = |(n, p, y): (usize, f64, f64)| Bin {
        count: n,
        means: (n > 0).then(|| (p / n as f64, y / n as f64)),
    };
    sums.into_iter().map(bin).collect()
}

fn gaps(bins: &[Bin]) -> impl Iterator<Item = (usize, f64)> {
    bins.iter()
        .filter_map(|bin| bin.means.map(|(p, y)| (bin.count, (p - y).abs())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_by_hand() {
        let (labels, p) = ([1.0, 0.0, f64::NAN], [0.8, 0.4, 2.0]);
        assert!((brier(&labels, &p).unwrap() - 0.1).abs() < 1e-15);
        let expected = -f64::midpoint(0.8_f64.ln(), 0.6_f64.ln());
        assert!((log_loss(&labels, &p).unwrap() - expected).abs() < 1e-15);
        // Bins of width 1/2: 0.4 against 0 and 0.8 against 1.
        assert!((expected_calibration_error(&labels, &p, 2).unwrap() - 0.3).abs() < 1e-15);
        assert!((maximum_calibration_error(&labels, &p, 2).unwrap() - 0.4).abs() < 1e-15);
    }

    #[test]
    fn confident_mistakes_cost_a_finite_amount() {
        assert!((log_loss(&[1.0], &[0.0]).unwrap() - 36.043_653_389_117_15).abs() < 1e-9);
    }

    #[test]
    fn edges_belong_to_the_bin_below() {
        let bins = bins(&[0.0, 1.0, 1.0], &[0.0, 0.5, 1.0], 2).unwrap();
        assert_eq!(bins[0].count, 2);
        assert_eq!(bins[1].means, Some((1.0, 1.0)));
        let curve = curve_uniform(&[0.0, 1.0, 1.0], &[0.0, 0.5, 1.0], 2).unwrap();
        assert_eq!(curve, [(0.25, 0.5), (1.0, 1.0)]);
        assert!(curve_uniform(&[0.0], &[0.5], 0).is_err());
    }

    #[test]
    fn quantiles_interpolate() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 0.75), 3.0);
        assert_eq!(quantile(&sorted, 1.0), 4.0);
    }
}
