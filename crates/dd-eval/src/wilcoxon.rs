//! The distribution behind the signed-rank test: ranks of absolute differences, and all sign patterns counted.

use crate::average_ranks;
use crate::rank::tie_sizes;

/// Ranks of the absolute values of the non-zero differences, and their sums by sign.
pub(crate) struct SignedRanks {
    ranks: Vec<f64>,
    ties: Vec<usize>,
    pub(crate) positive: f64,
    pub(crate) negative: f64,
}

impl SignedRanks {
    /// `None` when all differences are zero. Sizes of at most `rounding` are zero, and sizes that lie no further apart than
    /// that are equal.
    pub(crate) fn new(differences: &[f64], rounding: f64) -> Option<Self> {
        let is_some = |d: &f64| d.abs() > rounding;
        let kept: Vec<f64> = differences.iter().copied().filter(is_some).collect();
        if kept.is_empty() {
            return None;
        }
        let sizes = without_rounding(kept.iter().map(|d| d.abs()).collect(), rounding);
        let ranks = average_ranks(&sizes);
        let sum = |sign: fn(f64) -> bool| {
            let signed = kept.iter().zip(&ranks).filter(|(d, _)| sign(**d));
            signed.map(|(_, rank)| rank).sum()
        };
        Some(Self {
            positive: sum(|d| d > 0.0),
            negative: sum(|d| d < 0.0),
            ties: tie_sizes(&sizes),
            ranks,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.ranks.len()
    }

    /// Mean and variance of the positive rank sum when signs are random:
    /// `n(n+1)/4` and `n(n+1)(2n+1)/24 - Σ (t³ - t)/48` over groups of `t` ties.
    pub(crate) fn moments(&self) -> (f64, f64) {
        let n = self.count() as f64;
        let correction: f64 = self
            .ties
            .iter()
            .map(|&t| (t as f64).powi(3) - t as f64)
            .sum();
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - correction / 48.0;
        (n * (n + 1.0) / 4.0, variance)
    }
}

/// The same sizes, those that follow one another within `rounding` made one.
fn without_rounding(mut sizes: Vec<f64>, rounding: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[a].total_cmp(&sizes[b]));
    let (mut before, mut stands_for) = (f64::NEG_INFINITY, 0.0);
    for place in order {
        let size = sizes[place];
        if size - before > rounding {
            stands_for = size;
        }
        (before, sizes[place]) = (size, stands_for);
    }
    sizes
}

/// Share of all sign patterns whose positive rank sum lies at least as far from its mean as the one observed.
///
/// Shared ranks are halves, so twice the rank is a whole number; the count of patterns per sum is built up one rank at a
/// time (a polynomial product), `O(n³)`. The counts stay below 2⁵³ for 50 differences, so they are exact.
pub(crate) fn exact_two_sided(ranks: &SignedRanks) -> f64 {
    let doubled: Vec<usize> = ranks
        .ranks
        .iter()
        .map(|rank| (rank * 2.0).round() as usize)
        .collect();
    let total: usize = doubled.iter().sum();
    let mut patterns = vec![0.0_f64; total + 1];
    patterns[0] = 1.0;
    for &rank in &doubled {
        for sum in (rank..=total).rev() {
            patterns[sum] += patterns[sum - rank];
        }
    }
    let smaller = (ranks.positive.min(ranks.negative) * 2.0).round() as usize;
    let tail: f64 = patterns[..=smaller].iter().sum();
    (2.0 * tail / 2.0_f64.powi(ranks.count() as i32)).min(1.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ties_by_enumeration() {
        // Sizes 1, 1, 2: ranks 1.5, 1.5, 3. W- = 1.5; sums over 8 patterns: 0 1.5 1.5 3 3 4.5 4.5 6.
        let ranks = SignedRanks::new(&[-1.0, 1.0, 2.0], 0.0).unwrap();
        assert_eq!((ranks.positive, ranks.negative), (4.5, 1.5));
        assert_eq!(exact_two_sided(&ranks), 6.0 / 8.0);
        // Variance of a sum of independent ranks with random signs: Σ r² / 4.
        let (mean, variance) = ranks.moments();
        assert_eq!((mean, variance), (3.0, (1.5_f64.powi(2) * 2.0 + 9.0) / 4.0));
        assert!(SignedRanks::new(&[0.0], 0.0).is_none());
    }

    #[test]
    fn tabulated_critical_value() {
        // n = 10, W = 8 is the two-sided 5 % critical value (p = 0.048828125).
        let mut differences: Vec<f64> = (1..=10).map(f64::from).collect();
        differences[7] = -8.0;
        let ranks = SignedRanks::new(&differences, 0.0).unwrap();
        assert_eq!(exact_two_sided(&ranks), 0.048_828_125);
    }
}
