//! What costs nothing: ECFP4 under a linear model, on the same parts.

use dd_baselines::{Baseline, BaselineError, Fitted, Logistic, Ridge, Scaling};
use dd_encoder2d::{Target, TargetKind};
use dd_eval::calibration::brier;
use dd_mol::Molecule;
use dd_mol::fingerprint::morgan;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::domain::FINGERPRINT;
use crate::error::Result;

/// Penalties that are tried.
const PENALTIES: [f64; 3] = [1.0, 10.0, 100.0];
/// The rows of a larger training part would fill the memory.
pub(super) const MOST_ROWS: usize = 12_000;
/// More labels would take longer than the training.
pub(super) const MOST_LABELS: usize = 250_000;

/// Fingerprints as rows of features, `[R, bits]`.
pub(super) fn features(molecules: &[Molecule]) -> Array2<f32> {
    let row = |molecule: &Molecule| {
        let mut row = vec![0.0; FINGERPRINT.bits];
        morgan(molecule, &FINGERPRINT).write_to(&mut row);
        row
    };
    let rows: Vec<Vec<f32>> = molecules.par_iter().map(row).collect();
    Array2::from_shape_vec((rows.len(), FINGERPRINT.bits), rows.concat())
        .expect("every row has the fingerprint's length")
}

/// Features and labels `[R, T]` of one part.
pub(super) struct Part<'a> {
    pub(super) features: ArrayView2<'a, f32>,
    pub(super) labels: ArrayView2<'a, f64>,
}

/// Predictions `[R, T]` for `questions`: ridge regression with the penalty of the least leave-one-out error, or logistic
/// regression with the penalty of the least Brier score on the validation part. A target whose training labels are all one
/// class, or of which there is one, is predicted by it.
///
/// # Errors
/// When a model cannot be fitted.
pub(super) fn predict(
    targets: &[Target],
    train: &Part<'_>,
    valid: &Part<'_>,
    questions: ArrayView2<'_, f32>,
) -> Result<Array2<f64>> {
    let mut predictions = Array2::zeros((questions.nrows(), targets.len()));
    for (column, target) in targets.iter().enumerate() {
        let known = train.labels.column(column).mapv(|label| label as f32);
        let fitted = match target.kind {
            TargetKind::Regression => {
                let ridge = Ridge {
                    alphas: PENALTIES.to_vec(),
                    scaling: Scaling::Raw,
                };
                Ok(ridge.fit(train.features, known.view(), 0)?)
            }
            TargetKind::Binary => {
                let to_choose = (valid.features, valid.labels.column(column));
                logistic(train.features, known.view(), to_choose)?
            }
        };
        let values = match fitted {
            Ok(fitted) => fitted.predict(questions)?,
            Err(class) => vec![class; questions.nrows()],
        };
        predictions.column_mut(column).assign(&Array1::from(values));
    }
    Ok(predictions)
}

/// A model, or the only class that there is.
type Found = std::result::Result<Box<dyn Fitted>, f64>;

fn logistic(
    features: ArrayView2<'_, f32>,
    labels: ArrayView1<'_, f32>,
    (questions, truth): (ArrayView2<'_, f32>, ArrayView1<'_, f64>),
) -> Result<Found> {
    let mut best: Option<(f64, Box<dyn Fitted>)> = None;
    for penalty in PENALTIES {
        let model = Logistic {
            penalty,
            ..Logistic::default()
        };
        let fitted = match model.fit(features, labels, 0) {
            Ok(fitted) => fitted,
            Err(BaselineError::OneClass { label }) => return Ok(Err(f64::from(label))),
            Err(BaselineError::TooFew { .. }) => {
                let known = labels.iter().find(|label| !label.is_nan());
                return Ok(Err(known.map_or(0.5, |&label| f64::from(label))));
            }
            Err(error) => return Err(error.into()),
        };
        let score = match brier(&truth.to_vec(), &fitted.predict(questions)?) {
            Ok(score) => score,
            Err(error) if error.undefined_reason().is_some() => f64::INFINITY,
            Err(error) => return Err(error.into()),
        };
        if best.as_ref().is_none_or(|(least, _)| score < *least) {
            best = Some((score, fitted));
        }
    }
    let (_, fitted) = best.expect("there are penalties to try");
    Ok(Ok(fitted))
}
