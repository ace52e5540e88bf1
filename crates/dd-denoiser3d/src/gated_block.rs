//! Gated equivariant blocks, of which both heads are made
//! (`shehzaidi/pre-training-via-denoising` 2d81667, `models/output_modules.py`).

use candle_core::{Module, Tensor};
use dd_kernels::safe_norm;
use dd_nn::{Activation, Init, Linear, Params};

use crate::error::Result;

/// `t = |V1 v|`, `(x', g) = U2 act(U1 [x ; t])`, `v' = g (*) V2 v` (Schütt et al. 2021, PaiNN, figure 3).
#[derive(Debug, Clone)]
struct GatedEquivariantBlock {
    vec1_proj: Linear,
    vec2_proj: Linear,
    update_in: Linear,
    update_out: Linear,
    activation: Activation,
    scalar_activation: bool,
    width: usize,
}

impl GatedEquivariantBlock {
    fn new(input: usize, output: usize, activation: Activation, params: &Params) -> Result<Self> {
        let init = Init::XavierUniform;
        let update = params.pp("update_net");
        Ok(Self {
            vec1_proj: Linear::no_bias(input, input, init, &params.pp("vec1_proj"))?,
            vec2_proj: Linear::no_bias(input, output, init, &params.pp("vec2_proj"))?,
            update_in: Linear::new(2 * input, input, init, &update.pp("0"))?,
            update_out: Linear::new(input, 2 * output, init, &update.pp("2"))?,
            activation,
            scalar_activation: false,
            width: output,
        })
    }

    fn with_scalar_activation(self) -> Self {
        Self {
            scalar_activation: true,
            ..self
        }
    }

    /// `x [N, h]`, `v [N, 3, h]` to `[N, o]`, `[N, 3, o]`.
    fn forward(&self, x: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
        let lengths = safe_norm(&self.vec1_proj.forward(v)?, 1)?; // [N, h]
        let y = self.vec2_proj.forward(v)?; // [N, 3, o]
        let hidden = self.update_in.forward(&Tensor::cat(&[x, &lengths], 1)?)?;
        let update = self
            .update_out
            .forward(&self.activation.forward(&hidden)?)?; // [N, 2o]
        let gate = update.narrow(1, self.width, self.width)?.unsqueeze(1)?;
        let x = update.narrow(1, 0, self.width)?;
        let x = if self.scalar_activation {
            self.activation.forward(&x)?
        } else {
            x
        };
        Ok((x, y.broadcast_mul(&gate)?))
    }
}

/// Two blocks, `F -> F / 2 -> 1`.
#[derive(Debug, Clone)]
pub(crate) struct GatedHead {
    blocks: [GatedEquivariantBlock; 2],
}

impl GatedHead {
    pub(crate) fn new(width: usize, activation: Activation, params: &Params) -> Result<Self> {
        let half = width / 2;
        let network = params.pp("output_network");
        let first = GatedEquivariantBlock::new(width, half, activation, &network.pp("0"))?;
        let second = GatedEquivariantBlock::new(half, 1, activation, &network.pp("1"))?;
        Ok(Self {
            blocks: [first.with_scalar_activation(), second],
        })
    }

    /// All parameters.
    pub(crate) fn parameters(&self) -> Vec<Tensor> {
        let linears = self.blocks.iter().flat_map(|block| {
            [
                &block.vec1_proj,
                &block.vec2_proj,
                &block.update_in,
                &block.update_out,
            ]
        });
        linears
            .flat_map(|linear| std::iter::once(linear.weight()).chain(linear.bias()))
            .cloned()
            .collect()
    }

    /// `x [N, F]`, `v [N, 3, F]` to one number `[N]` and one vector `[N, 3]` per atom.
    pub(crate) fn forward(&self, x: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
        let (x, v) = self.blocks[0].forward(x, v)?;
        let (x, v) = self.blocks[1].forward(&x, &v)?;
        Ok((x.squeeze(1)?, v.squeeze(2)?))
    }
}
