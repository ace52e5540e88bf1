//! Ridge regression.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::cholesky::{Cholesky, gram, squared_lengths};
use crate::linear::LinearModel;
use crate::rows::Labelled;
use crate::scaling::Design;
use crate::{Baseline, BaselineError, Fitted, Scaling};

/// Ridge regression: the minimum of `‖y - Xw - b‖² + α‖w‖²`, in closed form.
///
/// Of several α, [`Baseline::fit`] takes the one with the least leave-one-out error on the
/// labelled rows; [`Ridge::fit_path`] gives the models of all, for a choice on other rows.
///
/// # Complexity
/// With `k = min(rows, width)`: `O(rows width k)` once and `O(rows k²)` for each α.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    /// Penalties to choose from, each positive; in squared units of the features.
    pub alphas: Vec<f64>,
    /// Units of the features.
    pub scaling: Scaling,
}

/// The model of one penalty.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeStep {
    /// The penalty.
    pub alpha: f64,
    /// Mean squared error of leaving one row out: each row predicted by the model of the
    /// others, with the units of all. From the leverages `h` of the rows, as the mean of
    /// `((y - ŷ) / (1 - h))²` (D. M. Allen, Technometrics 16 (1974) 125); infinite when a
    /// row decides its own prediction.
    pub leave_one_out: f64,
    /// The model.
    pub model: LinearModel,
}

impl Default for Ridge {
    fn default() -> Self {
        Self {
            alphas: vec![0.1, 1.0, 10.0, 100.0, 1e3, 1e4],
            scaling: Scaling::Raw,
        }
    }
}

impl Ridge {
    /// The models of all α, in their order; products of rows are made once for all. An α so
    /// small that the equations are singular in double precision is left out.
    ///
    /// # Errors
    /// As [`Baseline::fit`]; [`BaselineError::Singular`] when every α is left out.
    pub fn fit_path(
        &self,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
    ) -> Result<Vec<RidgeStep>, BaselineError> {
        check_alphas(&self.alphas)?;
        let labelled = Labelled::new(features, labels, 1)?;
        let equations = Equations::new(&labelled, self.scaling);
        let steps = self
            .alphas
            .iter()
            .filter_map(|&alpha| equations.solve(alpha));
        let steps: Vec<RidgeStep> = steps.collect();
        if steps.is_empty() {
            let penalty = self.alphas.iter().copied().fold(0.0, f64::max);
            return Err(BaselineError::Singular { penalty });
        }
        Ok(steps)
    }
}

impl Baseline for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
        _seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError> {
        let steps = self.fit_path(features, labels)?;
        let better = |a: RidgeStep, b: RidgeStep| {
            // Of equals the stronger penalty.
            let order = a
                .leave_one_out
                .total_cmp(&b.leave_one_out)
                .then(b.alpha.total_cmp(&a.alpha));
            if order.is_gt() { b } else { a }
        };
        let best = steps.into_iter().reduce(better);
        Ok(Box::new(best.expect("a path has steps").model))
    }
}

fn check_alphas(alphas: &[f64]) -> Result<(), BaselineError> {
    let wrong = |alpha: &&f64| !(alpha.is_finite() && **alpha > 0.0);
    let value = match (alphas, alphas.iter().find(wrong)) {
        ([], _) => f64::NAN,
        (_, Some(alpha)) => *alpha,
        _ => return Ok(()),
    };
    Err(BaselineError::Setting {
        name: "alphas",
        value,
        expected: "one or more positive numbers",
    })
}

/// The normal equations, over the features or over the rows, whichever are fewer.
struct Equations {
    design: Design,
    /// Labels minus their mean.
    labels: Array1<f64>,
    mean: f64,
    /// `XᵀX` or `XXᵀ`, the lower triangle.
    products: Array2<f64>,
    over_rows: bool,
}

impl Equations {
    fn new(labelled: &Labelled<'_>, scaling: Scaling) -> Self {
        let design = Design::new(labelled, scaling);
        let labels = Array1::from_vec(labelled.labels.clone());
        let mean = labels.sum() / labels.len() as f64;
        let over_rows = design.rows.nrows() < design.rows.ncols();
        let products = if over_rows {
            gram(design.rows.view())
        } else {
            gram(design.rows.t())
        };
        Self {
            labels: labels - mean,
            mean,
            products,
            over_rows,
            design,
        }
    }

    fn solve(&self, alpha: f64) -> Option<RidgeStep> {
        let x = &self.design.rows;
        let mut matrix = self.products.clone();
        matrix.diag_mut().mapv_inplace(|product| product + alpha);
        // Rows and labels are centred, so that adding a constant to all products of rows changes no weight: it takes the
        // share of the intercept out of the inverse, from which it would have to be subtracted.
        let count = self.labels.len() as f64;
        let constant = self.products.diag().sum() / count;
        if self.over_rows {
            matrix += constant;
        }
        let factor = Cholesky::new(matrix)?;
        let inverse = factor.inverse_factor();
        let (weights, rest, free, whole) = if self.over_rows {
            let dual = factor.solve(self.labels.view());
            // 1 - h = α (XXᵀ + α)⁻¹ on the diagonal, and what is left of the labels is α times the dual: α cancels.
            let diagonal = inverse.map(|x| x * x).sum_axis(Axis(0));
            let intercept = 1.0 / (count * (alpha + constant * count));
            let weights = x.t().dot(&dual);
            (weights, dual, &diagonal - intercept, diagonal)
        } else {
            let weights = factor.solve(x.t().dot(&self.labels).view());
            let leverages = squared_lengths(&inverse, x.view());
            let rest = &self.labels - &x.dot(&weights);
            let whole = Array1::ones(rest.len());
            (weights, rest, 1.0 - 1.0 / count - leverages, whole)
        };
        Some(RidgeStep {
            alpha,
            leave_one_out: leave_one_out(&rest, &free, &whole),
            model: self.design.model(&weights, self.mean),
        })
    }
}

/// The mean squared error of leaving one row out, from what is left of the labels and the
/// share of each row that is free of its own label, in any unit. A share that is next to
/// nothing of the `whole` that it was subtracted from is rounding.
fn leave_one_out(rest: &Array1<f64>, free: &Array1<f64>, whole: &Array1<f64>) -> f64 {
    let count = rest.len() as f64;
    let error = |((&rest, &free), &whole): ((&f64, &f64), &f64)| {
        if free > 1e-10 * whole {
            (rest / free).powi(2)
        } else {
            f64::INFINITY
        }
    };
    rest.iter().zip(free).zip(whole).map(error).sum::<f64>() / count
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::{array, s};

    use super::*;

    #[test]
    fn one_feature_by_hand() {
        // Centred: x = -1, 0, 1 and y = -2, 1, 1: w = 3 / (2 + 1), b = 3 - 2 w.
        let (features, labels) = (array![[1.0], [2.0], [3.0]], array![1.0, 4.0, 4.0]);
        let ridge = Ridge {
            alphas: vec![1.0],
            scaling: Scaling::Raw,
        };
        let steps = ridge.fit_path(features.view(), labels.view()).unwrap();
        let model = &steps[0].model;
        assert!((model.weights[0] - 1.0).abs() < 1e-15 && (model.intercept - 1.0).abs() < 1e-15);
        // Residuals -1, 1, 0 and leverages 1/3 + 1/3, 1/3, 1/3 + 1/3.
        let expected = (9.0 + 9.0 / 4.0) / 3.0;
        assert!((steps[0].leave_one_out - expected).abs() < 1e-13);
    }

    /// The mean squared error of leaving one row out, by fitting the others.
    fn refitted(features: &Array2<f32>, labels: &Array1<f32>, alpha: f64) -> f64 {
        let ridge = Ridge {
            alphas: vec![alpha],
            scaling: Scaling::Raw,
        };
        let count = labels.len();
        let error = |left_out: usize| {
            let rest: Vec<usize> = (0..count).filter(|&row| row != left_out).collect();
            let part = (
                features.select(Axis(0), &rest),
                labels.select(Axis(0), &rest),
            );
            let fitted = ridge.fit(part.0.view(), part.1.view(), 0).unwrap();
            let row = features.slice(s![left_out..=left_out, ..]);
            fitted.predict(row).unwrap()[0] - f64::from(labels[left_out])
        };
        (0..count).map(|row| error(row).powi(2)).sum::<f64>() / count as f64
    }

    #[test]
    fn leaving_out_equals_fitting_again_with_more_features_than_rows() {
        // Features of very different sizes: what is free of a row's own label is a small share.
        let features = array![
            [1e4, 2.0, 3e-4, 5.0, -1e3],
            [-2e4, 1.0, 1e-4, -3.0, 2e3],
            [3e4, -2.0, 2e-4, 4.0, 5e3],
            [-1e4, 3.0, -4e-4, 1.0, 1e3]
        ];
        let labels = array![1.0, -2.0, 0.5, 3.0];
        let ridge = Ridge {
            alphas: vec![1.0],
            scaling: Scaling::Raw,
        };
        let steps = ridge.fit_path(features.view(), labels.view()).unwrap();
        let again = refitted(&features, &labels, 1.0);
        let found = steps[0].leave_one_out;
        assert!((found / again - 1.0).abs() < 1e-5, "{found} {again}");
    }

    /// A row far away has nearly all of its label to itself; what it has not can be told as long as it is not rounding.
    #[test]
    fn a_row_far_away_keeps_its_error() {
        let mut features =
            Array2::from_shape_fn((12, 20), |(i, j)| ((i * 7 + j * 3) % 11) as f64 - 5.0);
        features[(0, 19)] = 1e6;
        let features = features.mapv(|x| x as f32);
        let labels = features.column(1).mapv(|x| 3.0 * x);
        let ridge = Ridge {
            alphas: vec![0.1, 1000.0],
            scaling: Scaling::Raw,
        };
        let steps = ridge.fit_path(features.view(), labels.view()).unwrap();
        for step in &steps {
            let again = refitted(&features, &labels, step.alpha);
            let found = step.leave_one_out;
            assert!(
                (found / again - 1.0).abs() < 1e-4,
                "{}: {found} {again}",
                step.alpha
            );
        }
    }

    #[test]
    fn one_row_is_answered_with_its_label() {
        let fitted = Ridge::default()
            .fit(array![[1.0, 2.0]].view(), array![7.0].view(), 0)
            .unwrap();
        assert_eq!(fitted.predict(array![[9.0, -9.0]].view()).unwrap(), [7.0]);
    }

    #[test]
    fn penalties_are_checked() {
        for alphas in [vec![], vec![1.0, 0.0], vec![f64::NAN]] {
            let ridge = Ridge {
                alphas,
                ..Ridge::default()
            };
            let fault = ridge.fit(array![[1.0]].view(), array![1.0].view(), 0);
            assert!(matches!(fault, Err(BaselineError::Setting { .. })));
        }
    }

    #[test]
    fn singular_penalties_are_left_out() {
        // Two equal features, and a penalty that vanishes beside them.
        let features = array![[1e8, 1e8], [-1e8, -1e8], [3e8, 3e8], [0.0, 0.0]];
        let labels = array![1.0, 2.0, 3.0, 4.0];
        let mut ridge = Ridge {
            alphas: vec![1e-6, 1e9],
            scaling: Scaling::Raw,
        };
        let steps = ridge.fit_path(features.view(), labels.view()).unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].alpha, 1e9);
        ridge.alphas.pop();
        let fault = ridge.fit_path(features.view(), labels.view()).unwrap_err();
        assert_eq!(fault, BaselineError::Singular { penalty: 1e-6 });
    }
}
