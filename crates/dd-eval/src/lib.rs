//! Metrics, split statistics and significance tests on plain slices.
//!
//! The crate knows nothing of molecules or tensors: labels and predictions are `&[f64]`, a missing label is `NaN`, and
//! every answer is either a finite number or a typed [`EvalError`]. A metric that has no value on the given rows (an area
//! under the ROC curve without negatives, a correlation with a constant) is [`EvalError::Undefined`] with the reason; it is
//! never `NaN` and never replaced by a default.
//!
//! | You want | Look at |
//! | --- | --- |
//! | one number for one task, chosen by name | [`Metric`] |
//! | one number for many tasks, as the Open Graph Benchmark averages | [`evaluate_tasks`] |
//! | ranking metrics and their curves | [`ranking`], [`RocCurve`], [`PrCurve`] |
//! | decisions at a threshold | [`Confusion`] |
//! | probabilities that mean what they say | [`calibration`] |
//! | errors and correlations of numbers | [`regression`], [`correlation`] |
//! | predictions with a standard deviation | [`gaussian`] |
//! | intervals and sets with a stated coverage | [`conformal`] |
//! | mean and spread over seeds, intervals | [`Summary`], [`bootstrap`] |
//! | is A better than B? | [`paired`], [`holm`], [`SeedTable`] |
//! | what a split looks like | [`SplitStatistics`] |
//!
//! ```
//! use dd_eval::{EvalError, Metric, Undefined};
//!
//! let labels = [0.0, 0.0, 1.0, 1.0, f64::NAN]; // the last row has no label and is skipped
//! let scores = [0.1, 0.4, 0.35, 0.8, 0.5];
//! assert_eq!(Metric::RocAuc.evaluate(&labels, &scores)?, 0.75);
//!
//! let only_positives = Metric::RocAuc.evaluate(&[1.0, 1.0], &[0.3, 0.4]);
//! assert!(matches!(only_positives, Err(EvalError::Undefined { reason: Undefined::NoNegatives, .. })));
//! # Ok::<(), EvalError>(())
//! ```
//!
//! Randomness (bootstrap) comes from a small generator that is seeded by the caller; the same seed gives the same interval
//! on every machine.

mod balance;
pub mod bootstrap;
pub mod calibration;
mod compare;
pub mod conformal;
mod confusion;
pub mod correlation;
mod curve;
mod error;
pub mod gaussian;
mod holm;
mod input;
mod metric;
pub mod paired;
mod properties;
mod rank;
pub mod ranking;
pub mod regression;
pub mod special;
mod split;
mod summary;
mod table;
mod tasks;
mod wilcoxon;

pub use balance::LabelBalance;
pub use compare::{Comparison, compare_to_baseline};
pub use confusion::Confusion;
pub use curve::{PrCurve, RocCurve};
pub use error::{EvalError, Undefined};
pub use holm::holm;
pub use metric::Metric;
pub use properties::{Direction, LabelKind, Unit};
pub use rank::average_ranks;
pub use split::{Overlap, PartStatistics, SplitStatistics};
pub use summary::{Summary, readable};
pub use table::SeedTable;
pub use tasks::{TaskScores, evaluate_tasks};
