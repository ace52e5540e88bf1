//! A fitted linear model.

use ndarray::{ArrayView1, ArrayView2};

use crate::rows::check_questions;
use crate::{BaselineError, Fitted};

/// `w·x + b`, in the units of the features and labels as they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearModel {
    /// `w`, one per feature.
    pub weights: Vec<f64>,
    /// `b`.
    pub intercept: f64,
}

impl LinearModel {
    /// `w·x + b` of each row.
    pub(crate) fn values(&self, features: ArrayView2<'_, f32>) -> Result<Vec<f64>, BaselineError> {
        check_questions(features, self.weights.len())?;
        let value = |row: ArrayView1<'_, f32>| {
            let terms = row.into_iter().zip(&self.weights);
            let sum: f64 = terms.map(|(&x, w)| f64::from(x) * w).sum();
            sum + self.intercept
        };
        Ok(features.rows().into_iter().map(value).collect())
    }
}

impl Fitted for LinearModel {
    fn width(&self) -> usize {
        self.weights.len()
    }

    fn predict(&self, features: ArrayView2<'_, f32>) -> Result<Vec<f64>, BaselineError> {
        self.values(features)
    }
}
