//! Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019).

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use dd_kernels::{AdamStep, Lerp, LerpSquare};
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::gradients::Gradients;

/// Constants of [`AdamW`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamWConfig {
    /// Learning rate at the top of the schedule.
    pub lr: f64,
    /// Share of the running mean that survives a step.
    pub beta1: f64,
    /// Share of the running mean of squares that survives a step.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Decay per unit of learning rate.
    pub weight_decay: f64,
    /// Parameters whose names end with one of these do not decay.
    #[serde(default)]
    pub no_decay: Vec<String>,
}

impl AdamWConfig {
    /// PyTorch's defaults apart from the decay, which is off: betas 0.9 and 0.999, epsilon 1e-8.
    pub fn adam(lr: f64) -> Self {
        Self {
            lr,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            no_decay: Vec::new(),
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        for (field, value) in [
            ("optimizer.beta1", self.beta1),
            ("optimizer.beta2", self.beta2),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(TrainError::config(
                    field,
                    format!("must be in [0, 1), got {value}"),
                ));
            }
        }
        for (field, value) in [
            ("optimizer.epsilon", self.epsilon),
            ("optimizer.weight_decay", self.weight_decay),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(TrainError::config(
                    field,
                    format!("must not be negative, got {value}"),
                ));
            }
        }
        Ok(())
    }
}

/// The optimiser: its step count and two moments per parameter, all of them public to checkpoints.
///
/// With `g` the gradient and `t` the step from 1:
///
/// ```text
/// p <- (1 - lr decay) p
/// m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
/// p <- p - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// ```
///
/// The order of operations is PyTorch's `AdamW`. A gradient of zeros is a gradient: it decays weights and moments.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    step: u64,
    moments: BTreeMap<String, Moments>,
}

#[derive(Debug)]
struct Moments {
    mean: Var,
    square: Var,
    /// Learning rate as a share of that of the step.
    rate: f64,
}

impl AdamW {
    /// Moments of zero.
    ///
    /// # Errors
    /// When a constant is out of range.
    pub fn new(config: AdamWConfig, params: &[(String, Var)]) -> Result<Self> {
        config.validate()?;
        let zeros = |var: &Var| Var::from_tensor(&var.as_detached_tensor().zeros_like()?);
        let moments = params.iter().map(|(name, var)| {
            let (mean, square) = (zeros(var)?, zeros(var)?);
            let rate = 1.0;
            Ok((name.clone(), Moments { mean, square, rate }))
        });
        Ok(Self {
            config,
            step: 0,
            moments: moments.collect::<Result<_>>()?,
        })
    }

    /// The same with learning rates that are shares of that of a step, for parameters by name.
    #[must_use]
    pub fn with_rates(mut self, rate: impl Fn(&str) -> f64) -> Self {
        for (name, moments) in &mut self.moments {
            moments.rate = rate(name);
        }
        self
    }

    /// Number of steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step at learning rate `lr`, with all gradients multiplied by `factor` first (see
    /// [`clip_factor`](crate::clip_factor)).
    ///
    /// # Errors
    /// When a parameter has no gradient and `excused` does not name it, or is unknown to the optimiser.
    pub fn step(
        &mut self,
        gradients: &Gradients,
        lr: f64,
        factor: f64,
        excused: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        let names: Vec<String> = gradients
            .missing()
            .filter(|name| !excused(name))
            .map(ToString::to_string)
            .collect();
        if !names.is_empty() {
            return Err(TrainError::NoGradient { names });
        }
        self.step += 1;
        let exponent = self.step as f64;
        let first = 1.0 - self.config.beta1.powf(exponent);
        let second = 1.0 - self.config.beta2.powf(exponent);
        for entry in gradients.entries() {
            let Some(gradient) = &entry.gradient else {
                continue;
            };
            let moments = self.moments.get(&entry.name);
            let Moments { mean, square, rate } =
                moments.ok_or_else(|| TrainError::OptimizerState {
                    reason: format!("there are no moments for {}", entry.name),
                })?;
            let lr = lr * rate;
            Lerp {
                weight: 1.0 - self.config.beta1,
                scale: factor,
            }
            .apply(mean, gradient)?;
            LerpSquare {
                keep: self.config.beta2,
                scale: factor,
            }
            .apply(square, gradient)?;
            AdamStep {
                keep: 1.0 - lr * self.decay(&entry.name),
                size: lr / first,
                correction: second.sqrt(),
                epsilon: self.config.epsilon,
            }
            .apply(&entry.var, mean, square)?;
        }
        Ok(())
    }

    /// The moments as tensors named `mean.<parameter>` and `square.<parameter>`.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let pairs = self.moments.iter().flat_map(|(name, moments)| {
            [
                (format!("mean.{name}"), moments.mean.as_detached_tensor()),
                (
                    format!("square.{name}"),
                    moments.square.as_detached_tensor(),
                ),
            ]
        });
        pairs.collect()
    }

    /// Takes over what [`AdamW::tensors`] and [`AdamW::steps`] gave.
    ///
    /// # Errors
    /// When a moment is absent or has another shape.
    pub fn restore(&mut self, step: u64, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, moments) in &self.moments {
            for (kind, var) in [("mean", &moments.mean), ("square", &moments.square)] {
                let key = format!("{kind}.{name}");
                let fault = |reason: String| TrainError::OptimizerState { reason };
                let tensor = tensors
                    .get(&key)
                    .ok_or_else(|| fault(format!("{key} is missing")))?;
                if tensor.shape() != var.shape() {
                    return Err(fault(format!(
                        "{key}: expected shape {:?}, got {:?}",
                        var.dims(),
                        tensor.dims()
                    )));
                }
                var.set(&tensor.to_device(var.device())?.to_dtype(var.dtype())?)?;
            }
        }
        self.step = step;
        Ok(())
    }

    fn decay(&self, name: &str) -> f64 {
        let spared = self.config.no_decay.iter().any(|end| name.ends_with(end));
        if spared {
            0.0
        } else {
            self.config.weight_decay
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// The textbook update in scalars.
    fn reference(config: &AdamWConfig, gradients: &[f64], lr: f64, mut p: f64) -> f64 {
        let (mut m, mut v) = (0.0, 0.0);
        for (t, g) in (1..).zip(gradients) {
            p *= 1.0 - lr * config.weight_decay;
            m = config.beta1 * m + (1.0 - config.beta1) * g;
            v = config.beta2 * v + (1.0 - config.beta2) * g * g;
            let m_hat = m / (1.0 - config.beta1.powi(t));
            let v_hat: f64 = v / (1.0 - config.beta2.powi(t));
            p -= lr * m_hat / (v_hat.sqrt() + config.epsilon);
        }
        p
    }

    fn var(value: f64) -> Vec<(String, Var)> {
        vec![("w".into(), Var::new(&[value], &Device::Cpu).unwrap())]
    }

    fn gradients(params: &[(String, Var)], slope: f64) -> Gradients {
        // A product of tensors: candle drops the gradient of a multiplication by the number 0.
        let slope = Tensor::new(&[slope], &Device::Cpu).unwrap();
        let loss = params[0].1.mul(&slope).unwrap().sum_all().unwrap();
        Gradients::of(&loss, params).unwrap()
    }

    #[test]
    fn steps_follow_the_equations() {
        let config = AdamWConfig {
            weight_decay: 0.1,
            ..AdamWConfig::adam(1e-2)
        };
        let params = var(1.5);
        let mut optimizer = AdamW::new(config.clone(), &params).unwrap();
        let slopes = [0.3, -2.0, 0.0, 5.0];
        for slope in slopes {
            optimizer
                .step(&gradients(&params, slope), 1e-2, 1.0, &|_| false)
                .unwrap();
        }
        let got = params[0].1.to_vec1::<f64>().unwrap()[0];
        let expected = reference(&config, &slopes, 1e-2, 1.5);
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn parameters_have_rates_of_their_own() {
        let config = AdamWConfig {
            weight_decay: 0.1,
            ..AdamWConfig::adam(1e-2)
        };
        let params = ["a", "b"].map(|name| (name.to_string(), var(1.5)[0].1.clone()));
        let rate = |name: &str| if name == "a" { 0.1 } else { 1.0 };
        let mut optimizer = AdamW::new(config.clone(), &params)
            .unwrap()
            .with_rates(rate);
        let product = (params[0].1.as_tensor() * params[1].1.as_tensor()).unwrap();
        let gradients = Gradients::of(&product.sum_all().unwrap(), &params).unwrap();
        optimizer.step(&gradients, 1e-2, 1.0, &|_| false).unwrap();
        for (name, var) in &params {
            let got = var.to_vec1::<f64>().unwrap()[0];
            let expected = reference(&config, &[1.5], 1e-2 * rate(name), 1.5);
            assert!((got - expected).abs() < 1e-15, "{name}: {got} {expected}");
        }
    }

    #[test]
    fn clipping_scales_the_gradient() {
        let (a, b) = (var(1.0), var(1.0));
        let step = |params: &[(String, Var)], slope, factor| {
            let config = AdamWConfig {
                epsilon: 1.0,
                ..AdamWConfig::adam(0.1)
            };
            let mut optimizer = AdamW::new(config, params).unwrap();
            optimizer
                .step(&gradients(params, slope), 0.1, factor, &|_| false)
                .unwrap();
            params[0].1.to_vec1::<f64>().unwrap()[0]
        };
        let norm = gradients(&a, 4.0).global_norm().unwrap();
        assert!((norm - 4.0).abs() < 1e-12);
        let factor = crate::clip_factor(norm, Some(1.0));
        assert!((step(&a, 4.0, factor) - step(&b, 4.0 * factor, 1.0)).abs() < 1e-15);
        assert_eq!(crate::clip_factor(0.5, Some(1.0)), 1.0);
    }

    #[test]
    fn a_missing_gradient_is_an_error_unless_excused() {
        let mut params = var(1.0);
        params.extend([("z".to_string(), Var::new(&[1.0], &Device::Cpu).unwrap())]);
        let mut optimizer = AdamW::new(AdamWConfig::adam(0.1), &params).unwrap();
        let gradients = gradients(&params, 1.0);
        let error = optimizer
            .step(&gradients, 0.1, 1.0, &|_| false)
            .unwrap_err();
        assert!(matches!(&error, TrainError::NoGradient { names } if names == &["z"]));
        optimizer
            .step(&gradients, 0.1, 1.0, &|name| name == "z")
            .unwrap();
        assert_eq!(params[1].1.to_vec1::<f64>().unwrap(), [1.0]);
    }

    #[test]
    fn moments_survive_a_round_trip() {
        let config = AdamWConfig::adam(1e-2);
        let (a, b) = (var(1.0), var(1.0));
        let mut first = AdamW::new(config.clone(), &a).unwrap();
        first
            .step(&gradients(&a, 3.0), 1e-2, 1.0, &|_| false)
            .unwrap();
        let mut second = AdamW::new(config, &b).unwrap();
        second.restore(first.steps(), &first.tensors()).unwrap();
        b[0].1.set(&a[0].1.as_tensor().copy().unwrap()).unwrap();
        for optimizer in [(&mut first, &a), (&mut second, &b)] {
            let gradients = gradients(optimizer.1, -1.0);
            optimizer.0.step(&gradients, 1e-2, 1.0, &|_| false).unwrap();
        }
        assert_eq!(
            a[0].1.to_vec1::<f64>().unwrap(),
            b[0].1.to_vec1::<f64>().unwrap()
        );
    }
}
