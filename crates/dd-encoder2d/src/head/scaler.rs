//! Standardisation of regression targets, stored with the model.

use std::fmt;

use candle_core::{DType, Tensor};
use dd_nn::{Buffer, Params};
use ndarray::Array2;

use super::config::{Target, TargetKind};
use super::loss::check_labels;
use crate::error::{EncoderError, Result};

/// Mean and standard deviation of each target over the training labels: buffers `mean` and `std`, `[T]`.
///
/// Models learn `(y - mean) / std`. Binary targets, and targets whose labels are all equal, keep mean 0 and deviation 1, or
/// their mean and deviation 1.
pub struct TargetScaler {
    mean: Buffer,
    std: Buffer,
}

impl fmt::Debug for TargetScaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetScaler")
            .field("num_targets", &self.mean.tensor().elem_count())
            .finish_non_exhaustive()
    }
}

impl TargetScaler {
    /// The scaler that changes nothing.
    ///
    /// # Errors
    /// When buffers of these names exist with another shape.
    pub fn identity(num_targets: usize, params: &Params) -> Result<Self> {
        let zeros = Tensor::zeros(num_targets, DType::F32, params.device())?;
        Ok(Self {
            mean: params.buffer("mean", &zeros)?,
            std: params.buffer("std", &zeros.ones_like()?)?,
        })
    }

    /// Takes mean and (population) standard deviation from labels `[R, T]`, `NaN` meaning missing.
    ///
    /// # Errors
    /// When labels and targets differ in number, a regression target has no label at all, a label is infinite, or a binary
    /// one is neither 0 nor 1.
    pub fn fit(&self, labels: &Array2<f32>, targets: &[Target]) -> Result<()> {
        check_labels(labels, targets)?;
        let mut means = Vec::with_capacity(targets.len());
        let mut deviations = Vec::with_capacity(targets.len());
        for (column, target) in labels.columns().into_iter().zip(targets) {
            let (mean, deviation) = match target.kind {
                TargetKind::Binary => (0.0, 1.0),
                TargetKind::Regression => {
                    moments(column.iter().copied()).ok_or(EncoderError::NoLabels)?
                }
            };
            means.push(mean);
            deviations.push(deviation);
        }
        let set = |buffer: &Buffer, values: Vec<f64>| -> Result<()> {
            let old = buffer.tensor();
            let new = Tensor::from_vec(values, old.shape(), old.device())?;
            Ok(buffer.set(&new.to_dtype(old.dtype())?)?)
        };
        set(&self.mean, means)?;
        set(&self.std, deviations)
    }

    /// Labels in standardised units; missing ones stay missing.
    ///
    /// # Errors
    /// When the number of targets differs.
    pub fn standardize(&self, labels: &Array2<f32>) -> Result<Array2<f32>> {
        let (mean, std) = (values(&self.mean)?, values(&self.std)?);
        if labels.ncols() != mean.len() {
            return Err(EncoderError::Columns {
                name: "labels",
                expected: mean.len(),
                got: labels.ncols(),
            });
        }
        let mut scaled = labels.clone();
        for ((_, column), y) in scaled.indexed_iter_mut() {
            *y = ((f64::from(*y) - mean[column]) / std[column]) as f32;
        }
        Ok(scaled)
    }

    /// Outputs `[B, T]` in the targets' units: `y = o * std + mean`.
    ///
    /// # Errors
    /// When the number of targets differs.
    pub fn restore(&self, outputs: &Tensor) -> Result<Tensor> {
        let like = |buffer: &Buffer| buffer.tensor().to_dtype(outputs.dtype());
        Ok(outputs
            .broadcast_mul(&like(&self.std)?)?
            .broadcast_add(&like(&self.mean)?)?)
    }
}

fn values(buffer: &Buffer) -> Result<Vec<f64>> {
    Ok(buffer.tensor().to_dtype(DType::F64)?.to_vec1()?)
}

/// Mean and population deviation of the labels that are there; deviation 1 when they are all equal.
fn moments(labels: impl Iterator<Item = f32> + Clone) -> Option<(f64, f64)> {
    let known = labels.filter(|y| !y.is_nan()).map(f64::from);
    let count = known.clone().count();
    if count == 0 {
        return None;
    }
    let mean = known.clone().sum::<f64>() / count as f64;
    let variance = known.map(|y| (y - mean).powi(2)).sum::<f64>() / count as f64;
    let deviation = variance.sqrt();
    // Rounding leaves a trace of variance in equal labels. The scaler's buffers hold no smaller number in full precision.
    let flat = deviation <= 1e-9 * mean.abs() || deviation < f64::from(f32::MIN_POSITIVE);
    Some((mean, if flat { 1.0 } else { deviation }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use dd_nn::ParamStore;
    use ndarray::array;

    #[test]
    fn restoring_undoes_standardising() {
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let targets = [
            Target::regression("a", None),
            Target::binary("b"),
            Target::regression("c", None),
        ];
        let scaler = TargetScaler::identity(3, &store.root()).unwrap();
        let labels = array![[1.0, 1.0, 5.0], [3.0, 0.0, 5.0], [f32::NAN, 1.0, 5.0]];
        scaler.fit(&labels, &targets).unwrap();
        let scaled = scaler.standardize(&labels).unwrap();
        assert_eq!(scaled.row(0).to_vec(), [-1.0, 1.0, 0.0]);
        assert_eq!(scaled.row(1).to_vec(), [1.0, 0.0, 0.0]);
        assert!(scaled[(2, 0)].is_nan());
        let outputs = Tensor::new(&[[-1.0_f64, 1.0, 0.0]], &Device::Cpu).unwrap();
        let restored = scaler.restore(&outputs).unwrap().to_vec2::<f64>().unwrap();
        assert_eq!(restored, [[1.0, 1.0, 5.0]]);
    }

    #[test]
    fn labels_of_other_targets_are_refused() {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let scaler = TargetScaler::identity(1, &store.root()).unwrap();
        let error = scaler.fit(&array![[1.0, 2.0]], &[Target::regression("a", None)]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("labels"), "{error}");
    }

    #[test]
    fn targets_in_small_units_are_standardised_too() {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let scaler = TargetScaler::identity(2, &store.root()).unwrap();
        let targets = [Target::regression("a", None), Target::regression("b", None)];
        let labels = array![[1e-12, 1e-20], [3e-12, 1e-20], [2e-12, 1e-20]];
        scaler.fit(&labels, &targets).unwrap();
        let scaled = scaler.standardize(&labels).unwrap();
        assert!((scaled[(1, 0)] - 1.5_f32.sqrt()).abs() < 1e-5);
        assert!(scaled.column(1).iter().all(|y| y.abs() < 1e-20));
    }

    #[test]
    fn infinite_labels_are_refused() {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let scaler = TargetScaler::identity(1, &store.root()).unwrap();
        let targets = [Target::regression("gap", None)];
        let error = scaler.fit(&array![[1.0], [f32::INFINITY]], &targets);
        assert_eq!(
            error.unwrap_err().to_string(),
            "target gap, row 1: inf is no label of a Regression target"
        );
    }

    #[test]
    fn a_regression_target_without_labels_is_an_error() {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let scaler = TargetScaler::identity(1, &store.root()).unwrap();
        let targets = [Target::regression("a", None)];
        assert!(scaler.fit(&array![[f32::NAN]], &targets).is_err());
    }
}
