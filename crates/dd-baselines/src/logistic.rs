//! Logistic regression.

mod newton;

use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::linear::LinearModel;
use crate::rows::Labelled;
use crate::scaling::Design;
use crate::{Baseline, BaselineError, Fitted, Scaling};
use newton::{Problem, sigmoid};

/// Logistic regression with an L2 penalty: the minimum of
/// `Σ log(1 + exp(-s (w·x + b))) + λ/2 ‖w‖²` with `s = ±1`, `λ = 1/C` of scikit-learn.
///
/// Fitted by Newton's method with conjugate gradients: no matrix is made, a step costs a
/// few passes over the rows, and the end is reached to the stated tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logistic {
    /// The penalty λ, positive; in squared units of the features.
    pub penalty: f64,
    /// Units of the features.
    pub scaling: Scaling,
    /// Largest component of the gradient of the mean loss at which the fit ends, relative
    /// to the largest at the start when that is above 1.
    pub tolerance: f64,
    /// Most Newton steps.
    pub max_iterations: usize,
}

impl Default for Logistic {
    fn default() -> Self {
        Self {
            penalty: 1.0,
            scaling: Scaling::Raw,
            tolerance: 1e-8,
            max_iterations: 100,
        }
    }
}

impl Logistic {
    /// The model whose value is the logit of label 1.
    ///
    /// # Errors
    /// As [`Baseline::fit`]; [`BaselineError::NotBinary`] and [`BaselineError::OneClass`]
    /// for labels, [`BaselineError::NotConverged`] when the steps do not suffice.
    pub fn fit_logits(
        &self,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
    ) -> Result<LinearModel, BaselineError> {
        positive("penalty", self.penalty)?;
        positive("tolerance", self.tolerance)?;
        let labelled = Labelled::new(features, labels, 2)?;
        check_classes(&labelled)?;
        let design = Design::new(&labelled, self.scaling);
        let labels = Array1::from_vec(labelled.labels);
        let problem = Problem {
            rows: &design.rows,
            labels: &labels,
            penalty: self.penalty,
        };
        let (weights, intercept) = problem.minimize(self.tolerance, self.max_iterations)?;
        Ok(design.model(&weights, intercept))
    }
}

impl Baseline for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
        _seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError> {
        Ok(Box::new(Probabilities(self.fit_logits(features, labels)?)))
    }
}

fn positive(name: &'static str, value: f64) -> Result<(), BaselineError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(BaselineError::Setting {
        name,
        value,
        expected: "positive",
    })
}

fn check_classes(labelled: &Labelled<'_>) -> Result<(), BaselineError> {
    let labels = &labelled.labels;
    if let Some(index) = labels.iter().position(|label| ![0.0, 1.0].contains(label)) {
        return Err(BaselineError::NotBinary {
            row: labelled.rows[index],
            value: labels[index] as f32,
        });
    }
    if labels.iter().all(|label| *label == labels[0]) {
        return Err(BaselineError::OneClass {
            label: labels[0] as f32,
        });
    }
    Ok(())
}

/// A model whose values are logits.
#[derive(Debug)]
struct Probabilities(LinearModel);

impl Fitted for Probabilities {
    fn width(&self) -> usize {
        self.0.width()
    }

    fn predict(&self, features: ArrayView2<'_, f32>) -> Result<Vec<f64>, BaselineError> {
        let logits = self.0.values(features)?;
        Ok(logits.into_iter().map(sigmoid).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_strong_penalty_leaves_the_share_of_the_label() {
        let features = array![[0.0], [1.0], [2.0], [3.0]];
        let labels = array![0.0, 0.0, 0.0, 1.0];
        let logistic = Logistic {
            penalty: 1e12,
            ..Logistic::default()
        };
        let fitted = logistic.fit(features.view(), labels.view(), 0).unwrap();
        for probability in fitted.predict(features.view()).unwrap() {
            assert!((probability - 0.25).abs() < 1e-8);
        }
    }

    #[test]
    fn classes_are_checked() {
        let fit = |labels| {
            let labels = Array1::from_vec(labels);
            Logistic::default().fit(array![[1.0], [2.0], [3.0]].view(), labels.view(), 0)
        };
        let fault = fit(vec![f32::NAN, 0.0, 2.0]).unwrap_err();
        assert_eq!(fault, BaselineError::NotBinary { row: 2, value: 2.0 });
        let fault = fit(vec![1.0, f32::NAN, 1.0]).unwrap_err();
        assert_eq!(fault, BaselineError::OneClass { label: 1.0 });
        let few = Logistic {
            max_iterations: 1,
            penalty: 1e-6,
            ..Logistic::default()
        };
        let fault = few.fit(
            array![[1.0], [2.0], [3.0]].view(),
            array![0.0, 1.0, 1.0].view(),
            0,
        );
        assert!(matches!(
            fault,
            Err(BaselineError::NotConverged { iterations: 1, .. })
        ));
    }
}
