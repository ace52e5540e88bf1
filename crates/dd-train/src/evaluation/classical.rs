//! Contenders that are no networks: forests and linear models on fingerprints, and linear models on frozen embeddings.

use dd_baselines::{Baseline, BaselineError, FeaturesPerSplit, Forest, Logistic, Ridge, Scaling};
use dd_eval::Metric;
use dd_mol::fingerprint::{MorganConfig, morgan};
use ndarray::{Array2, ArrayView1};

use crate::error::{Result, TrainError};
use crate::evaluation::Chosen;
use crate::evaluation::data::{Parts, SetData, metrics};
use crate::evaluation::score::Outcome;
use crate::tasks::{labels, score};

/// Penalties that are tried on the validation part.
pub(super) const PENALTIES: [f64; 5] = [0.1, 1.0, 10.0, 100.0, 1000.0];

/// What the rows of a linear model are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Bits, which share a unit.
    Fingerprints,
    /// Channels, each with a unit of its own.
    Embeddings,
}

/// ECFP4 of 2048 bits for the three parts, `[R, 2048]` each.
pub(super) fn fingerprints(set: &SetData, parts: &Parts) -> Result<[Array2<f32>; 3]> {
    let config = MorganConfig::ECFP4;
    let rows = |part: &[usize]| -> Result<Array2<f32>> {
        let mut rows = Array2::zeros((part.len(), config.bits));
        for (mut row, &number) in rows.rows_mut().into_iter().zip(part) {
            for bit in morgan(&set.molecule(number)?, &config).bits() {
                row[bit] = 1.0;
            }
        }
        Ok(rows)
    };
    let [train, valid, test] = &parts.rows;
    Ok([rows(train)?, rows(valid)?, rows(test)?])
}

/// Ridge or logistic regression, one penalty for all targets, chosen on the validation part.
pub(super) fn linear(
    features: &[Array2<f32>; 3],
    parts: &Parts,
    (rows, is_binary): (Rows, bool),
) -> Result<Chosen> {
    let scaling = match rows {
        Rows::Fingerprints => Scaling::Raw,
        Rows::Embeddings => Scaling::Standard,
    };
    let metric = metrics(is_binary)[0];
    let (mut best, mut tried): (Option<(f64, Outcome)>, _) = (None, Vec::new());
    for penalty in PENALTIES {
        let model: Box<dyn Baseline> = if is_binary {
            Box::new(Logistic {
                penalty,
                scaling,
                ..Logistic::default()
            })
        } else {
            Box::new(Ridge {
                alphas: vec![penalty],
                scaling,
            })
        };
        let outcome = fit(model.as_ref(), features, parts, (metric, 0))?;
        tried.push((penalty, outcome.valid));
        if best
            .as_ref()
            .is_none_or(|(_, best)| metric.is_better(outcome.valid, best.valid))
        {
            best = Some((penalty, outcome));
        }
    }
    let (penalty, outcome) = best.ok_or(TrainError::Empty { part: "validation" })?;
    Ok((outcome, Some(penalty), tried))
}

/// A random forest.
pub(super) fn forest(
    features: &[Array2<f32>; 3],
    parts: &Parts,
    is_binary: bool,
    (trees, seed): (usize, u64),
) -> Result<Chosen> {
    // The usual numbers of features that compete for a split: the root of all for classes, a third for numbers.
    let forest = Forest {
        trees,
        features_per_split: if is_binary {
            FeaturesPerSplit::Sqrt
        } else {
            FeaturesPerSplit::Third
        },
        ..Forest::default()
    };
    let metric = metrics(is_binary)[0];
    let outcome = fit(&forest, features, parts, (metric, seed))?;
    Ok((outcome, None, Vec::new()))
}

/// One model for each target. A target that cannot be learned (one class only, too few labels) is predicted by the mean of
/// its labels.
fn fit(
    model: &dyn Baseline,
    [train, valid, test]: &[Array2<f32>; 3],
    parts: &Parts,
    (metric, seed): (Metric, u64),
) -> Result<Outcome> {
    let columns = parts.train.first().map_or(0, |one| one.labels.len());
    let truth = labels(&parts.train, columns)?;
    let mut guesses = [valid, test].map(|rows| Array2::zeros((rows.nrows(), columns)));
    for (column, known) in truth.columns().into_iter().enumerate() {
        let fitted = match model.fit(train.view(), known, seed) {
            Ok(fitted) => Some(fitted),
            Err(BaselineError::OneClass { .. } | BaselineError::TooFew { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        for (rows, guess) in [valid, test].into_iter().zip(&mut guesses) {
            let values = match &fitted {
                Some(fitted) => fitted.predict(rows.view())?,
                None => vec![mean(&known); rows.nrows()],
            };
            guess
                .column_mut(column)
                .assign(&ndarray::Array1::from(values));
        }
    }
    let [valid, predictions] = guesses;
    Ok(Outcome {
        valid: score(metric, &labels(&parts.valid, columns)?, &valid)?,
        best_epoch: None,
        predictions,
    })
}

/// Without labels zero: one constant ranks molecules as well as another.
fn mean(labels: &ArrayView1<'_, f32>) -> f64 {
    let known: Vec<f64> = labels
        .iter()
        .filter(|l| !l.is_nan())
        .map(|&l| f64::from(l))
        .collect();
    known.iter().sum::<f64>() / known.len().max(1) as f64
}
