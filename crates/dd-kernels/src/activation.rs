//! Elementwise activations with one-pass forward and backward: the shared custom operation.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor};

use crate::cpu::block::{map, map2, zeros};
use crate::cpu::slice::{for_real, numbers, stored};
use crate::error::Result;
use crate::real::Real;

/// An elementwise function and its derivative.
pub(crate) trait Function: Send + Sync + Copy + 'static {
    const NAME: &'static str;
    const BACKWARD: &'static str;
    fn value<T: Real>(x: T) -> T;
    fn derivative<T: Real>(x: T) -> T;

    /// The gradient at `x`, given that of the value.
    #[inline(always)]
    fn backward<T: Real>(x: T, grad: T) -> T {
        grad * Self::derivative(x)
    }
}

/// Applies `function` to every element of a tensor that the CPU kernels take.
pub(crate) fn apply<F: Function>(x: &Tensor, function: F) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Forward(function))?)
}

struct Forward<F>(F);

impl<F: Function> CustomOp1 for Forward<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        for_real!(F::NAME, x, T => {
            let x = numbers::<T>(F::NAME, x, layout)?;
            let mut y = zeros(x.len());
            map(x, &mut y, F::value);
            Ok(stored(y, layout.shape().clone()))
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(x.apply_op2(&grad.contiguous()?, Backward(self.0))?))
    }
}

struct Backward<F>(F);

impl<F: Function> CustomOp2 for Backward<F> {
    fn name(&self) -> &'static str {
        F::BACKWARD
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        for_real!(F::BACKWARD, x, T => {
            let x = numbers::<T>(F::BACKWARD, x, x_layout)?;
            let grad = numbers::<T>(F::BACKWARD, grad, grad_layout)?;
            let mut dx = zeros(x.len());
            map2(x, grad, &mut dx, F::backward);
            Ok(stored(dx, x_layout.shape().clone()))
        })
    }
}
