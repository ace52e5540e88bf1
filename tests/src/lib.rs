//! Parity with the original implementations: one module per kind of golden case, shared by `cargo xtask parity` and the
//! integration suite.
//!
//! A golden case is a file made by running the original Python sources. [`cases_below`] finds every case below a folder,
//! [`check_for`] tells its kind, and the check returns one [`Row`] per compared quantity.

pub mod distill;
#[cfg(doctest)]
mod documents;
mod error;
pub mod et;
pub mod features;
mod golden;
mod kind;
pub mod laplacian;
pub mod metrics;
pub mod neighbours;
mod row;
mod rule_weights;
pub mod schedules;
pub mod splits;
pub mod steps;
pub mod tokengt;

use std::path::{Path, PathBuf};

pub use error::ParityError;
pub use golden::Golden;
pub use kind::{Check, cases_below, check_for};
pub use row::Row;
pub use rule_weights::rule_tensor;

/// The folder of reference data beside the workspace, when it is there.
pub fn shared_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    folder.is_dir().then_some(folder)
}
