//! The graph networks of `pretrain-gnns`: GIN, GCN, GraphSAGE and GAT over atom types and bond directions (Hu et al.,
//! "Strategies for pre-training graph neural networks", ICLR 2020).
//!
//! Source: `chem/model.py` of `snap-stanford/pretrain-gnns`, commit 6e69a06. They read the features of
//! [`AtomTypeFeaturizer`](dd_graph::AtomTypeFeaturizer).

mod config;
mod gat;
mod gcn;
mod gin;
mod graph_sage;
mod model;
mod neighborhood;

pub use config::{GraphConvolution, PretrainGnnConfig};
pub(crate) use gin::GinConvolution;
pub use model::PretrainGnn;
pub(crate) use neighborhood::{Neighborhood, bond_tables};
