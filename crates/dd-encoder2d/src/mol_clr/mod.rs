//! The graph networks of MolCLR: GCN and GIN with a linear feature layer (Wang et al., "Molecular contrastive learning of
//! representations via graph neural networks", Nature Machine Intelligence 2022).
//!
//! Source: `models/gcn_molclr.py` and `models/ginet_molclr.py` of `yuyangw/MolCLR`, commit c6d661e. They read the features
//! of [`AtomTypeFeaturizer`](dd_graph::AtomTypeFeaturizer).

mod config;
mod gcn;
mod model;

pub use config::{MolClrConfig, MolClrConvolution};
pub use model::MolClr;
