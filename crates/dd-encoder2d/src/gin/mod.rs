//! GIN: the graph isomorphism network with edge features (Xu et al., ICLR 2019; Hu et al., ICLR 2020), in the form of
//! OGB's and MoleculeSDE's code (`chao1224/MoleculeSDE` 06f84c8).

mod config;
mod environments;
mod model;

pub use config::GinConfig;
pub use model::Gin;
pub(crate) use model::{ATOM_SIZES, BOND_SIZES};
