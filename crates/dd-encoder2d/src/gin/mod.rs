//! GIN: the graph isomorphism network with edge features (Xu et al., ICLR 2019; Hu et al., ICLR 2020), in the form of
//! OGB's and MoleculeSDE's code (`chao1224/MoleculeSDE` 06f84c8).

mod config;
mod embedding;
mod model;

pub use config::GinConfig;
pub(crate) use embedding::{ATOM_SIZES, BOND_SIZES};
pub use model::Gin;
