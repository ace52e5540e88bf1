//! Balance of labels: how many of each class, or mean and spread of numbers.

use serde::{Deserialize, Serialize};

use crate::{EvalError, Summary};

/// Labels of one task in one part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LabelBalance {
    /// All labels of the whole column are 0 or 1.
    Classes {
        /// Rows labelled 1.
        positives: usize,
        /// Rows labelled 0.
        negatives: usize,
        /// Rows without a label.
        missing: usize,
    },
    /// Any other numbers.
    Numbers {
        /// Mean and spread, when there is a label at all.
        summary: Option<Summary>,
        /// Rows without a label.
        missing: usize,
    },
}

/// True when every label of a column of a row-major table is 0, 1 or missing.
pub(crate) fn all_classes(labels: &[f64], tasks: usize, task: usize) -> bool {
    let mut column = labels.iter().skip(task).step_by(tasks);
    column.all(|y| y.is_nan() || *y == 0.0 || *y == 1.0)
}

/// Balance of the labels of one task in one part.
pub(crate) fn balance(values: Vec<f64>, classes: bool) -> Result<LabelBalance, EvalError> {
    let total = values.len();
    let present: Vec<f64> = values.into_iter().filter(|y| !y.is_nan()).collect();
    let missing = total - present.len();
    if classes {
        let positives = present.iter().filter(|&&y| y == 1.0).count();
        let negatives = present.len() - positives;
        return Ok(LabelBalance::Classes {
            positives,
            negatives,
            missing,
        });
    }
    let summary = if present.is_empty() {
        None
    } else {
        Some(Summary::new(&present)?)
    };
    Ok(LabelBalance::Numbers { summary, missing })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_numbers() {
        let table = [1.0, 0.5, 0.0, f64::NAN];
        assert!(all_classes(&table, 2, 0) && !all_classes(&table, 2, 1));
        let classes = balance(vec![1.0, 1.0, 0.0, f64::NAN], true).unwrap();
        let expected = LabelBalance::Classes {
            positives: 2,
            negatives: 1,
            missing: 1,
        };
        assert_eq!(classes, expected);
        let numbers = balance(vec![f64::NAN], false).unwrap();
        assert!(matches!(
            numbers,
            LabelBalance::Numbers {
                summary: None,
                missing: 1
            }
        ));
        let LabelBalance::Numbers { summary, .. } = balance(vec![1.0, 3.0], false).unwrap() else {
            panic!("numbers");
        };
        assert_eq!(summary.unwrap().mean, 2.0);
    }
}
