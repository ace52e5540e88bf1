//! How wide intervals are: the same for every molecule, or by the disagreement of the models.

use std::fmt::Display;

use dd_eval::{EvalError, conformal};
use ndarray::{Array1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Added to the spread, in standard deviations of the training labels: models that agree by chance must not
/// make an interval vanish. docs/how-to/uncertainty.md says how it was chosen.
pub(super) const FLOOR: f64 = 1.0;

/// How wide the intervals of numbers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervals {
    /// The same width for every molecule.
    #[default]
    Constant,
    /// In proportion to the spread of the models and a floor (normalised conformal prediction; H. Papadopoulos, V. Vovk,
    /// A. Gammerman, J. Artif. Intell. Res. 40 (2011) 815).
    Scaled,
}

impl Display for Intervals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Scaled => "scaled",
        })
    }
}

/// Scores `|y - mean| / (spread + floor)`, with the spread of the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaledScores {
    /// Added to the spread, in the unit of the target.
    pub floor: f64,
    /// Ascending; without unit.
    pub scores: Vec<f64>,
}

impl ScaledScores {
    /// The scores of one target from its labels and its members' predictions `[M, R]`; none for a single member, which has
    /// no spread.
    pub(super) fn new(
        labels: &[f64],
        members: ArrayView2<'_, f64>,
        floor: f64,
    ) -> Result<Option<Self>> {
        if members.nrows() < 2 {
            return Ok(None);
        }
        let means: Array1<f64> = members.mean_axis(Axis(0)).expect("there are members");
        let scales = members.std_axis(Axis(0), 1.0) + floor;
        let scores = conformal::scaled_residuals(labels, &means.to_vec(), &scales.to_vec())?;
        Ok(Some(Self { floor, scores }))
    }

    /// Half the width at a coverage, of an interval around the mean of models with this spread.
    pub(super) fn half_width(
        &self,
        spread: f64,
        coverage: f64,
    ) -> std::result::Result<f64, EvalError> {
        Ok((spread + self.floor) * conformal::threshold(&self.scores, coverage)?)
    }
}
