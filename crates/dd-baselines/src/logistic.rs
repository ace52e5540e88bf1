//! Logistic regression.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{Baseline, BaselineError, Fitted, Scaling};

/// Logistic regression with an L2 penalty: the minimum of
/// `Σ log(1 + exp(-s (w·x + b))) + λ/2 ‖w‖²` with `s = ±1`, `λ = 1/C` of scikit-learn.
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

impl Baseline for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn fit(
        &self,
        _features: ArrayView2<'_, f32>,
        _labels: ArrayView1<'_, f32>,
        _seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError> {
        unimplemented!()
    }
}
