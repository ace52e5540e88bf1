//! Running normalisation of the noise target (`shehzaidi/pre-training-via-denoising` 2d81667,
//! `models/model.py` and `module.py`).

use candle_core::{DType, Tensor};
use dd_nn::{Buffer, Mode, Params};

use crate::error::{DenoiserError, Result};

/// Smallest standard deviation, as in the original.
const MIN_STD: f64 = 1e-8;

/// Subtracts the mean and divides by the standard deviation, per coordinate, of all noise seen so far.
///
/// In training the statistics take in the batch **before** it is normalised. The variance is the biased one. Buffers have the
/// original's names: `acc_sum` and `acc_squared_sum` `[3]`, `acc_count` and `num_accumulations` `[1]`.
///
/// The target may be in angstrom, as in the original, or in units of sigma: the result is the same, unless the clamp of the
/// standard deviation bites.
#[derive(Debug, Clone)]
pub struct NoiseNormalizer {
    acc_sum: Buffer,
    acc_squared_sum: Buffer,
    acc_count: Buffer,
    num_accumulations: Buffer,
}

impl NoiseNormalizer {
    /// Nothing seen yet. The original's place for it is `params.pp("pos_normalizer")`.
    pub fn new(params: &Params) -> Result<Self> {
        let zeros = |name, count: usize| {
            params.buffer(name, &Tensor::zeros(count, DType::F32, params.device())?)
        };
        Ok(Self {
            acc_sum: zeros("acc_sum", 3)?,
            acc_squared_sum: zeros("acc_squared_sum", 3)?,
            acc_count: zeros("acc_count", 1)?,
            num_accumulations: zeros("num_accumulations", 1)?,
        })
    }

    /// Noise `[N, 3]` to the normalised target `[N, 3]`; in training the statistics are updated first.
    ///
    /// # Errors
    /// When the noise is not `[N, 3]`.
    pub fn normalize(&self, noise: &Tensor, mode: Mode) -> Result<Tensor> {
        if noise.rank() != 2 || noise.dim(1)? != 3 {
            return Err(DenoiserError::Shape {
                name: "noise".to_string(),
                expected: "[N, 3]".to_string(),
                got: noise.dims().to_vec(),
            });
        }
        if matches!(mode, Mode::Train(_)) {
            self.accumulate(&noise.detach())?;
        }
        let (mean, std) = self.mean_and_std()?;
        let dtype = noise.dtype();
        Ok(noise
            .broadcast_sub(&mean.to_dtype(dtype)?)?
            .broadcast_div(&std.to_dtype(dtype)?)?)
    }

    /// Mean and standard deviation per coordinate, `[3]` each, of all that was seen; 0 and the clamp before anything was.
    pub fn mean_and_std(&self) -> Result<(Tensor, Tensor)> {
        let count = self.acc_count.tensor().clamp(1.0, f64::INFINITY)?;
        let mean = self.acc_sum.tensor().broadcast_div(&count)?;
        let squares = self.acc_squared_sum.tensor().broadcast_div(&count)?;
        // Rounding may push a variance below zero; the original's square root would then be undefined.
        let variance = (squares - mean.sqr()?)?.clamp(0.0, f64::INFINITY)?;
        let std = variance.sqrt()?.clamp(MIN_STD, f64::INFINITY)?;
        Ok((mean, std))
    }

    fn accumulate(&self, noise: &Tensor) -> candle_core::Result<()> {
        let rows = noise.dim(0)? as f64;
        let noise = noise.to_dtype(self.acc_sum.tensor().dtype())?;
        let add = |buffer: &Buffer, more: Tensor| buffer.set(&(buffer.tensor() + more)?);
        add(&self.acc_sum, noise.sum(0)?)?;
        add(&self.acc_squared_sum, noise.sqr()?.sum(0)?)?;
        let increment = |buffer: &Buffer, by: f64| buffer.set(&(buffer.tensor() + by)?);
        increment(&self.acc_count, rows)?;
        increment(&self.num_accumulations, 1.0)
    }
}
