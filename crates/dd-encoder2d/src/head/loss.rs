//! The loss of one or many targets, with missing labels.
//!
//! The mean over all labelled entries of the batch of `|o - y|` or `(o - y)^2` (regression) and
//! `log(1 + e^o) - y o` (binary cross entropy with logits).

use candle_core::Tensor;
use ndarray::Array2;

use super::config::{RegressionLoss, Target, TargetKind};
use crate::error::{EncoderError, Result};

/// Loss of `outputs [B, T]` against `labels [B, T]`, where `NaN` means missing; a scalar.
///
/// Regression labels are in the units of the outputs: standardise them first
/// ([`TargetScaler::standardize`](super::TargetScaler::standardize)).
///
/// # Errors
/// When shapes disagree, a binary label is neither 0 nor 1, a label is infinite, or no entry has a label.
pub fn target_loss(
    outputs: &Tensor,
    labels: &Array2<f32>,
    targets: &[Target],
    regression: RegressionLoss,
) -> Result<Tensor> {
    weighted_target_loss(outputs, labels, targets, regression, &[])
}

/// [`target_loss`] with the entries of binary targets multiplied by a weight for their label: `class_weights[t]` holds the
/// weights of labels 0 and 1 of target `t`; none at all when empty. The mean is over the number of entries, as without.
///
/// # Errors
/// As [`target_loss`]; when there are weights, but not for every target.
pub fn weighted_target_loss(
    outputs: &Tensor,
    labels: &Array2<f32>,
    targets: &[Target],
    regression: RegressionLoss,
    class_weights: &[[f64; 2]],
) -> Result<Tensor> {
    if !class_weights.is_empty() && class_weights.len() != targets.len() {
        return Err(EncoderError::Columns {
            name: "class weights",
            expected: targets.len(),
            got: class_weights.len(),
        });
    }
    check_labels(labels, targets)?;
    let expected = [labels.nrows(), targets.len()];
    if outputs.dims() != expected {
        return Err(EncoderError::Shape {
            name: "outputs",
            expected: expected.to_vec(),
            got: outputs.dims().to_vec(),
        });
    }
    let labelled = labels.iter().filter(|label| !label.is_nan()).count();
    if labelled == 0 {
        return Err(EncoderError::NoLabels);
    }
    let tensor = |values: Vec<f64>| -> Result<Tensor> {
        Ok(Tensor::from_vec(values, &expected[..], outputs.device())?.to_dtype(outputs.dtype())?)
    };
    let known = |label: f32| {
        if label.is_nan() {
            0.0
        } else {
            f64::from(label)
        }
    };
    let y = tensor(labels.iter().map(|&label| known(label)).collect())?; // [B, T]
    let weights = |kind: TargetKind| {
        let weight = |((_, column), label): ((usize, usize), &f32)| {
            if targets[column].kind != kind || label.is_nan() {
                return 0.0;
            }
            let of_class = match (kind, class_weights.get(column)) {
                (TargetKind::Binary, Some(weights)) => weights[usize::from(*label == 1.0)],
                _ => 1.0,
            };
            of_class / labelled as f64
        };
        tensor(labels.indexed_iter().map(weight).collect())
    };
    let has = |kind| targets.iter().any(|target| target.kind == kind);
    let mut loss = outputs.zeros_like()?.sum_all()?;
    if has(TargetKind::Regression) {
        let difference = (outputs - &y)?;
        let entries = match regression {
            RegressionLoss::L1 => difference.abs()?,
            RegressionLoss::Mse => difference.sqr()?,
        };
        loss = (loss + (entries * weights(TargetKind::Regression)?)?.sum_all()?)?;
    }
    if has(TargetKind::Binary) {
        let entries = (softplus(outputs)? - (outputs * &y)?)?;
        loss = (loss + (entries * weights(TargetKind::Binary)?)?.sum_all()?)?;
    }
    Ok(loss)
}

/// `log(1 + e^x)` without overflow, with the right slope at zero too.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let zero = x.zeros_like()?;
    let is_positive = x.gt(0.0)?;
    let positive = is_positive.where_cond(x, &zero)?;
    let negative = is_positive.where_cond(&zero, x)?;
    Ok((&positive + ((negative - &positive)?.exp()? + 1.0)?.log()?)?)
}

/// Refuses labels `[R, T]` that the targets cannot have.
pub(super) fn check_labels(labels: &Array2<f32>, targets: &[Target]) -> Result<()> {
    if labels.ncols() != targets.len() {
        return Err(EncoderError::Columns {
            name: "labels",
            expected: targets.len(),
            got: labels.ncols(),
        });
    }
    let wrong = labels.indexed_iter().find(|((_, column), label)| {
        let binary = targets[*column].kind == TargetKind::Binary;
        label.is_infinite() || binary && !label.is_nan() && **label != 0.0 && **label != 1.0
    });
    match wrong {
        None => Ok(()),
        Some(((row, column), &value)) => Err(EncoderError::Label {
            target: targets[column].name.clone(),
            kind: targets[column].kind,
            row,
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};
    use ndarray::array;

    const MISSING: f32 = f32::NAN;

    fn value<const B: usize>(
        outputs: &[[f64; 2]; B],
        labels: &Array2<f32>,
        targets: &[Target],
    ) -> f64 {
        let outputs = Tensor::new(outputs, &Device::Cpu).unwrap();
        target_loss(&outputs, labels, targets, RegressionLoss::L1)
            .unwrap()
            .to_scalar()
            .unwrap()
    }

    #[test]
    fn missing_labels_do_not_count() {
        let targets = [Target::regression("a", None), Target::binary("b")];
        let labels = array![[1.0, MISSING], [MISSING, 1.0]];
        let got = value(&[[3.0, 100.0], [7.0, 0.5]], &labels, &targets);
        let expected = f64::midpoint(2.0, (1.0 + (-0.5_f64).exp()).ln());
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn class_weights_multiply_the_entries_of_their_class() {
        let targets = [Target::regression("a", None), Target::binary("b")];
        let labels = array![[1.0, 0.0], [MISSING, 1.0]];
        let outputs = Tensor::new(&[[3.0_f64, 0.5], [7.0, 0.5]], &Device::Cpu).unwrap();
        let weigh = |weights: &[[f64; 2]]| {
            let loss =
                weighted_target_loss(&outputs, &labels, &targets, RegressionLoss::L1, weights);
            loss.map(|loss| loss.to_scalar::<f64>().unwrap())
        };
        let (zero, one) = ((0.5_f64.exp() + 1.0).ln(), ((-0.5_f64).exp() + 1.0).ln());
        let got = weigh(&[[9.0, 9.0], [0.25, 4.0]]).unwrap();
        let expected = (2.0 + 0.25 * zero + 4.0 * one) / 3.0;
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        assert_eq!(weigh(&[]).unwrap(), weigh(&[[1.0, 1.0]; 2]).unwrap());
        assert!(weigh(&[[1.0, 1.0]]).is_err());
    }

    #[test]
    fn logits_of_any_size_give_finite_losses() {
        let targets = [Target::binary("a"), Target::binary("b")];
        let got = value(&[[1e4, -1e4]], &array![[0.0, 0.0]], &targets);
        assert!((got - 5e3).abs() < 1e-9, "{got}");
    }

    #[test]
    fn the_slope_of_cross_entropy_is_right_at_zero() {
        let targets = [Target::binary("a"), Target::binary("b")];
        let outputs = Var::new(&[[0.0_f64, 2.0]], &Device::Cpu).unwrap();
        let labels = array![[1.0, 0.0]];
        let loss = target_loss(outputs.as_tensor(), &labels, &targets, RegressionLoss::L1).unwrap();
        let gradients = loss.backward().unwrap();
        let slope = gradients.get(&outputs).unwrap().to_vec2::<f64>().unwrap();
        let sigmoid = 1.0 / (1.0 + (-2.0_f64).exp());
        assert!((slope[0][0] - -0.25).abs() < 1e-12, "{slope:?}");
        assert!((slope[0][1] - 0.5 * sigmoid).abs() < 1e-12, "{slope:?}");
    }

    #[test]
    fn impossible_labels_and_empty_batches_are_errors() {
        let outputs = Tensor::new(&[[0.0_f64]], &Device::Cpu).unwrap();
        let targets = [Target::binary("toxic")];
        for (label, fault) in [
            (0.5, "toxic"),
            (f32::INFINITY, "toxic"),
            (MISSING, "no entry"),
        ] {
            let error = target_loss(&outputs, &array![[label]], &targets, RegressionLoss::Mse);
            let message = error.unwrap_err().to_string();
            assert!(message.contains(fault), "{message}");
        }
    }
}
