//! Normalisation over the rows of a batch (Ioffe and Szegedy, ICML 2015), as PyTorch's `BatchNorm1d`.

use candle_core::{DType, Error, Result, Tensor};

use dd_kernels::BatchNormInputs;

use crate::buffer::Buffer;
use crate::init::Init;
use crate::mode::Mode;
use crate::params::Params;

/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias` per column.
///
/// `Train` uses the batch's mean and biased variance and moves the running statistics by a share `momentum`, the running
/// variance with the unbiased one; `Eval` uses the running statistics. Names are PyTorch's: `weight`, `bias`,
/// `running_mean`, `running_var`, `num_batches_tracked`.
///
/// In `Train` the result for one row depends on its batch mates: the one layer of which this is true.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Buffer,
    running_var: Buffer,
    num_batches_tracked: Buffer,
    epsilon: f64,
    momentum: f64,
}

impl BatchNorm {
    /// PyTorch's defaults: epsilon 1e-5, momentum 0.1, weight 1, bias 0.
    pub fn new(width: usize, params: &Params) -> Result<Self> {
        let device = params.device();
        let zeros = Tensor::zeros(width, DType::F32, device)?;
        Ok(Self {
            weight: params.get(width, "weight", Init::Constant(1.0))?,
            bias: params.get(width, "bias", Init::Constant(0.0))?,
            running_mean: params.buffer("running_mean", &zeros)?,
            running_var: params.buffer("running_var", &zeros.ones_like()?)?,
            num_batches_tracked: params
                .buffer("num_batches_tracked", &Tensor::new(0_i64, device)?)?,
            epsilon: 1e-5,
            momentum: 0.1,
        })
    }

    /// `[N, width]` gives `[N, width]`.
    ///
    /// # Errors
    /// In `Train` with fewer than two rows: their variance means nothing.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.normalize(x, mode, false, None)
    }

    /// `max(0, forward(x))` in one operation.
    ///
    /// # Errors
    /// As [`BatchNorm::forward`].
    pub fn forward_relu(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.normalize(x, mode, true, None)
    }

    /// [`BatchNorm::forward`], or with `relu` [`BatchNorm::forward_relu`], where each row stands for so many equal rows of
    /// the batch: `copies [N]`.
    ///
    /// # Errors
    /// As [`BatchNorm::forward`], and when there are not as many `copies` as rows.
    pub fn normalize(
        &self,
        x: &Tensor,
        mode: Mode,
        relu: bool,
        copies: Option<&[u32]>,
    ) -> Result<Tensor> {
        let of_batch = matches!(mode, Mode::Train(_));
        let copies = copies.filter(|_| of_batch);
        let (mean, variance) = if of_batch {
            let rows = copies.map_or(x.dim(0)?, |copies| copies.iter().map(|&n| n as usize).sum());
            if rows < 2 {
                return Err(Error::Msg(format!(
                    "batch normalisation: expected at least 2 rows when training, got {rows}"
                )));
            }
            let (mean, variance) = dd_kernels::batch_moments(x, copies)?;
            self.track(&mean, &variance, rows)?;
            (mean, variance)
        } else {
            (self.running_mean.tensor(), self.running_var.tensor())
        };
        let inputs = BatchNormInputs {
            weight: &self.weight,
            bias: &self.bias,
            mean: &mean,
            variance: &variance,
            epsilon: self.epsilon,
            of_batch,
            relu,
            copies,
        };
        Ok(dd_kernels::batch_norm(x, &inputs)?)
    }

    fn track(&self, mean: &Tensor, variance: &Tensor, rows: usize) -> Result<()> {
        let unbiased = rows as f64 / (rows - 1) as f64;
        let blend = |old: &Buffer, new: &Tensor, scale: f64| -> Result<()> {
            let old_part = (old.tensor() * (1.0 - self.momentum))?;
            let new_part = (new * (self.momentum * scale))?;
            old.set(&(old_part + new_part)?)
        };
        blend(&self.running_mean, mean, 1.0)?;
        blend(&self.running_var, variance, unbiased)?;
        let count = self.num_batches_tracked.tensor();
        self.num_batches_tracked
            .set(&(&count + count.ones_like()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ParamStore;
    use candle_core::Device;
    use dd_kernels::rng::Key;

    #[test]
    fn running_statistics_follow_the_definition() -> Result<()> {
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let norm = BatchNorm::new(1, &store.root())?;
        let x = Tensor::new(&[[1_f64], [2.0], [6.0]], &Device::Cpu)?;
        let y = norm.forward(&x, Mode::Train(Key::from_seed(0)))?;
        // Mean 3; squared deviations 4, 1, 9: biased variance 14/3, unbiased 7.
        let scale = 1.0 / (14.0_f64 / 3.0 + 1e-5).sqrt();
        for (got, expected) in y
            .flatten_all()?
            .to_vec1::<f64>()?
            .iter()
            .zip([-2.0, -1.0, 3.0])
        {
            assert!((got - expected * scale).abs() < 1e-12);
        }
        let buffer = |name: &str| store.buffer(name).unwrap().tensor();
        assert!((buffer("running_mean").to_vec1::<f64>()?[0] - 0.3).abs() < 1e-12);
        assert!((buffer("running_var").to_vec1::<f64>()?[0] - 1.6).abs() < 1e-12);
        assert_eq!(buffer("num_batches_tracked").to_scalar::<i64>()?, 1);
        let z = norm.forward(&x, Mode::Eval)?.to_vec2::<f64>()?;
        assert!((z[0][0] - 0.7 / (1.6_f64 + 1e-5).sqrt()).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn gradient_reaches_weight_bias_and_input() -> Result<()> {
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let norm = BatchNorm::new(2, &store.root())?;
        let x = candle_core::Var::new(&[[1_f64, 0.0], [2.0, 5.0], [6.0, 1.0]], &Device::Cpu)?;
        let loss = |x: &Tensor| {
            let y = norm.forward(x, Mode::Train(Key::from_seed(0)))?;
            y.sqr()?.mul(&y)?.sum_all()
        };
        let gradients = loss(x.as_tensor())?.backward()?;
        assert!(
            store
                .vars()
                .iter()
                .all(|(_, var)| gradients.get(var).is_some())
        );
        let analytic = gradients.get(&x).unwrap().to_vec2::<f64>()?;
        let step = 1e-5;
        for (row, column) in [(0, 0), (1, 1), (2, 0)] {
            let moved = |h: f64| -> Result<f64> {
                let mut values = x.to_vec2::<f64>()?;
                values[row][column] += h;
                loss(&Tensor::new(values, &Device::Cpu)?)?.to_scalar()
            };
            let numeric = (moved(step)? - moved(-step)?) / (2.0 * step);
            assert!((analytic[row][column] - numeric).abs() < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn one_row_cannot_be_normalised() -> Result<()> {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let norm = BatchNorm::new(2, &store.root())?;
        let x = Tensor::zeros((1, 2), DType::F32, &Device::Cpu)?;
        assert!(norm.forward(&x, Mode::Train(Key::from_seed(0))).is_err());
        assert!(norm.forward(&x, Mode::Eval).is_ok());
        Ok(())
    }
}
