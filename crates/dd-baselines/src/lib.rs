//! Forests and linear models on plain rows of features: what learnt representations must beat.
//!
//! A pretrained embedding is worth its price only where it beats what costs nothing: a
//! Morgan fingerprint ([`dd_mol::fingerprint`]) and a random forest or a linear model. The
//! same linear models on embeddings ask what is in the embeddings themselves.
//!
//! | Baseline | For | Predicts |
//! | --- | --- | --- |
//! | [`Forest`] | numbers and 0/1 labels | mean vote of the trees: a number, or the probability of 1 |
//! | [`Ridge`] | numbers (0/1 labels rank well too) | a number |
//! | [`Logistic`] | 0/1 labels | the probability of 1 |
//!
//! All take `f32` rows of any kind, skip rows without a label (`NaN`), and are functions of
//! (settings, rows, seed). The crate knows nothing of molecules or tensors, opens no files
//! and builds in a minute or less.
//!
//! ```
//! use dd_baselines::{Baseline, Forest};
//! use ndarray::array;
//!
//! let features = array![[0.0_f32, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
//! let labels = array![0.0_f32, 1.0, 0.0, 1.0, f32::NAN]; // the last row has no label
//! let forest = Forest { trees: 100, ..Forest::default() };
//! let fitted = forest.fit(features.view(), labels.view(), 7)?;
//! let probabilities = fitted.predict(features.view())?;
//! assert!(probabilities[0] < 0.3 && probabilities[1] > 0.7);
//! # Ok::<(), dd_baselines::BaselineError>(())
//! ```
//!
//! [`dd_mol::fingerprint`]: https://github.com/denoise-and-distill/dnd/tree/main/crates/dd-mol
#![allow(
    clippy::needless_pass_by_value,
    reason = "a view of an array is passed as a slice is"
)]

mod baseline;
mod cholesky;
mod error;
mod forest;
mod linear;
mod logistic;
mod random;
mod ridge;
mod rows;
mod scaling;

pub use baseline::{Baseline, Fitted, fit_columns};
pub use error::BaselineError;
pub use forest::{FeaturesPerSplit, Forest};
pub use linear::LinearModel;
pub use logistic::Logistic;
pub use ridge::{Ridge, RidgeStep};
pub use scaling::Scaling;
