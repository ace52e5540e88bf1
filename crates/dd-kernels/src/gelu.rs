//! The Gaussian error linear unit in its exact form.

use candle_core::Tensor;

use crate::activation::{Function, apply};
use crate::cpu::slice::has_kernel;
use crate::error::Result;
use crate::real::Real;
use crate::{check, cuda, reference};

/// Exact GELU (Hendrycks and Gimpel 2016): `y = x Phi(x)`, with `Phi` the normal distribution's cumulative probability.
///
/// TokenGT's feed-forward activation. Single precision is accurate to 3e-7 relative, also in the tails, where the usual
/// `1 + erf` cancels.
///
/// # Shapes
/// Any; the result has the same.
///
/// # Complexity
/// One pass forward, one backward; only `x` is kept. Deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[-1.0_f64, 0.0, 1.0], &Device::Cpu)?;
/// let y = dd_kernels::gelu(&x)?.to_vec1::<f64>()?;
/// assert!((y[0] + 0.158_655_253_931).abs() < 1e-11 && y[1] == 0.0 && (y[2] - 0.841_344_746_069).abs() < 1e-11);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if cuda::takes(x) {
        cuda::dense::gelu(x)
    } else if has_kernel(x) {
        apply(x, Gelu)
    } else {
        check::real("gelu", x)?;
        reference::gelu(x)
    }
}

#[derive(Clone, Copy)]
struct Gelu;

impl Function for Gelu {
    const NAME: &'static str = "gelu";
    const BACKWARD: &'static str = "gelu backward";

    #[inline(always)]
    fn value<T: Real>(x: T) -> T {
        x * x.normal().0
    }

    #[inline(always)]
    fn derivative<T: Real>(x: T) -> T {
        let (cumulative, density) = x.normal();
        x.mul_add(density, cumulative)
    }
}
