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

    /// Takes over the averages of a checkpoint.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn restore(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in &self.average {
            let Some(value) = tensors.get(name) else {
                candle_core::bail!("the checkpoint has no moving average of {name}");
            };
            var.set(&value.to_device(var.device())?.to_dtype(var.dtype())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn the_averages_of_a_checkpoint_are_taken_over_whole() -> Result<()> {
        let var = Var::zeros(2, DType::F64, &Device::Cpu)?;
        let ema = Ema::new(0.5, &[("w".to_string(), var)])?;
        // As a file may have it.
        let single = Tensor::new(&[1.0_f32, 2.0], &Device::Cpu)?;
        ema.restore(&[("w".to_string(), single)].into())?;
        assert_eq!(ema.tensors()["w"].to_vec1::<f64>()?, [1.0, 2.0]);
        let error = ema.restore(&BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("no moving average of w"));
        Ok(())
    }
}
