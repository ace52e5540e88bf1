//! The directed message passing network of chemprop 2 (Yang et al., J. Chem. Inf. Model. 2019; Heid et al., J. Chem. Inf.
//! Model. 2024).
//!
//! Source: `BondMessagePassing`, the aggregations and `MPNN.fingerprint` of chemprop 2.3.1. It reads the features of
//! [`ChempropFeaturizer`](dd_graph::ChempropFeaturizer).

mod config;
mod model;
mod multi_hot;

pub use config::{Aggregation, DMpnnConfig};
pub use model::DMpnn;
