//! `h_v <- W2 relu(W1 (sum over u of h_u + e_uv))`.

use candle_core::{Module, Tensor};
use dd_kernels::{gather, segment_sum};
use dd_nn::{Linear, Params};

use super::neighborhood::{Neighborhood, bond_tables};
use crate::columns::ColumnEmbedding;
use crate::error::Result;

/// Message passing of GIN as in `pretrain-gnns` and MolCLR: no `eps`, no rectifier on messages, no norm inside.
pub(crate) struct GinConvolution {
    bonds: ColumnEmbedding,
    first: Linear,
    last: Linear,
}

impl GinConvolution {
    pub(crate) fn new(width: usize, num_bond_types: usize, params: &Params) -> Result<Self> {
        let tables = bond_tables(num_bond_types);
        let mlp = params.pp("mlp");
        Ok(Self {
            bonds: ColumnEmbedding::new("edge_features", tables, width, params)?,
            first: Linear::fan_in_uniform(width, 2 * width, &mlp.pp(0))?,
            last: Linear::fan_in_uniform(2 * width, width, &mlp.pp(2))?,
        })
    }

    pub(crate) fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        let messages = (gather(h, &around.sources)? + self.bonds.forward(&around.bonds)?)?; // [R, W]
        let sum = segment_sum(&messages, &around.incoming)?; // [N, W]
        Ok(self.last.forward(&self.first.forward(&sum)?.relu()?)?)
    }
}
