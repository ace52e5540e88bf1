//! The activation functions that the original can be configured with.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// A pointwise nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `x / (1 + exp(-x))`.
    Silu,
    /// Shifted softplus, `ln(1 + exp(x)) - ln 2` (Schütt et al. 2018, SchNet).
    Ssp,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// Applies the function to every entry; any shape.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Silu => Ok(dd_kernels::silu(x)?),
            // max(x, 0) + ln(1 + exp(-|x|)) does not overflow.
            Self::Ssp => {
                let positive_part = ((x + x.abs()?)? * 0.5)?;
                positive_part + ((x.abs()?.neg()?.exp()? + 1.0)?.log()? - std::f64::consts::LN_2)?
            }
            Self::Tanh => x.tanh(),
            // Through tanh, which saturates instead of overflowing.
            Self::Sigmoid => ((x * 0.5)?.tanh()? + 1.0)? * 0.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn check(activation: Activation, expected: [f64; 3]) {
        let x = Var::new(&[-2.0_f64, 0.5, 800.0], &Device::Cpu).expect("a vector");
        let y = activation.apply(x.as_tensor()).expect("same shape");
        let gradient = y.sum_all().expect("scalar").backward().expect("gradients");
        let gradient = gradient.get(&x).expect("reaches x").to_vec1::<f64>();
        assert!(gradient.expect("f64").iter().all(|g| g.is_finite()));
        for (got, expected) in y.to_vec1::<f64>().expect("f64").iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{activation:?}: {got}");
        }
    }

    #[test]
    fn values() {
        check(
            Activation::Silu,
            [-0.238_405_844_044_235_15, 0.311_229_665_600_927_2, 800.0],
        );
        check(
            Activation::Ssp,
            [
                -0.566_219_169_516_973_2,
                0.280_929_803_620_124_3,
                800.0 - std::f64::consts::LN_2,
            ],
        );
        check(
            Activation::Tanh,
            [-0.964_027_580_075_816_9, 0.462_117_157_260_009_8, 1.0],
        );
        check(
            Activation::Sigmoid,
            [0.119_202_922_022_117_57, 0.622_459_331_201_854_6, 1.0],
        );
    }
}
