//! What all baselines have in common: fit on labelled rows, then predict rows.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2};

use crate::BaselineError;

/// A way to learn one number per row from features. The settings are the value itself.
pub trait Baseline: fmt::Debug + Send + Sync {
    /// A short name for tables of results: `forest`, `ridge`, `logistic`.
    fn name(&self) -> &'static str;

    /// Learns `labels` `[rows]` from `features` `[rows, width]`.
    ///
    /// Rows whose label is `NaN` are left out; targets with other missing labels are fitted
    /// one by one, or by [`fit_columns`]. The result is a function of the arguments alone:
    /// threads do not change it, another processor changes the last bits of linear models
    /// at most, and models without chance ignore `seed`.
    ///
    /// # Errors
    /// Features that are not finite, labels that the model cannot take, too few labelled
    /// rows, settings outside their range: see [`BaselineError`].
    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
        seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError>;
}

/// A model that has learnt.
pub trait Fitted: fmt::Debug + Send + Sync {
    /// Features per row.
    fn width(&self) -> usize;

    /// One prediction per row of `features` `[rows, width]`: a number in the unit of the
    /// labels, or the probability of label 1 where the model says so. The prediction of a
    /// row does not depend on the other rows.
    ///
    /// # Errors
    /// Rows of another width, and features that are not finite.
    fn predict(&self, features: ArrayView2<'_, f32>) -> Result<Vec<f64>, BaselineError>;
}

/// Fits every column of `labels` `[rows, targets]` on the rows that have this label.
///
/// One result per target, in order: a target without enough labels does not stop the others.
pub fn fit_columns(
    baseline: &dyn Baseline,
    features: ArrayView2<'_, f32>,
    labels: ArrayView2<'_, f32>,
    seed: u64,
) -> Vec<Result<Box<dyn Fitted>, BaselineError>> {
    labels
        .columns()
        .into_iter()
        .map(|column| baseline.fit(features, column, seed))
        .collect()
}
