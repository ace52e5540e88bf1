//! The ROC curve and the precision-recall curve, one point per distinct score.

use crate::input::classes;
use crate::{EvalError, Undefined};

/// Receiver operating characteristic: share of negatives and of positives accepted, as the threshold falls.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RocCurve {
    /// Accepted share of negatives, ascending, from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Accepted share of positives, ascending, from 0 to 1.
    pub true_positive_rate: Vec<f64>,
}

/// Precision and recall at every distinct score, by ascending threshold, ending in the point (recall 0, precision 1).
///
/// The layout is that of scikit-learn's `precision_recall_curve`: `thresholds` is one shorter than the other two.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PrCurve {
    /// `TP / (TP + FP)` when everything with a score of at least the threshold is accepted.
    pub precision: Vec<f64>,
    /// `TP / (TP + FN)`.
    pub recall: Vec<f64>,
    /// The distinct scores, ascending.
    pub thresholds: Vec<f64>,
}

/// Cumulative counts at each distinct score, by descending score.
struct Steps {
    scores: Vec<f64>,
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
}

fn steps(labels: &[bool], scores: &[f64]) -> Steps {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut out = Steps {
        scores: Vec::new(),
        true_positives: Vec::new(),
        false_positives: Vec::new(),
    };
    let (mut positives, mut negatives) = (0.0, 0.0);
    for (place, &row) in order.iter().enumerate() {
        if labels[row] {
            positives += 1.0;
        } else {
            negatives += 1.0;
        }
        let last_of_its_score = order
            .get(place + 1)
            .is_none_or(|&next| scores[next] != scores[row]);
        if last_of_its_score {
            out.scores.push(scores[row]);
            out.true_positives.push(positives);
            out.false_positives.push(negatives);
        }
    }
    out
}

/// The counts of scores against both classes, and how many positives and negatives there are.
fn of_both_classes(
    quantity: &'static str,
    labels: &[f64],
    scores: &[f64],
) -> Result<(Steps, f64, f64), EvalError> {
    let (labels, scores) = classes(quantity, labels, scores)?;
    let positives = labels.iter().filter(|&&y| y).count();
    if positives == 0 {
        return Err(EvalError::undefined(quantity, Undefined::NoPositives));
    }
    if positives == labels.len() {
        return Err(EvalError::undefined(quantity, Undefined::NoNegatives));
    }
    let negatives = labels.len() - positives;
    Ok((steps(&labels, &scores), positives as f64, negatives as f64))
}

/// Area under the ROC curve by the trapezoid rule, from whole counts with one division: equal rankings give the same bits.
pub(crate) fn roc_area(
    quantity: &'static str,
    labels: &[f64],
    scores: &[f64],
) -> Result<f64, EvalError> {
    let (steps, positives, negatives) = of_both_classes(quantity, labels, scores)?;
    let (mut twice, mut fp, mut tp) = (0.0, 0.0, 0.0);
    for (&next_fp, &next_tp) in steps.false_positives.iter().zip(&steps.true_positives) {
        twice += (next_fp - fp) * (next_tp + tp);
        (fp, tp) = (next_fp, next_tp);
    }
    Ok(twice / (2.0 * positives * negatives))
}

impl RocCurve {
    /// The curve of scores against labels 0, 1 or `NaN` (missing). Needs both classes.
    pub fn new(labels: &[f64], scores: &[f64]) -> Result<Self, EvalError> {
        let (steps, positives, negatives) = of_both_classes("roc_curve", labels, scores)?;
        let rate = |counts: &[f64], total: f64| {
            std::iter::once(0.0)
                .chain(counts.iter().map(|c| c / total))
                .collect()
        };
        Ok(Self {
            false_positive_rate: rate(&steps.false_positives, negatives),
            true_positive_rate: rate(&steps.true_positives, positives),
        })
    }

    /// Area under the curve by the trapezoid rule.
    pub fn area(&self) -> f64 {
        trapezoid(&self.false_positive_rate, &self.true_positive_rate)
    }
}

impl PrCurve {
    /// The curve of scores against labels 0, 1 or `NaN` (missing). Needs a positive.
    pub fn new(labels: &[f64], scores: &[f64]) -> Result<Self, EvalError> {
        Self::named("precision_recall_curve", labels, scores)
    }

    pub(crate) fn named(
        quantity: &'static str,
        labels: &[f64],
        scores: &[f64],
    ) -> Result<Self, EvalError> {
        let (labels, scores) = classes(quantity, labels, scores)?;
        let positives = labels.iter().filter(|&&y| y).count() as f64;
        if positives == 0.0 {
            return Err(EvalError::undefined(quantity, Undefined::NoPositives));
        }
        let steps = steps(&labels, &scores);
        let mut curve = Self {
            precision: Vec::new(),
            recall: Vec::new(),
            thresholds: Vec::new(),
        };
        for k in (0..steps.scores.len()).rev() {
            let (tp, fp) = (steps.true_positives[k], steps.false_positives[k]);
            curve.precision.push(tp / (tp + fp));
            curve.recall.push(tp / positives);
            curve.thresholds.push(steps.scores[k]);
        }
        curve.precision.push(1.0);
        curve.recall.push(0.0);
        Ok(curve)
    }

    /// Area under the curve by the trapezoid rule (optimistic between points; see Davis and Goadrich, ICML 2006).
    pub fn area(&self) -> f64 {
        -trapezoid(&self.recall, &self.precision)
    }

    /// Sum of precision times gain in recall: a step function, no interpolation.
    pub fn average_precision(&self) -> f64 {
        (1..self.recall.len())
            .map(|k| (self.recall[k - 1] - self.recall[k]) * self.precision[k - 1])
            .sum()
    }
}

fn trapezoid(x: &[f64], y: &[f64]) -> f64 {
    (1..x.len())
        .map(|k| (x[k] - x[k - 1]) * f64::midpoint(y[k], y[k - 1]))
        .sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn roc_points_by_hand() {
        let curve = RocCurve::new(&[1.0, 0.0, 0.0, 0.0], &[0.5, 0.5, 0.2, 0.1]).unwrap();
        assert_eq!(curve.false_positive_rate, [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(curve.true_positive_rate, [0.0, 1.0, 1.0, 1.0]);
        assert!((curve.area() - 5.0 / 6.0).abs() < 1e-15);
    }

    /// Two rankings of seven positives and seven negatives whose positives win 30 of 49 pairs.
    #[test]
    fn equal_areas_have_equal_bits() {
        let area = |ranking: &str| {
            let labels: Vec<f64> = ranking.bytes().map(|c| f64::from(c == b'+')).collect();
            let scores: Vec<f64> = (0..labels.len()).map(|i| i as f64).collect();
            roc_area("roc_auc", &labels, &scores).unwrap()
        };
        let (first, second) = (area("--+-+++---++-+"), area("+--+-+---+++-+"));
        let wins = |ranking: &str| {
            let places = |class| {
                ranking
                    .bytes()
                    .enumerate()
                    .filter(move |&(_, c)| c == class)
            };
            let below = |place| places(b'-').filter(|&(other, _)| other < place).count();
            places(b'+').map(|(place, _)| below(place)).sum::<usize>()
        };
        assert_eq!(wins("--+-+++---++-+"), wins("+--+-+---+++-+"));
        assert_eq!(first.to_bits(), second.to_bits());
        assert_eq!(first, wins("--+-+++---++-+") as f64 / 49.0);
    }

    #[test]
    fn precision_recall_points_by_hand() {
        let curve = PrCurve::new(&[1.0, 0.0, 0.0, 0.0], &[0.5, 0.5, 0.2, 0.1]).unwrap();
        assert_eq!(curve.precision, [0.25, 1.0 / 3.0, 0.5, 1.0]);
        assert_eq!(curve.recall, [1.0, 1.0, 1.0, 0.0]);
        assert_eq!(curve.thresholds, [0.1, 0.2, 0.5]);
        assert_eq!((curve.area(), curve.average_precision()), (0.75, 0.5));
    }
}
