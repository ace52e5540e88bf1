//! `h_v <- sum over u of (W h_u + b + e_uv) / sqrt(d_u d_v)`, with the loop counted in the degrees `d`.

use candle_core::{Module, Tensor};
use dd_kernels::{gather, segment_sum};
use dd_nn::{Linear, Params};

use super::neighborhood::{Neighborhood, bond_tables};
use crate::columns::ColumnEmbedding;
use crate::error::Result;

pub(super) struct GcnConvolution {
    linear: Linear,
    bonds: ColumnEmbedding,
}

impl GcnConvolution {
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
        let messages = messages.broadcast_mul(&weights(around, &x)?)?; // [R, W]
        Ok(segment_sum(&messages, &around.incoming)?) // [N, W]
    }
}

/// `1 / sqrt(d_u d_v)` for each edge, `[R, 1]`.
fn weights(around: &Neighborhood, like: &Tensor) -> Result<Tensor> {
    let offsets = around.incoming.offsets();
    let degree = |node: u32| f64::from(offsets[node as usize + 1] - offsets[node as usize]);
    let ends = around.sources.rows().iter().zip(around.targets.rows());
    let weights: Vec<f64> = ends
        .map(|(&source, &target)| (degree(source) * degree(target)).sqrt().recip())
        .collect();
    let weights = Tensor::from_vec(
        weights,
        (around.sources.len(), 1),
        &candle_core::Device::Cpu,
    )?;
    Ok(weights.to_dtype(like.dtype())?.to_device(like.device())?)
}
