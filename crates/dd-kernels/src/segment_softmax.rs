//! Softmax over the rows of each segment.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::split_at_offsets;
use crate::cpu::reduce::larger;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::cpu::vectorized;
use crate::error::Result;
use crate::real::Real;
use crate::{Segments, check, cuda, reference};

/// Softmax over the rows of each segment, column by column: `y_nc = exp(x_nc) / sum over m in s(n) of exp(x_mc)`.
///
/// Attention pooling, or attention over the incoming edges of a node (one column per head). The largest entry of the
/// segment is subtracted first, so large scores do not overflow.
///
/// # Shapes
/// `x: [N, ...]` and segments of `N` rows give `[N, ...]`.
///
/// # Errors
/// When `x` has not as many rows as the segments cover.
///
/// # Complexity
/// Three passes over the rows of a segment, in order, by one thread: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{Segments, segment_softmax};
/// let x = Tensor::new(&[[0.0_f64], [3.0_f64.ln()], [100.0]], &Device::Cpu)?;
/// let graphs = Segments::from_lengths(&[2, 1], &Device::Cpu)?;
/// let y = segment_softmax(&x, &graphs)?.flatten_all()?.to_vec1::<f64>()?;
/// assert!((y[0] - 0.25).abs() < 1e-12 && (y[1] - 0.75).abs() < 1e-12 && y[2] == 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn segment_softmax(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    check::rows("segment_softmax: x", x, segments.num_rows())?;
    if cuda::takes(x) {
        return cuda::segments::segment_softmax(x, segments);
    }
    if !has_kernel(x) {
        check::real("segment_softmax", x)?;
        return reference::segment_softmax(x, segments);
    }
    Ok(x.contiguous()?
        .apply_op1(SegmentSoftmax(segments.clone()))?)
}

struct SegmentSoftmax(Segments);

impl CustomOp1 for SegmentSoftmax {
    fn name(&self) -> &'static str {
        "segment_softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        for_real!("segment_softmax", x, T => {
            let (x, width) = (numbers::<T>("segment_softmax: x", x, layout)?, row_width(layout.dims()));
            let mut y = vec![T::ZERO; x.len()];
            let parts = split_at_offsets(&mut y, self.0.offsets(), width);
            parts.into_par_iter().enumerate().for_each(|(segment, y)| {
                let start = self.0.range(segment).start * width;
                softmax_rows(&x[start..start + y.len()], y, width);
            });
            Ok(stored(y, layout.shape().clone()))
        })
    }

    fn bwd(&self, _x: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = SegmentSoftmaxBackward(self.0.clone());
        Ok(Some(y.apply_op2(&grad.contiguous()?, op)?))
    }
}

vectorized! {
    fn softmax_rows<T: Real>(x: &[T], y: &mut [T], width: usize) {
        let mut largest = vec![T::from_f64(f64::NEG_INFINITY); width];
        for x in x.chunks_exact(width.max(1)) {
            for (largest, &x) in largest.iter_mut().zip(x) {
                *largest = larger(x, *largest);
            }
        }
        let mut total = vec![T::ZERO; width];
        for (x, y) in x
            .chunks_exact(width.max(1))
            .zip(y.chunks_exact_mut(width.max(1)))
        {
            for (((y, &x), total), &largest) in y.iter_mut().zip(x).zip(&mut total).zip(&largest) {
                *y = (x - largest).exp();
                *total += *y;
            }
        }
        for y in y.chunks_exact_mut(width.max(1)) {
            for (y, &total) in y.iter_mut().zip(&total) {
                *y /= total;
            }
        }
    }
}

/// `dx = y (dy - sum over the segment of y dy)`.
struct SegmentSoftmaxBackward(Segments);

impl CustomOp2 for SegmentSoftmaxBackward {
    fn name(&self) -> &'static str {
        "segment_softmax backward"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        y_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let width = row_width(y_layout.dims());
        for_real!("segment_softmax", y, T => {
            let y = numbers::<T>("segment_softmax: y", y, y_layout)?;
            let grad = numbers::<T>("segment_softmax: gradient", grad, grad_layout)?;
            let mut dx = vec![T::ZERO; y.len()];
            let parts = split_at_offsets(&mut dx, self.0.offsets(), width);
            parts.into_par_iter().enumerate().for_each(|(segment, dx)| {
                let start = self.0.range(segment).start * width;
                let (y, grad) = (&y[start..start + dx.len()], &grad[start..start + dx.len()]);
                softmax_backward_rows(y, grad, dx, width);
            });
            Ok(stored(dx, y_layout.shape().clone()))
        })
    }
}

vectorized! {
    fn softmax_backward_rows<T: Real>(y: &[T], grad: &[T], dx: &mut [T], width: usize) {
        let mut total = vec![T::ZERO; width];
        let width = width.max(1);
        for (y, grad) in y.chunks_exact(width).zip(grad.chunks_exact(width)) {
            for ((total, &y), &grad) in total.iter_mut().zip(y).zip(grad) {
                *total = y.mul_add(grad, *total);
            }
        }
        for ((dx, y), grad) in dx
            .chunks_exact_mut(width)
            .zip(y.chunks_exact(width))
            .zip(grad.chunks_exact(width))
        {
            for (((dx, &y), &grad), &total) in dx.iter_mut().zip(y).zip(grad).zip(&total) {
                *dx = y * (grad - total);
            }
        }
    }
}
