//! What is done to the features before a linear model sees them.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::linear::LinearModel;
use crate::rows::Labelled;

/// Units of the features in the penalty of a linear model. The means are always taken off,
/// so that the intercept goes unpenalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// As they are: for fingerprints, whose bits share a unit.
    #[default]
    Raw,
    /// In standard deviations of the labelled rows: for embeddings and descriptors.
    /// Constant features get no weight.
    Standard,
}

/// The labelled rows, centred and scaled, in double precision.
#[derive(Debug)]
pub(crate) struct Design {
    /// `[rows, width]`, row by row.
    pub(crate) rows: Array2<f64>,
    means: Array1<f64>,
    /// What each feature was multiplied by; 0 for constant features that were scaled.
    factors: Array1<f64>,
}

impl Design {
    pub(crate) fn new(labelled: &Labelled<'_>, scaling: Scaling) -> Self {
        let mut rows = Array2::zeros((labelled.rows.len(), labelled.width()));
        for (index, mut row) in rows.rows_mut().into_iter().enumerate() {
            row.zip_mut_with(&labelled.row(index), |x, &given| *x = f64::from(given));
        }
        let count = rows.nrows() as f64;
        let means = rows.sum_axis(Axis(0)) / count;
        rows -= &means;
        let factors = match scaling {
            Scaling::Raw => Array1::ones(rows.ncols()),
            Scaling::Standard => {
                let mut squares = Array1::<f64>::zeros(rows.ncols());
                for row in rows.rows() {
                    squares.zip_mut_with(&row, |sum, x| *sum += x * x);
                }
                let deviations = squares.mapv(|sum| (sum / count).sqrt());
                let factors = ndarray::Zip::from(&deviations)
                    .and(&means)
                    .map_collect(|&deviation, &mean| factor(deviation, mean));
                rows *= &factors;
                factors
            }
        };
        Self {
            rows,
            means,
            factors,
        }
    }

    /// The model in the units of the features as they were given.
    pub(crate) fn model(&self, weights: &Array1<f64>, intercept: f64) -> LinearModel {
        let weights = weights * &self.factors;
        let intercept = intercept - weights.dot(&self.means);
        LinearModel {
            weights: weights.to_vec(),
            intercept,
        }
    }
}

/// The inverse of a standard deviation, 0 where it is nothing but rounding of the mean.
fn factor(deviation: f64, mean: f64) -> f64 {
    if deviation > 1e-13 * mean.abs() {
        1.0 / deviation
    } else {
        0.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn features_are_in_standard_deviations_and_models_are_not() {
        let features = array![[1.0, 7.0, 0.1], [3.0, 7.0, 0.1], [9.0, 0.0, 0.0]];
        let labels = array![0.0, 1.0, f32::NAN];
        let labelled = Labelled::new(features.view(), labels.view(), 1).unwrap();
        let design = Design::new(&labelled, Scaling::Standard);
        assert_eq!(design.rows, array![[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]);
        let model = design.model(&array![2.0, 5.0, 5.0], 0.5);
        assert_eq!(model.weights, [2.0, 0.0, 0.0]);
        // 2 (x - 2) + 0.5
        assert_eq!(model.intercept, -3.5);
        let design = Design::new(&labelled, Scaling::Raw);
        assert_eq!(design.model(&array![2.0, 0.0, 0.0], 0.5).intercept, -3.5);
    }
}
