//! The sigmoid linear unit.

use candle_core::Tensor;

use crate::activation::{Function, apply};
use crate::cpu::slice::has_kernel;
use crate::error::Result;
use crate::real::Real;
use crate::{check, cuda, reference};

/// SiLU, also called swish: `y = x / (1 + exp(-x))`.
///
/// The activation of the equivariant transformer.
///
/// # Shapes
/// Any; the result has the same.
///
/// # Complexity
/// One pass forward, one backward; only `x` is kept. Deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[0.0_f64, 1.0], &Device::Cpu)?;
/// let y = dd_kernels::silu(&x)?.to_vec1::<f64>()?;
/// assert!(y[0] == 0.0 && (y[1] - 0.731_058_578_630).abs() < 1e-11);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if cuda::takes(x) {
        cuda::dense::silu(x)
    } else if has_kernel(x) {
        apply(x, Silu)
    } else {
        check::real("silu", x)?;
        reference::silu(x)
    }
}

#[derive(Clone, Copy)]
struct Silu;

impl Function for Silu {
    const NAME: &'static str = "silu";
    const BACKWARD: &'static str = "silu backward";

    #[inline(always)]
    fn value<T: Real>(x: T) -> T {
        x * x.sigmoid()
    }

    #[inline(always)]
    fn derivative<T: Real>(x: T) -> T {
        silu_derivative(x, x.sigmoid())
    }
}

/// Derivative of SiLU at `x`, given the sigmoid there.
#[inline(always)]
pub(crate) fn silu_derivative<T: Real>(x: T, sigmoid: T) -> T {
    sigmoid * x.mul_add(T::ONE - sigmoid, T::ONE)
}
