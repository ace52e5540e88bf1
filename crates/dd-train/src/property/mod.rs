//! Property models: from a table of molecules and labels to an ensemble that predicts, and says how far it can be trusted.
//!
//! [`Ensemble`] is what predicts: load a run folder of `dnd finetune` (all its seeds together) or a single model folder, and
//! ask for a batch of molecules.
//!
//! ```no_run
//! use dd_train::property::{Ensemble, Region};
//!
//! let ensemble = Ensemble::load("runs/esol".as_ref())?;
//! let molecules = [dd_mol::smiles::parse("CCO").expect("a molecule")];
//! for answer in ensemble.predict(&molecules, 0.9)? {
//!     let answer = answer.expect("the featurizer takes ethanol");
//!     for (target, found) in ensemble.targets().iter().zip(&answer.targets) {
//!         println!("{}: {} ± {:?}", target.name, found.mean, found.std);
//!         if let Some(Region::Interval { low, high }) = found.region {
//!             println!("90 % of molecules like these lie in {low} to {high}");
//!         }
//!     }
//!     println!("{:?}", answer.applicability.map(|found| found.in_domain));
//! }
//! # Ok::<(), dd_train::TrainError>(())
//! ```
#![allow(
    clippy::needless_pass_by_value,
    reason = "a view of an array is passed as a slice is"
)]

mod answer;
mod baseline;
mod charts;
mod choices;
mod domain;
mod domain_file;
mod ensemble;
mod explain;
mod explanations;
mod intervals;
mod neighbours;
mod page;
mod plan;
mod scores;
mod table;
mod tune;
mod uncertainty;
mod versioned;

pub use answer::Assessor;
pub use domain::{Applicability, CEILING, Domain, TrainingMolecule};
pub use ensemble::{Ensemble, MemberAnswers, Prediction, TargetPrediction};
pub use explain::{Explainer, Explanation, TargetExplanation};
pub use explanations::{EXPLANATIONS, Explanations, MOST_DRAWN};
pub use intervals::{Intervals, ScaledScores};
pub use plan::{DEFAULT_MODEL, PropertyPlan, PropertyRequest};
pub use scores::{CoverageScore, MetricScores, TargetScores};
pub use table::{Division, PropertyRow, PropertyTable, Rejected};
pub(crate) use tune::{CHOICES, run_folder};
pub use tune::{PropertyOutcome, smiles_column_of};
pub use uncertainty::{Calibration, LEVELS, Level, Region, Scores, Uncertainty};
