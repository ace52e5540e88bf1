//! `h_v <- b + sum over u of h_u W + e_uv`, with one number `e` for each bond.

use candle_core::Tensor;
use dd_kernels::{gather, segment_sum};
use dd_nn::{Init, Params};

use crate::columns::ColumnEmbedding;
use crate::error::Result;
use crate::pretrain_gnn::{Neighborhood, bond_tables};

pub(super) struct GcnConvolution {
    /// `[in, out]`, unlike a linear layer's.
    weight: Tensor,
    bias: Tensor,
    bonds: ColumnEmbedding,
}

impl GcnConvolution {
    pub(super) fn new(width: usize, num_bond_types: usize, params: &Params) -> Result<Self> {
        let tables = bond_tables(num_bond_types);
        Ok(Self {
            weight: params.get((width, width), "weight", Init::XavierUniform)?,
            bias: params.get(width, "bias", Init::Constant(0.0))?,
            bonds: ColumnEmbedding::new("edge_features", tables, 1, params)?,
        })
    }

    pub(super) fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        let x = h.matmul(&self.weight)?; // [N, W]
        let bonds = self.bonds.forward(&around.bonds)?; // [R, 1]
        let of_bonds = segment_sum(&bonds, &around.incoming)?; // [N, 1]
        let sum = segment_sum(&gather(&x, &around.sources)?, &around.incoming)?; // [N, W]
        Ok(sum.broadcast_add(&of_bonds)?.broadcast_add(&self.bias)?)
    }
}
