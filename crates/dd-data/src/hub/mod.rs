//! Downloads (feature `hub`): nothing else in the workspace touches the network.

mod fetch;
mod sources;

pub use fetch::{Fetched, fetch};
pub use sources::{DataFile, molecule_net, pcqm4mv2_conformers, pcqm4mv2_graphs, qm9};
