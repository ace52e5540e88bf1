//! `h_v <- m / |m|` with `m` the mean over `u` of `W h_u + b + e_uv`.

use candle_core::{Module, Tensor};
use dd_kernels::{gather, safe_norm, segment_mean};
use dd_nn::{Linear, Params};

use super::neighborhood::{Neighborhood, bond_tables};
use crate::columns::ColumnEmbedding;
use crate::error::Result;

/// Shortest length that is scaled to 1, as in PyTorch's `normalize`.
const SHORTEST: f64 = 1e-12;

pub(super) struct SageConvolution {
    linear: Linear,
    bonds: ColumnEmbedding,
}

impl SageConvolution {
    pub(super) fn new(width: usize, num_bond_types: usize, params: &Params) -> Result<Self> {
        let tables = bond_tables(num_bond_types);
        Ok(Self {
            linear: Linear::fan_in_uniform(width, width, &params.pp("linear"))?,
            bonds: ColumnEmbedding::new("edge_features", tables, width, params)?,
        })
    }

    pub(super) fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        let x = self.linear.forward(h)?; // [N, W]
        let messages = (gather(&x, &around.sources)? + self.bonds.forward(&around.bonds)?)?;
        let mean = segment_mean(&messages, &around.incoming)?; // [N, W]
        let length = safe_norm(&mean, 1)?.maximum(SHORTEST)?.unsqueeze(1)?; // [N, 1]
        Ok(mean.broadcast_div(&length)?)
    }
}
