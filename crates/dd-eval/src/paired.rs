//! Is A better than B on the same seeds (or rows)? Paired tests and effect sizes.
//!
//! Each function takes the two lists in the same order; differences are `first - second`. p-values are two-sided.

use serde::{Deserialize, Serialize};

use crate::input::pairs;
use crate::special::{normal_cdf, student_t_two_sided};
use crate::summary::Summary;
use crate::wilcoxon::{SignedRanks, exact_two_sided};
use crate::{EvalError, Undefined};

/// Signed-rank tests with at most this many non-zero differences are exact.
pub const EXACT_UP_TO: usize = 50;

/// Result of a paired t-test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TTest {
    /// Mean of the differences.
    pub mean_difference: f64,
    /// `t = d̄ / (s_d / √n)`.
    pub t: f64,
    /// Degrees of freedom, `n - 1`.
    pub degrees: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// Result of a Wilcoxon signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wilcoxon {
    /// Sum of the ranks of positive differences.
    pub positive: f64,
    /// Sum of the ranks of negative differences.
    pub negative: f64,
    /// Differences that are not zero (zeros are dropped, as Wilcoxon did).
    pub count: usize,
    /// Two-sided p-value.
    pub p: f64,
    /// Whether `p` comes from all sign patterns (or from the normal approximation).
    pub exact: bool,
    /// Rank-biserial correlation, `(W⁺ - W⁻) / (W⁺ + W⁻)`: an effect size between -1 and 1.
    pub rank_biserial: f64,
}

fn differences(
    quantity: &'static str,
    first: &[f64],
    second: &[f64],
    needed: usize,
) -> Result<Vec<f64>, EvalError> {
    pairs(quantity, first, second, needed)?;
    Ok(first.iter().zip(second).map(|(a, b)| a - b).collect())
}

/// Mean and spread of the differences; fails when they have no spread beyond the rounding of the values.
fn spread(
    quantity: &'static str,
    differences: &[f64],
    values: [&[f64]; 2],
) -> Result<(f64, f64), EvalError> {
    let summary = Summary::new(differences)?;
    match summary.std {
        Some(std) if std > rounding(values) => Ok((summary.mean, std)),
        _ => Err(EvalError::undefined(
            quantity,
            Undefined::ConstantDifferences,
        )),
    }
}

/// What differences of these values can owe to rounding.
fn rounding(values: [&[f64]; 2]) -> f64 {
    let largest = { values.into_iter().flatten() }.fold(0.0_f64, |max, x| max.max(x.abs()));
    4.0 * f64::EPSILON * largest
}

/// Student's paired t-test. Needs two pairs and differences that are not all equal.
///
/// Student, Biometrika 6 (1908) 1.
pub fn t_test(first: &[f64], second: &[f64]) -> Result<TTest, EvalError> {
    let differences = differences("paired t-test", first, second, 2)?;
    let (mean_difference, std) = spread("paired t-test", &differences, [first, second])?;
    let n = differences.len() as f64;
    let t = mean_difference / (std / n.sqrt());
    Ok(TTest {
        mean_difference,
        t,
        degrees: n - 1.0,
        p: student_t_two_sided(t, n - 1.0),
    })
}

/// Wilcoxon's signed-rank test. Zero differences are dropped; equal sizes share their mean rank. Differences that are zero
/// or equal but for the rounding of the values count as such, as scores come from a grid (areas under a curve do).
///
/// Up to [`EXACT_UP_TO`] differences the p-value is exact, given the ranks: the share of the `2ⁿ` sign patterns whose
/// statistic is at least as extreme, which is right with ties too. Beyond, the normal approximation with correction for
/// ties and continuity. F. Wilcoxon, Biometrics Bull. 1 (1945) 80.
pub fn wilcoxon(first: &[f64], second: &[f64]) -> Result<Wilcoxon, EvalError> {
    let differences = differences("Wilcoxon signed-rank test", first, second, 1)?;
    let Some(ranks) = SignedRanks::new(&differences, rounding([first, second])) else {
        return Err(EvalError::undefined(
            "Wilcoxon signed-rank test",
            Undefined::NoDifferences,
        ));
    };
    let exact = ranks.count() <= EXACT_UP_TO;
    let p = if exact {
        exact_two_sided(&ranks)
    } else {
        let (center, variance) = ranks.moments();
        let distance = ((ranks.positive - center).abs() - 0.5).max(0.0);
        2.0 * normal_cdf(-distance / variance.sqrt())
    };
    Ok(Wilcoxon {
        positive: ranks.positive,
        negative: ranks.negative,
        count: ranks.count(),
        p: p.min(1.0),
        exact,
        rank_biserial: (ranks.positive - ranks.negative) / (ranks.positive + ranks.negative),
    })
}

/// Cohen's d for paired samples, `d_z = d̄ / s_d`: mean difference in units of its own spread.
///
/// J. Cohen, *Statistical Power Analysis for the Behavioral Sciences* (1988), section 2.3.5.
pub fn cohen_d(first: &[f64], second: &[f64]) -> Result<f64, EvalError> {
    let differences = differences("Cohen's d", first, second, 2)?;
    let (mean, std) = spread("Cohen's d", &differences, [first, second])?;
    Ok(mean / std)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Areas under curves of 49 pairs: all five differences are of 2/49, but not of the same bits.
    #[test]
    fn sizes_that_are_equal_but_for_rounding_are_ties() {
        let of = |counts: [f64; 5]| counts.map(|count| count / 49.0);
        let first = of([38.0, 32.0, 27.0, 27.0, 47.0]);
        let second = of([40.0, 34.0, 29.0, 25.0, 45.0]);
        let test = wilcoxon(&first, &second).unwrap();
        assert_eq!((test.positive, test.negative, test.p), (6.0, 9.0, 1.0));
        let above = first.map(f64::next_up);
        let test = wilcoxon(&first, &above).unwrap_err();
        assert_eq!(test.undefined_reason(), Some(Undefined::NoDifferences));
    }

    #[test]
    fn rounding_is_no_spread() {
        let test = t_test(&[0.1; 3], &[0.0; 3]).unwrap_err();
        assert_eq!(
            test.undefined_reason(),
            Some(Undefined::ConstantDifferences)
        );
        // The differences are 0.1 but for the last bit.
        assert!(cohen_d(&[0.4, 0.3, 0.2], &[0.3, 0.2, 0.1]).is_err());
        assert!(t_test(&[0.1, 0.1 + 1e-12], &[0.0; 2]).is_ok());
    }

    #[test]
    fn t_test_by_hand() {
        // Differences 1, 2, 3: mean 2, spread 1, t = 2 sqrt(3); two degrees: p = 1 - t / sqrt(2 + t^2).
        let test = t_test(&[2.0, 4.0, 6.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!((test.t - 12.0_f64.sqrt()).abs() < 1e-14);
        assert!((test.p - (1.0 - (12.0_f64 / 14.0).sqrt())).abs() < 1e-13);
        assert!((cohen_d(&[2.0, 4.0, 6.0], &[1.0, 2.0, 3.0]).unwrap() - 2.0).abs() < 1e-14);
    }

    #[test]
    fn wilcoxon_by_hand() {
        // Five positive differences: two of 32 patterns are as extreme.
        let test = wilcoxon(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5]).unwrap();
        assert_eq!(
            (test.p, test.rank_biserial, test.exact),
            (2.0 / 32.0, 1.0, true)
        );
        // Ranks 1, 2, 3 with signs -, +, +: W+ = 5; patterns with min(W+, W-) <= 1: 4 of 8.
        let test = wilcoxon(&[-1.0, 2.0, 3.0, 0.0], &[0.0; 4]).unwrap();
        assert_eq!((test.positive, test.negative, test.count), (5.0, 1.0, 3));
        assert_eq!(test.p, 0.5);
    }

    #[test]
    fn large_samples_use_the_normal_approximation() {
        // W- = 1 + … + 20 = 210 of 1830, variance n(n+1)(2n+1)/24 = 18452.5: z = 704.5 / 135.84.
        let differences: Vec<f64> = (1..=60)
            .map(|k| if k <= 20 { -f64::from(k) } else { f64::from(k) })
            .collect();
        let test = wilcoxon(&differences, &[0.0; 60]).unwrap();
        let z = 704.5 / 18_452.5_f64.sqrt();
        assert!(!test.exact && (test.p - 2.0 * normal_cdf(-z)).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_scipy() {
        // scipy 1.17.1: ttest_rel, wilcoxon(method="exact"), wilcoxon(correction=True, method="approx").
        let a = [0.812, 0.798, 0.835, 0.821, 0.807, 0.829, 0.815];
        let b = [0.801, 0.802, 0.811, 0.809, 0.795, 0.822, 0.816];
        let test = t_test(&a, &b).unwrap();
        assert!((test.t - 2.477_955_614_292_282_5).abs() < 1e-12);
        assert!((test.p - 0.047_937_954_117_259_94).abs() < 1e-13);
        assert_eq!(wilcoxon(&a, &b).unwrap().p, 0.078_125);
        let differences: Vec<f64> = (0..70)
            .map(|k| f64::from(if k % 2 == 0 { 1 } else { -1 } * (k % 13 + 1) + 4 * (k % 3)))
            .collect();
        let test = wilcoxon(&differences, &[0.0; 70]).unwrap();
        assert_eq!(test.positive.min(test.negative), 603.5);
        assert!((test.p - 5.041_592_357_426_887e-4).abs() < 1e-14);
    }

    #[test]
    fn no_spread_no_test() {
        let reason = |e: EvalError| e.undefined_reason();
        let same = [1.0, 2.0];
        assert_eq!(
            reason(t_test(&same, &same).unwrap_err()),
            Some(Undefined::ConstantDifferences)
        );
        assert_eq!(
            reason(wilcoxon(&same, &same).unwrap_err()),
            Some(Undefined::NoDifferences)
        );
        assert!(cohen_d(&[1.0], &[2.0]).is_err() && t_test(&same, &[1.0]).is_err());
    }

    proptest! {
        #[test]
        fn exchanging_the_contenders_changes_signs_only(
            rows in proptest::collection::vec((-3_i8..4, -3_i8..4), 3..20)
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = rows.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).unzip();
            if let (Ok(x), Ok(y)) = (t_test(&a, &b), t_test(&b, &a)) {
                prop_assert!((x.t + y.t).abs() < 1e-9 && (x.p - y.p).abs() < 1e-12);
                prop_assert!((0.0..=1.0).contains(&x.p));
            }
            if let (Ok(x), Ok(y)) = (wilcoxon(&a, &b), wilcoxon(&b, &a)) {
                prop_assert_eq!(x.positive, y.negative);
                prop_assert!((x.p - y.p).abs() < 1e-12 && (0.0..=1.0).contains(&x.p));
                prop_assert!((x.rank_biserial + y.rank_biserial).abs() < 1e-12);
            }
        }
    }
}
