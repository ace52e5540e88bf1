//! Linear layer and layer norm on a [`Params`] tree.

use candle_core::{Module, Result, Tensor};
use dd_kernels::{DenseWeights, MatmulPrecision, NORM_EPSILON, NormWeights, dense_in};

use crate::init::Init;
use crate::params::Params;

/// `y = x W^T + b`, weight `[out, in]`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    precision: MatmulPrecision,
}

impl Linear {
    /// With a bias that starts at zero.
    pub fn new(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        let weight = params.get((output, input), "weight", init)?;
        let bias = Some(params.get(output, "bias", Init::Constant(0.0))?);
        Ok(Self {
            weight,
            bias,
            precision: params.matmul_precision(),
        })
    }

    /// Without bias.
    pub fn no_bias(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        Ok(Self {
            weight: params.get((output, input), "weight", init)?,
            bias: None,
            precision: params.matmul_precision(),
        })
    }

    /// Weight and bias uniform in `(-b, b)` with `b = 1 / sqrt(in)`: PyTorch's default.
    pub fn fan_in_uniform(input: usize, output: usize, params: &Params) -> Result<Self> {
        let bound = 1.0 / (input.max(1) as f64).sqrt();
        let init = Init::Uniform { bound };
        Ok(Self {
            weight: params.get((output, input), "weight", init)?,
            bias: Some(params.get(output, "bias", init)?),
            precision: params.matmul_precision(),
        })
    }

    /// The weight, `[out, in]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Weight and bias as the fused kernels take them; none without a bias.
    pub fn weights(&self) -> Option<DenseWeights<'_>> {
        Some(DenseWeights {
            weight: &self.weight,
            bias: self.bias.as_ref()?,
        })
    }

    /// How the layer multiplies.
    pub fn precision(&self) -> MatmulPrecision {
        self.precision
    }

    /// The bias, `[out]`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for Linear {
    /// `[..., in]` gives `[..., out]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.as_ref();
        Ok(dense_in(x, &self.weight, bias, self.precision)?)
    }
}

/// Layer normalisation over the last dimension, differentiable on every path (candle's own is not). Its epsilon is
/// [`NORM_EPSILON`], PyTorch's default, which all networks here have.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// Weight 1, bias 0.
    pub fn new(width: usize, params: &Params) -> Result<Self> {
        Ok(Self {
            weight: params.get(width, "weight", Init::Constant(1.0))?,
            bias: params.get(width, "bias", Init::Constant(0.0))?,
        })
    }

    /// Weight and bias as the fused kernels take them.
    pub fn weights(&self) -> NormWeights<'_> {
        NormWeights {
            weight: &self.weight,
            bias: &self.bias,
        }
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(dd_kernels::layer_norm(
            x,
            &self.weight,
            &self.bias,
            NORM_EPSILON,
        )?)
    }
}
