//! Rows as they come in, checked, and without those that have no label.

use ndarray::{ArrayView1, ArrayView2};

use crate::BaselineError;

/// The labelled rows of a table.
#[derive(Debug)]
pub(crate) struct Labelled<'a> {
    features: ArrayView2<'a, f32>,
    /// The rows that have a label, ascending.
    pub(crate) rows: Vec<usize>,
    /// Their labels.
    pub(crate) labels: Vec<f64>,
}

impl<'a> Labelled<'a> {
    /// Checks shapes and numbers, and that at least `needed` rows have a label.
    pub(crate) fn new(
        features: ArrayView2<'a, f32>,
        labels: ArrayView1<'_, f32>,
        needed: usize,
    ) -> Result<Self, BaselineError> {
        if features.nrows() != labels.len() {
            return Err(BaselineError::Rows {
                rows: features.nrows(),
                labels: labels.len(),
            });
        }
        if features.ncols() == 0 {
            return Err(BaselineError::Width {
                expected: 1,
                got: 0,
            });
        }
        check_finite(features)?;
        if let Some((row, &value)) = labels.iter().enumerate().find(|(_, y)| y.is_infinite()) {
            return Err(BaselineError::Label { row, value });
        }
        let present = labels.iter().enumerate().filter(|(_, y)| !y.is_nan());
        let (rows, labels): (Vec<usize>, Vec<f64>) =
            present.map(|(row, &y)| (row, f64::from(y))).unzip();
        if rows.len() < needed {
            return Err(BaselineError::TooFew {
                needed,
                got: rows.len(),
            });
        }
        Ok(Self {
            features,
            rows,
            labels,
        })
    }

    /// Features per row.
    pub(crate) fn width(&self) -> usize {
        self.features.ncols()
    }

    /// The features of labelled row `index`.
    pub(crate) fn row(&self, index: usize) -> ArrayView1<'_, f32> {
        self.features.row(self.rows[index])
    }

    /// One feature of all labelled rows.
    pub(crate) fn column(&self, feature: usize) -> impl Iterator<Item = f32> + '_ {
        let column = self.features.column(feature);
        self.rows.iter().map(move |&row| column[row])
    }
}

/// Checks rows that a model of `width` features is asked about.
pub(crate) fn check_questions(
    features: ArrayView2<'_, f32>,
    width: usize,
) -> Result<(), BaselineError> {
    if features.ncols() != width {
        return Err(BaselineError::Width {
            expected: width,
            got: features.ncols(),
        });
    }
    check_finite(features)
}

fn check_finite(features: ArrayView2<'_, f32>) -> Result<(), BaselineError> {
    match features.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some(((row, column), &value)) => Err(BaselineError::Feature { row, column, value }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_without_a_label_are_left_out() {
        let features = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let labels = array![0.5, f32::NAN, 2.0];
        let labelled = Labelled::new(features.view(), labels.view(), 2).unwrap();
        assert_eq!(labelled.rows, [0, 2]);
        assert_eq!(labelled.labels, [0.5, 2.0]);
        assert_eq!(labelled.row(1), array![5.0, 6.0]);
        assert_eq!(labelled.column(1).collect::<Vec<_>>(), [2.0, 6.0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refuse = |features: ArrayView2<'_, f32>, labels: ArrayView1<'_, f32>| {
            Labelled::new(features, labels, 2).unwrap_err()
        };
        let features = array![[1.0, 2.0], [3.0, f32::INFINITY]];
        let fault = refuse(features.view(), array![1.0, 2.0].view());
        assert_eq!(
            fault.to_string(),
            "feature 1 of row 1 is inf; it must be finite"
        );
        let features = features.mapv(|x| x.min(9.0));
        let fault = refuse(features.view(), array![1.0].view());
        assert_eq!(fault, BaselineError::Rows { rows: 2, labels: 1 });
        let fault = refuse(features.view(), array![1.0, f32::NEG_INFINITY].view());
        assert!(matches!(fault, BaselineError::Label { row: 1, .. }));
        let fault = refuse(features.view(), array![1.0, f32::NAN].view());
        assert_eq!(fault, BaselineError::TooFew { needed: 2, got: 1 });
        let none = features.slice(ndarray::s![.., ..0]);
        let fault = refuse(none, array![1.0, 2.0].view());
        assert_eq!(
            fault,
            BaselineError::Width {
                expected: 1,
                got: 0
            }
        );
        let fault = check_questions(features.view(), 3).unwrap_err();
        assert_eq!(
            fault,
            BaselineError::Width {
                expected: 3,
                got: 2
            }
        );
    }
}
