//! Two linear layers with a non-linear function between them.

use candle_core::{Module, Result, Tensor};

use crate::activation::Activation;
use crate::init::Init;
use crate::layer::Linear;
use crate::params::Params;

/// `y = W2 f(W1 x + b1) + b2`. The layers are named `0` and `2`, as in a PyTorch `Sequential`.
#[derive(Debug, Clone)]
pub struct Mlp {
    first: Linear,
    activation: Activation,
    last: Linear,
}

impl Mlp {
    /// Widths are `[input, hidden, output]`; biases start at zero.
    pub fn new(
        widths: [usize; 3],
        activation: Activation,
        init: Init,
        params: &Params,
    ) -> Result<Self> {
        let [input, hidden, output] = widths;
        Ok(Self {
            first: Linear::new(input, hidden, init, &params.pp(0))?,
            activation,
            last: Linear::new(hidden, output, init, &params.pp(2))?,
        })
    }
}

impl Module for Mlp {
    /// `[..., input]` gives `[..., output]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.last
            .forward(&self.activation.forward(&self.first.forward(x)?)?)
    }
}
