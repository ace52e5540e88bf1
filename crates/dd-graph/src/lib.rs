//! Molecules to features to packed batches of tensors.
//!
//! A [`Featurizer`] turns a molecule into a [`MolGraph`] (2D) or a [`PointCloud`] (3D) on the host. [`GraphBatch`] and
//! [`PointBatch`] pack many of them one after another, without padding. [`NeighborList`] says which atoms see each other;
//! [`laplacian_eigenvectors`] and [`orthonormal_identifiers`] name the nodes of a graph; [`batches_by_tokens`] cuts a
//! data set into batches of bounded cost.

mod atom_type;
mod batch;
mod batch_plan;
mod chemprop;
mod config;
mod edges;
mod error;
mod featurizer;
mod identifiers;
mod laplacian;
mod mol_graph;
mod neighbors;
mod ogb;
mod point_cloud;
mod points;
mod schema;
pub mod testing;

pub use atom_type::{AtomTypeConfig, AtomTypeFeaturizer};
pub use batch::{GraphBatch, PointBatch};
pub use batch_plan::{BatchPlan, batches_by_tokens};
pub use chemprop::{ChempropAtoms, ChempropConfig, ChempropFeaturizer};
pub use config::FeaturizerConfig;
pub use error::{GraphError, Result};
pub use featurizer::{AtomOrder, Featurizer, Hydrogens, without_hydrogens};
pub use identifiers::{orthonormal_identifiers, random_identifiers};
pub use laplacian::{LaplacianEigen, MAX_LAPLACIAN_NODES, laplacian_eigen, laplacian_eigenvectors};
pub use mol_graph::{MolGraph, SPECIAL_TOKENS};
pub use neighbors::{Cutoff, NeighborCap, NeighborList};
pub use ogb::{NUM_ATOM_FEATURES, NUM_BOND_FEATURES, OgbConfig, OgbFeaturizer};
pub use point_cloud::PointCloud;
pub use points::{PointConfig, PointFeaturizer};
pub use schema::{ColumnKind, FeatureColumn, FeatureSchema};
