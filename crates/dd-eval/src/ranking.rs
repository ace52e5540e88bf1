//! How well scores rank positives above negatives. Only the order of the scores matters.

use crate::EvalError;
use crate::curve::{PrCurve, roc_area};
use crate::error::finite;

/// Area under the ROC curve: the chance that a random positive scores above a random negative, ties counting one half.
///
/// ```math
/// AUC = (P(s⁺ > s⁻) + ½ P(s⁺ = s⁻))
/// ```
///
/// Labels are 0, 1 or `NaN` (missing, skipped). Undefined unless both classes occur.
/// J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29.
///
/// # Complexity
/// `O(n log n)`.
pub fn roc_auc(labels: &[f64], scores: &[f64]) -> Result<f64, EvalError> {
    finite("roc_auc", roc_area("roc_auc", labels, scores)?)
}

/// Average precision: `AP = Σₖ (Rₖ - Rₖ₋₁) Pₖ` over the distinct scores in descending order.
///
/// The metric of `ogbg-molpcba`. Undefined without a positive; 1 when there is no negative. Equal to scikit-learn's
/// `average_precision_score`.
pub fn average_precision(labels: &[f64], scores: &[f64]) -> Result<f64, EvalError> {
    let curve = PrCurve::named("average_precision", labels, scores)?;
    finite("average_precision", curve.average_precision())
}

/// Area under the precision-recall curve by the trapezoid rule, as MoleculeNet's PRC-AUC.
///
/// Z. Wu et al., Chem. Sci. 9 (2018) 513. It differs from [`average_precision`], which does not interpolate. Undefined
/// without a positive.
pub fn prc_auc(labels: &[f64], scores: &[f64]) -> Result<f64, EvalError> {
    finite("prc_auc", PrCurve::named("prc_auc", labels, scores)?.area())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Undefined;

    #[test]
    fn four_rows_by_hand() {
        // One of four (positive, negative) pairs is out of order.
        let (labels, scores) = ([0.0, 0.0, 1.0, 1.0], [0.1, 0.4, 0.35, 0.8]);
        assert_eq!(roc_auc(&labels, &scores).unwrap(), 0.75);
        // Precision 1 at recall 1/2, then 2/3 at recall 1.
        let expected = 0.5 + 0.5 * 2.0 / 3.0;
        assert!((average_precision(&labels, &scores).unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn one_class_is_undefined() {
        let reason = |result: Result<f64, EvalError>| result.unwrap_err().undefined_reason();
        assert_eq!(
            reason(roc_auc(&[1.0, 1.0], &[0.0, 1.0])),
            Some(Undefined::NoNegatives)
        );
        assert_eq!(
            reason(roc_auc(&[0.0, 0.0], &[0.0, 1.0])),
            Some(Undefined::NoPositives)
        );
        assert_eq!(
            reason(average_precision(&[0.0], &[0.0])),
            Some(Undefined::NoPositives)
        );
        assert_eq!(
            reason(prc_auc(&[f64::NAN], &[0.0])),
            Some(Undefined::NoRows)
        );
        assert_eq!(average_precision(&[1.0, 1.0], &[0.0, 1.0]).unwrap(), 1.0);
    }

    fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        let row = (proptest::bool::ANY, 0_u8..12);
        proptest::collection::vec(row, 2..60)
            .prop_map(|rows| {
                rows.into_iter()
                    .map(|(y, s)| (f64::from(u8::from(y)), f64::from(s) / 10.0))
                    .unzip()
            })
            .prop_filter("both classes", |(y, _): &(Vec<f64>, Vec<f64>)| {
                y.contains(&0.0) && y.contains(&1.0)
            })
    }

    proptest! {
        #[test]
        fn equals_counting_pairs((labels, scores) in rows()) {
            let (mut won, mut pairs) = (0.0, 0.0);
            for i in 0..labels.len() {
                for j in 0..labels.len() {
                    if labels[i] > labels[j] {
                        pairs += 1.0;
                        won += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                    }
                }
            }
            prop_assert!((roc_auc(&labels, &scores).unwrap() - won / pairs).abs() < 1e-12);
        }

        #[test]
        fn unchanged_by_monotone_transforms((labels, scores) in rows()) {
            let transformed: Vec<f64> = scores.iter().map(|s| (3.0 * s).exp() - 7.0).collect();
            for metric in [roc_auc, average_precision, prc_auc] {
                prop_assert_eq!(metric(&labels, &scores), metric(&labels, &transformed));
            }
        }

        #[test]
        fn negated_scores_mirror_the_area((labels, scores) in rows()) {
            let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
            let sum = roc_auc(&labels, &scores).unwrap() + roc_auc(&labels, &negated).unwrap();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }

        #[test]
        fn unchanged_by_row_order((labels, scores) in rows(), turn in 0_usize..60) {
            let turned = |v: &[f64]| { let mut v = v.to_vec(); let k = turn % v.len(); v.rotate_left(k); v };
            let (a, b) = (roc_auc(&labels, &scores).unwrap(), roc_auc(&turned(&labels), &turned(&scores)).unwrap());
            prop_assert!((a - b).abs() < 1e-12);
        }
    }
}
