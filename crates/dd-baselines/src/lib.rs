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
//! and builds in seconds.
//!
//! [`dd_mol::fingerprint`]: https://github.com/denoise-and-distill/dnd/tree/main/crates/dd-mol

mod baseline;
mod error;
mod forest;
mod logistic;
mod ridge;
mod scaling;

pub use baseline::{Baseline, Fitted, fit_columns};
pub use error::BaselineError;
pub use forest::{FeaturesPerSplit, Forest};
pub use logistic::Logistic;
pub use ridge::Ridge;
pub use scaling::Scaling;
