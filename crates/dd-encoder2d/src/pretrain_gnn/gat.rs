//! Attention over the neighbours of an atom: with `x = W h + b` in each head, and `x_uv = x_u + e_uv`,
//! `h_v <- bias + mean over heads of sum over u of softmax_u(leaky_relu(a . [x_v, x_uv])) x_uv`.
//!
//! The weights of the edges into one atom add up to 1, as in the version of PyTorch Geometric that the original was
//! written for (1.0), where the first row of its edge list holds the targets.

use candle_core::{Module, Tensor};
use dd_kernels::{gather, segment_softmax, segment_sum};
use dd_nn::{Init, Linear, Params};

use super::neighborhood::{Neighborhood, bond_tables};
use crate::columns::ColumnEmbedding;
use crate::error::Result;

/// Heads of the original.
pub(super) const HEADS: usize = 2;
/// Slope of the leaky rectifier below zero.
const SLOPE: f64 = 0.2;

pub(super) struct GatConvolution {
    weight_linear: Linear,
    att: Tensor,
    bias: Tensor,
    bonds: ColumnEmbedding,
    width: usize,
}

impl GatConvolution {
    pub(super) fn new(width: usize, num_bond_types: usize, params: &Params) -> Result<Self> {
        let tables = bond_tables(num_bond_types);
        let wide = HEADS * width;
        // Glorot's uniform over the last two dimensions, as the original has it.
        let bound = (6.0 / (HEADS + 2 * width) as f64).sqrt();
        Ok(Self {
            weight_linear: Linear::fan_in_uniform(width, wide, &params.pp("weight_linear"))?,
            att: params.get((1, HEADS, 2 * width), "att", Init::Uniform { bound })?,
            bias: params.get(width, "bias", Init::Constant(0.0))?,
            bonds: ColumnEmbedding::new("edge_features", tables, wide, params)?,
            width,
        })
    }

    pub(super) fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        let by_head = |x: &Tensor| x.reshape((x.dim(0)?, HEADS, self.width));
        let x = self.weight_linear.forward(h)?; // [N, H W]
        let heard = (gather(&x, &around.sources)? + self.bonds.forward(&around.bonds)?)?;
        let heard = by_head(&heard)?; // [R, H, W]
        let hearer = self.att.narrow(2, 0, self.width)?; // [1, H, W]
        let speaker = self.att.narrow(2, self.width, self.width)?;
        let of_target = by_head(&x)?.broadcast_mul(&hearer)?.sum(2)?; // [N, H]
        let of_edge = heard.broadcast_mul(&speaker)?.sum(2)?; // [R, H]
        let scores = leaky_relu(&(gather(&of_target, &around.targets)? + of_edge)?)?;
        let weights = segment_softmax(&scores, &around.incoming)?.unsqueeze(2)?; // [R, H, 1]
        let sum = segment_sum(&heard.broadcast_mul(&weights)?, &around.incoming)?; // [N, H, W]
        Ok(sum.mean(1)?.broadcast_add(&self.bias)?)
    }
}

fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    Ok(((x.relu()? * (1.0 - SLOPE))? + (x * SLOPE)?)?)
}
