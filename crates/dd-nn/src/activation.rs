//! Elementwise non-linear functions.

use candle_core::{Module, Result, Tensor};
use serde::{Deserialize, Serialize};

/// `ln 2` as SchNetPack and TorchMD-NET have it: rounded to single precision, whatever the tensors are in.
const SSP_SHIFT: f64 = std::f32::consts::LN_2 as f64;
/// Above it PyTorch's softplus is the identity.
const SOFTPLUS_THRESHOLD: f64 = 20.0;

/// A non-linear function, applied elementwise; any shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * Phi(x)` with the normal distribution function `Phi`, exact.
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`: close to [`Activation::Gelu`], as many programs have it
    /// (Hendrycks and Gimpel 2016).
    GeluTanh,
    /// Shifted softplus, `ln(1 + exp(x)) - ln 2` (Schütt et al. 2018, SchNet).
    Ssp,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Relu => x.relu(),
            Self::Silu => Ok(dd_kernels::silu(x)?),
            Self::Gelu => Ok(dd_kernels::gelu(x)?),
            Self::GeluTanh => {
                let inner =
                    ((x + (x.sqr()?.mul(x)? * 0.044_715)?)? * (2.0 / std::f64::consts::PI).sqrt())?;
                (x * 0.5)?.mul(&(inner.tanh()? + 1.0)?)
            }
            Self::Ssp => {
                // max(x, 0) + ln(1 + exp(-|x|)) does not overflow.
                let positive_part = ((x + x.abs()?)? * 0.5)?;
                let softplus = (positive_part + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
                x.gt(SOFTPLUS_THRESHOLD)?.where_cond(x, &softplus)? - SSP_SHIFT
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

    /// Values of PyTorch at -2, 0.5 and 800, and finite gradients there.
    #[test]
    fn values() -> Result<()> {
        let ssp = [
            -0.566_219_171_421_627_1,
            0.280_929_801_715_507_1,
            799.306_852_817_535_4,
        ];
        for (activation, expected) in [
            (Activation::Relu, [0.0, 0.5, 800.0]),
            (
                Activation::Silu,
                [-0.238_405_844_044_235_15, 0.311_229_665_600_927_2, 800.0],
            ),
            (
                Activation::Gelu,
                [-0.045_500_263_896_358_4, 0.345_731_230_637_006_6, 800.0],
            ),
            (
                Activation::GeluTanh,
                [-0.045_402_305_912_224_9, 0.345_714_009_825_143_9, 800.0],
            ),
            (Activation::Ssp, ssp),
            (
                Activation::Tanh,
                [-0.964_027_580_075_816_9, 0.462_117_157_260_009_8, 1.0],
            ),
            (
                Activation::Sigmoid,
                [0.119_202_922_022_117_57, 0.622_459_331_201_854_6, 1.0],
            ),
        ] {
            let x = Var::new(&[-2.0_f64, 0.5, 800.0], &Device::Cpu)?;
            let y = activation.forward(&x)?;
            let gradients = y.sum_all()?.backward()?;
            let gradient = gradients.get(&x).expect("reaches x").to_vec1::<f64>()?;
            assert!(gradient.iter().all(|g| g.is_finite()), "{activation:?}");
            for (got, expected) in y.to_vec1::<f64>()?.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-12, "{activation:?}: {got}");
            }
        }
        Ok(())
    }
}
