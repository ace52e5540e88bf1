//! An exponential moving average of the parameters.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use dd_kernels::Lerp;

/// `a <- decay a + (1 - decay) p` after every step, from the initial parameters. Buffers are not averaged.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    average: BTreeMap<String, Var>,
}

impl Ema {
    /// Starts from the present values.
    pub fn new(decay: f64, params: &[(String, Var)]) -> Result<Self> {
        let copy = |(name, var): &(String, Var)| {
            let value = Var::from_tensor(&var.as_detached_tensor().copy()?)?;
            Ok((name.clone(), value))
        };
        Ok(Self {
            decay,
            average: params.iter().map(copy).collect::<Result<_>>()?,
        })
    }

    /// Takes in the parameters after a step.
    pub fn update(&self, params: &[(String, Var)]) -> Result<()> {
        let step = Lerp {
            weight: 1.0 - self.decay,
            scale: 1.0,
        };
        for (name, var) in params {
            if let Some(average) = self.average.get(name) {
                step.apply(average, &var.as_detached_tensor())?;
            }
        }
        Ok(())
    }

    /// The averages, by parameter name.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let pairs = self.average.iter();
        pairs
            .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
            .collect()
    }

    /// Takes over the averages of a checkpoint; what it lacks stays.
    pub fn restore(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in &self.average {
            if let Some(value) = tensors.get(name) {
                var.set(value)?;
            }
        }
        Ok(())
    }
}
