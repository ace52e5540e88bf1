//! Ridge regression.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{Baseline, BaselineError, Fitted, Scaling};

/// Ridge regression: the minimum of `‖y - Xw - b‖² + α‖w‖²`, in closed form.
///
/// Of several α the one with the least generalised cross-validation error on the labelled
/// rows is taken (G. H. Golub, M. Heath, G. Wahba, Technometrics 21 (1979) 215).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    /// Penalties to choose from, each positive; in squared units of the features.
    pub alphas: Vec<f64>,
    /// Units of the features.
    pub scaling: Scaling,
}

impl Default for Ridge {
    fn default() -> Self {
        Self {
            alphas: vec![1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5],
            scaling: Scaling::Raw,
        }
    }
}

impl Baseline for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
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
