//! Euclidean norm whose gradient is zero, not NaN, at the zero vector.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Shape, Tensor, shape::Dim};
use rayon::prelude::*;

use crate::cpu::slice::{for_real, has_kernel, numbers, stored};
use crate::cpu::vectorized;
use crate::error::Result;
use crate::real::Real;
use crate::{check, cuda, reference};

/// Euclidean norm over one dimension: `y = sqrt(sum of x^2)`, with gradient `x / y`, and zero where `y` is zero.
///
/// For distances (the self edge has length zero) and for vector features, which are zero in the first layer: there the
/// quotient is 0/0, and one NaN spoils every parameter.
///
/// # Shapes
/// `x: [.., D, ..]` gives `[.., ..]`, without the dimension `dim`.
///
/// # Errors
/// When `x` has no dimension `dim`.
///
/// # Complexity
/// One pass forward, one backward. Deterministic.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use dd_kernels::safe_norm;
/// let x = Var::new(&[[3.0_f64, 4.0], [0.0, 0.0]], &Device::Cpu)?;
/// let norm = safe_norm(&x, 1)?;
/// assert_eq!(norm.to_vec1::<f64>()?, [5.0, 0.0]);
/// let gradient = norm.sum_all()?.backward()?;
/// assert_eq!(gradient.get(&x).expect("differentiable").to_vec2::<f64>()?, [[0.6, 0.8], [0.0, 0.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[allow(
    clippy::needless_pass_by_value,
    reason = "dimensions are passed as in candle"
)]
pub fn safe_norm<I: Dim>(x: &Tensor, dim: I) -> Result<Tensor> {
    let dim = dim.to_index(x.shape(), "safe_norm")?;
    if cuda::takes(x) {
        let (outer, size, inner) = extents(x.dims(), dim);
        let norm = cuda::dense::safe_norm(&x.reshape((outer, size, inner))?)?;
        return Ok(norm.reshape([&x.dims()[..dim], &x.dims()[dim + 1..]].concat())?);
    }
    if !has_kernel(x) {
        check::real("safe_norm", x)?;
        return reference::safe_norm(x, dim);
    }
    let norm = x.contiguous()?.apply_op1(SafeNorm { dim })?;
    Ok(norm.reshape([&x.dims()[..dim], &x.dims()[dim + 1..]].concat())?)
}

struct SafeNorm {
    dim: usize,
}

/// Sizes before, of and behind the reduced dimension.
fn extents(dims: &[usize], dim: usize) -> (usize, usize, usize) {
    (
        dims[..dim].iter().product(),
        dims[dim],
        dims[dim + 1..].iter().product(),
    )
}

impl CustomOp1 for SafeNorm {
    fn name(&self) -> &'static str {
        "safe_norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (outer, size, inner) = extents(layout.dims(), self.dim);
        for_real!("safe_norm", x, T => {
            let x = numbers::<T>("safe_norm: x", x, layout)?;
            let mut norm = vec![T::ZERO; outer * inner];
            let rows = norm.par_chunks_mut(inner.max(1)).zip(x.par_chunks((size * inner).max(1)));
            rows.with_min_len(64).for_each(|(norm, x)| norm_of(x, norm));
            Ok(stored(norm, (outer, inner)))
        })
    }

    fn bwd(&self, x: &Tensor, norm: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = SafeNormBackward { dim: self.dim };
        Ok(Some(x.apply_op3(norm, &grad.contiguous()?, op)?))
    }
}

vectorized! {
    fn norm_of<T: Real>(x: &[T], norm: &mut [T]) {
        for x in x.chunks_exact(norm.len()) {
            for (norm, &x) in norm.iter_mut().zip(x) {
                *norm = x.mul_add(x, *norm);
            }
        }
        for norm in norm {
            *norm = norm.sqrt();
        }
    }
}

struct SafeNormBackward {
    dim: usize,
}

impl CustomOp3 for SafeNormBackward {
    fn name(&self) -> &'static str {
        "safe_norm backward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        norm: &CpuStorage,
        norm_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (_, size, inner) = extents(x_layout.dims(), self.dim);
        for_real!("safe_norm", x, T => {
            let x = numbers::<T>("safe_norm: x", x, x_layout)?;
            let norm = numbers::<T>("safe_norm: norm", norm, norm_layout)?;
            let grad = numbers::<T>("safe_norm: gradient", grad, grad_layout)?;
            let mut dx = vec![T::ZERO; x.len()];
            let (row, inner) = ((size * inner).max(1), inner.max(1));
            let rows = dx.par_chunks_mut(row).zip(x.par_chunks(row));
            let rows = rows.zip(norm.par_chunks(inner)).zip(grad.par_chunks(inner));
            rows.with_min_len(64).for_each(|(((dx, x), norm), grad)| direction(x, norm, grad, dx));
            Ok(stored(dx, x_layout.shape().clone()))
        })
    }
}

vectorized! {
    fn direction<T: Real>(x: &[T], norm: &[T], grad: &[T], dx: &mut [T]) {
        let width = norm.len();
        for (dx, x) in dx.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            for (((dx, &x), &norm), &grad) in dx.iter_mut().zip(x).zip(norm).zip(grad) {
                *dx = if norm == T::ZERO {
                    T::ZERO
                } else {
                    grad * x / norm
                };
            }
        }
    }
}
