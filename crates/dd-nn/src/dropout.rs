//! Dropout of entries and of whole branches, drawn from the stream of the [`Mode`].

use candle_core::{Result, Tensor};
use dd_kernels::Segments;
use dd_kernels::rng::Key;

use crate::mode::Mode;

/// Inverted dropout: each entry is zero with probability `rate`, else divided by `1 - rate` (Srivastava et al., JMLR 15,
/// 2014). The identity in `Eval`. Entry `i` is decided by position `i` of the stream.
///
/// # Errors
/// When `rate` is outside `[0, 1)`.
pub fn dropout(x: &Tensor, rate: f64, mode: Mode) -> Result<Tensor> {
    let (Some(key), true) = (mode.key(), check_rate(rate)?) else {
        return Ok(x.clone());
    };
    let keep = (1.0 / (1.0 - rate)) as f32;
    let dropped = Dropped::new(rate);
    let mask: Vec<f32> = (0..x.elem_count() as u64)
        .map(|i| if dropped.at(key, i) { 0.0 } else { keep })
        .collect();
    x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?)
}

/// Stochastic depth: what each segment's branch is multiplied by, 0 with probability `rate`, else `1 / (1 - rate)` (Huang
/// et al., ECCV 2016). None in `Eval`, and at rate 0.
///
/// The [`Segments::id`] alone decides: named by record, a molecule's fate does not depend on its place in the batch.
///
/// # Errors
/// When `rate` is outside `[0, 1)`.
pub fn branch_factors(segments: &Segments, rate: f64, mode: Mode) -> Result<Option<Vec<f64>>> {
    let (Some(key), true) = (mode.key(), check_rate(rate)?) else {
        return Ok(None);
    };
    let dropped = Dropped::new(rate);
    let factor = |segment| {
        if dropped.at(key.with(segments.id(segment)), 0) {
            0.0
        } else {
            1.0 / (1.0 - rate)
        }
    };
    Ok(Some((0..segments.len()).map(factor).collect()))
}

/// Stochastic depth of a branch `x [N, ...]`, the rows of `segments`, with [`branch_factors`].
///
/// # Errors
/// When `rate` is outside `[0, 1)` or the rows disagree.
pub fn drop_path(x: &Tensor, segments: &Segments, rate: f64, mode: Mode) -> Result<Tensor> {
    let Some(factors) = branch_factors(segments, rate, mode)? else {
        return Ok(x.clone());
    };
    if x.dim(0)? != segments.num_rows() {
        return Err(candle_core::Error::Msg(format!(
            "stochastic depth: {} rows, expected {}",
            x.dim(0)?,
            segments.num_rows(),
        )));
    }
    let of_rows = segments.row_segment().iter();
    let of_rows: Vec<f64> = of_rows.map(|&segment| factors[segment as usize]).collect();
    let mut shape = vec![1; x.rank()];
    shape[0] = of_rows.len();
    x.broadcast_mul(&Tensor::from_vec(of_rows, shape, x.device())?.to_dtype(x.dtype())?)
}

/// Compares 64 random bits with the rate.
struct Dropped {
    threshold: u64,
}

impl Dropped {
    fn new(rate: f64) -> Self {
        Self {
            threshold: (rate * 2_f64.powi(64)) as u64,
        }
    }

    fn at(&self, key: Key, position: u64) -> bool {
        key.bits(position) < self.threshold
    }
}

/// Whether anything is dropped at this rate.
fn check_rate(rate: f64) -> Result<bool> {
    if (0.0..1.0).contains(&rate) {
        return Ok(rate > 0.0);
    }
    Err(candle_core::Error::Msg(format!(
        "dropout rate {rate} is outside [0, 1)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn train(seed: u64) -> Mode {
        Mode::Train(Key::from_seed(seed))
    }

    #[test]
    fn dropout_keeps_the_mean_and_repeats_by_key() -> Result<()> {
        let x = Tensor::ones((100, 100), DType::F32, &Device::Cpu)?;
        let y = dropout(&x, 0.3, train(1))?;
        let mean = y.mean_all()?.to_scalar::<f32>()?;
        assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
        let values = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        assert!(values(&y)?.iter().all(|&v| v == 0.0 || v == 1.0 / 0.7));
        assert_eq!(values(&y)?, values(&dropout(&x, 0.3, train(1))?)?);
        assert_ne!(values(&y)?, values(&dropout(&x, 0.3, train(2))?)?);
        assert_eq!(values(&dropout(&x, 0.3, Mode::Eval)?)?, values(&x)?);
        Ok(())
    }

    #[test]
    fn stochastic_depth_follows_the_record_not_its_place() -> Result<()> {
        let x = Tensor::ones((6, 2), DType::F32, &Device::Cpu)?;
        let fate = |records: &[u64]| -> Result<Vec<f32>> {
            let segments = Segments::from_lengths(&[2, 1, 3], &Device::Cpu)?;
            let segments = segments.with_ids(records.to_vec())?;
            let y = drop_path(&x, &segments, 0.5, train(4))?.to_vec2::<f32>()?;
            assert!(y.iter().all(|row| row[0] == row[1]));
            assert!(y[0] == y[1] && y[3] == y[4] && y[4] == y[5]);
            Ok(vec![y[0][0], y[2][0], y[3][0]])
        };
        let (a, b) = (fate(&[7, 8, 9])?, fate(&[9, 7, 8])?);
        assert_eq!([a[0], a[1], a[2]], [b[1], b[2], b[0]]);
        let dropped = (0..400).map(|n| fate(&[3 * n, 3 * n + 1, 3 * n + 2]));
        let dropped: Vec<f32> = dropped.collect::<Result<Vec<_>>>()?.concat();
        let share = dropped.iter().filter(|&&v| v == 0.0).count() as f64 / 1200.0;
        assert!((share - 0.5).abs() < 0.05, "share {share}");
        Ok(())
    }

    #[test]
    fn rates_outside_the_unit_interval_are_errors() -> Result<()> {
        let x = Tensor::ones(1, DType::F32, &Device::Cpu)?;
        for rate in [-0.1, 1.0, f64::NAN] {
            assert!(dropout(&x, rate, train(0)).is_err());
        }
        Ok(())
    }
}
