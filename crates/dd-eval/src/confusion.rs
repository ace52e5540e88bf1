//! Decisions at a threshold: the four counts and everything computed from them.

use crate::input::classes;
use crate::{EvalError, Undefined};

/// Counts of decisions against class labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Positives accepted.
    pub true_positives: u64,
    /// Negatives accepted.
    pub false_positives: u64,
    /// Negatives rejected.
    pub true_negatives: u64,
    /// Positives rejected.
    pub false_negatives: u64,
}

impl Confusion {
    /// Accepts every row whose score is at least `threshold`. Labels are 0, 1 or `NaN` (missing, skipped).
    pub fn at(threshold: f64, labels: &[f64], scores: &[f64]) -> Result<Self, EvalError> {
        let (labels, scores) = classes("confusion", labels, scores)?;
        let count = |label: bool, accepted: bool| {
            labels
                .iter()
                .zip(&scores)
                .filter(|&(&y, &s)| y == label && (s >= threshold) == accepted)
                .count() as u64
        };
        Ok(Self {
            true_positives: count(true, true),
            false_positives: count(false, true),
            true_negatives: count(false, false),
            false_negatives: count(true, false),
        })
    }

    fn counts(&self) -> [f64; 4] {
        [
            self.true_positives as f64,
            self.false_positives as f64,
            self.true_negatives as f64,
            self.false_negatives as f64,
        ]
    }

    /// `(TP + TN) / n`.
    pub fn accuracy(&self) -> Result<f64, EvalError> {
        let [tp, fp, tn, fn_] = self.counts();
        ratio("accuracy", tp + tn, tp + fp + tn + fn_, Undefined::NoRows)
    }

    /// Mean of the recalls of both classes. Undefined unless both occur.
    pub fn balanced_accuracy(&self) -> Result<f64, EvalError> {
        let [tp, fp, tn, fn_] = self.counts();
        let positives = ratio("balanced_accuracy", tp, tp + fn_, Undefined::NoPositives)?;
        let negatives = ratio("balanced_accuracy", tn, tn + fp, Undefined::NoNegatives)?;
        Ok(f64::midpoint(positives, negatives))
    }

    /// `TP / (TP + FP)`. Undefined when nothing was accepted.
    pub fn precision(&self) -> Result<f64, EvalError> {
        let [tp, fp, ..] = self.counts();
        ratio("precision", tp, tp + fp, Undefined::NoPredictedPositives)
    }

    /// `TP / (TP + FN)`. Undefined without positives.
    pub fn recall(&self) -> Result<f64, EvalError> {
        let [tp, _, _, fn_] = self.counts();
        ratio("recall", tp, tp + fn_, Undefined::NoPositives)
    }

    /// `2 TP / (2 TP + FP + FN)`. Undefined when there is no positive and nothing was accepted.
    pub fn f1(&self) -> Result<f64, EvalError> {
        let [tp, fp, _, fn_] = self.counts();
        ratio("f1", 2.0 * tp, 2.0 * tp + fp + fn_, Undefined::NoPositives)
    }

    /// Matthews correlation coefficient,
    /// `(TP TN - FP FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN))`.
    ///
    /// Undefined when labels or decisions are all alike (scikit-learn returns 0 there, see [`or_zero`](Self::or_zero)).
    /// B. W. Matthews, Biochim. Biophys. Acta 405 (1975) 442.
    pub fn mcc(&self) -> Result<f64, EvalError> {
        let [tp, fp, tn, fn_] = self.counts();
        // Roots of two factors each: the product of four counts can lose digits, and these are exact where nothing is wrong.
        let scale = ((tp + fp) * (tp + fn_)).sqrt() * ((tn + fp) * (tn + fn_)).sqrt();
        let mcc = ratio("mcc", tp * tn - fp * fn_, scale, Undefined::OneClassOnly)?;
        Ok(mcc.clamp(-1.0, 1.0))
    }

    /// Cohen's kappa, `(pₒ - pₑ) / (1 - pₑ)`: agreement beyond chance.
    ///
    /// Undefined when labels and decisions are all of one and the same class. J. Cohen, Educ. Psychol. Meas. 20 (1960) 37.
    pub fn cohen_kappa(&self) -> Result<f64, EvalError> {
        let [tp, fp, tn, fn_] = self.counts();
        // (pₒ - pₑ) / (1 - pₑ) over common denominators, exact for counts below 2⁵³.
        let numerator = 2.0 * (tp * tn - fn_ * fp);
        let denominator = (tp + fp) * (fp + tn) + (tp + fn_) * (fn_ + tn);
        ratio(
            "cohen_kappa",
            numerator,
            denominator,
            Undefined::OneClassOnly,
        )
    }

    /// Scikit-learn's convention for ratios without a denominator: `Undefined` becomes 0, other errors stay.
    ///
    /// For comparison with tables made that way: `Confusion::or_zero(confusion.mcc())`.
    pub fn or_zero(value: Result<f64, EvalError>) -> Result<f64, EvalError> {
        match value {
            Err(EvalError::Undefined { .. }) => Ok(0.0),
            other => other,
        }
    }
}

fn ratio(
    quantity: &'static str,
    numerator: f64,
    denominator: f64,
    reason: Undefined,
) -> Result<f64, EvalError> {
    if denominator == 0.0 {
        Err(EvalError::undefined(quantity, reason))
    } else {
        Ok(numerator / denominator)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn example() -> Confusion {
        Confusion {
            true_positives: 20,
            false_positives: 10,
            true_negatives: 15,
            false_negatives: 5,
        }
    }

    #[test]
    fn textbook_values() {
        let c = example();
        assert_eq!(c.accuracy().unwrap(), 0.7);
        // Chance agreement 0.5: kappa = (0.7 - 0.5) / 0.5.
        assert!((c.cohen_kappa().unwrap() - 0.4).abs() < 1e-15);
        assert_eq!(c.balanced_accuracy().unwrap(), f64::midpoint(0.8, 0.6));
        assert_eq!(
            (c.precision().unwrap(), c.recall().unwrap()),
            (2.0 / 3.0, 0.8)
        );
        assert_eq!(c.f1().unwrap(), 40.0 / 55.0);
        let mcc = 250.0 / (30.0_f64 * 25.0 * 25.0 * 20.0).sqrt();
        assert!((c.mcc().unwrap() - mcc).abs() < 1e-15);
        for n in 1..200 {
            let labels: Vec<f64> = (0..n + 3).map(|i| f64::from(u8::from(i < n))).collect();
            let perfect = Confusion::at(0.5, &labels, &labels).unwrap();
            assert_eq!(perfect.mcc().unwrap(), 1.0, "{n}");
        }
    }

    #[test]
    fn scores_at_the_threshold_are_accepted_and_missing_labels_skipped() {
        let c = Confusion::at(0.5, &[1.0, 0.0, f64::NAN, 1.0], &[0.5, 0.4, 0.9, 0.1]).unwrap();
        assert_eq!((c.true_positives, c.false_positives), (1, 0));
        assert_eq!((c.true_negatives, c.false_negatives), (1, 1));
    }

    #[test]
    fn ratios_without_denominator_are_undefined_not_zero() {
        let c = Confusion::at(0.5, &[1.0, 0.0], &[0.1, 0.2]).unwrap();
        let reason = c.precision().unwrap_err().undefined_reason();
        assert_eq!(reason, Some(Undefined::NoPredictedPositives));
        assert_eq!(
            c.mcc().unwrap_err().undefined_reason(),
            Some(Undefined::OneClassOnly)
        );
        assert_eq!(Confusion::or_zero(c.mcc()), Ok(0.0));
        assert_eq!(c.f1().unwrap(), 0.0);
        assert!(
            Confusion::at(0.5, &[0.0], &[0.0])
                .unwrap()
                .cohen_kappa()
                .is_err()
        );
    }
}
