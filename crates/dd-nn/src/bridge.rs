//! [`ParamStore`] as a backend of candle's `VarBuilder`, so that models written for candle train on our parameters.

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::init::{Init as CandleInit, NormalOrUniform};
use candle_nn::var_builder::SimpleBackend;

use crate::init::Init;
use crate::store::ParamStore;

impl ParamStore {
    /// A `VarBuilder` over this store: what it creates is seeded by (seed, name, shape), trained and saved as ours are.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// let store = dd_nn::ParamStore::new(0, DType::F32, &Device::Cpu);
    /// let layer = candle_nn::linear(3, 2, store.var_builder().pp("head"))?;
    /// assert_eq!(store.num_parameters(), 3 * 2 + 2);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    pub fn var_builder(&self) -> VarBuilder<'static> {
        let device = self.device().clone();
        VarBuilder::from_backend(Box::new(self.clone()), self.dtype(), device)
    }
}

impl SimpleBackend for ParamStore {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: CandleInit,
        _dtype: DType,
        _device: &Device,
    ) -> Result<Tensor> {
        let (centred, mean) = centred(init, &shape);
        self.param(name, &shape, |key| {
            let values = centred.values(&shape, key);
            Tensor::from_vec(values, shape.clone(), &Device::Cpu)?.affine(1.0, mean)
        })
    }

    fn get_unchecked(&self, name: &str, _dtype: DType, _device: &Device) -> Result<Tensor> {
        let tensor = self.tensors().remove(name);
        tensor.ok_or_else(|| Error::Msg(format!("there is no parameter or buffer {name}")))
    }

    fn contains_tensor(&self, name: &str) -> bool {
        ParamStore::get(self, name).is_some() || self.buffer(name).is_some()
    }
}

/// The distribution without its mean, and the mean.
fn centred(init: CandleInit, shape: &Shape) -> (Init, f64) {
    match init {
        CandleInit::Const(value) => (Init::Constant(value), 0.0),
        CandleInit::Randn { mean, stdev } => (Init::Normal { std: stdev }, mean),
        CandleInit::Uniform { lo, up } => {
            let bound = 0.5 * (up - lo);
            (Init::Uniform { bound }, 0.5 * (up + lo))
        }
        CandleInit::Kaiming {
            dist,
            fan,
            non_linearity,
        } => {
            let std = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            let init = match dist {
                NormalOrUniform::Normal => Init::Normal { std },
                NormalOrUniform::Uniform => Init::Uniform {
                    bound: 3_f64.sqrt() * std,
                },
            };
            (init, 0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Linear;
    use candle_core::Module;

    #[test]
    fn a_candle_layer_and_ours_compute_the_same_from_one_store() -> Result<()> {
        let store = ParamStore::new(3, DType::F32, &Device::Cpu);
        let theirs = candle_nn::linear(3, 2, store.var_builder().pp("head"))?;
        let ours = Linear::new(3, 2, Init::Constant(0.0), &store.root().pp("head"))?;
        let x = Tensor::new(&[[1_f32, -2.0, 0.5]], &Device::Cpu)?;
        assert_eq!(
            theirs.forward(&x)?.to_vec2::<f32>()?,
            ours.forward(&x)?.to_vec2::<f32>()?
        );
        Ok(())
    }

    #[test]
    fn a_model_of_ours_loads_from_a_var_builder() -> Result<()> {
        let weight = Tensor::new(&[[1_f32, 2.0]], &Device::Cpu)?;
        let bias = Tensor::new(&[0.5_f32], &Device::Cpu)?;
        let tensors = [("head.weight".into(), weight), ("head.bias".into(), bias)];
        let source = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
        let store = ParamStore::from_var_builder(source);
        let head = Linear::new(2, 1, Init::XavierUniform, &store.root().pp("head"))?;
        let y = head.forward(&Tensor::new(&[[1_f32, 1.0]], &Device::Cpu)?)?;
        assert_eq!(y.to_vec2::<f32>()?, [[3.5]]);
        assert!(Linear::new(2, 1, Init::XavierUniform, &store.root().pp("absent")).is_err());
        Ok(())
    }
}
