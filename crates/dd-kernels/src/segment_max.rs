//! The largest row entry of each segment.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::{fill_rows, split_at_offsets};
use crate::cpu::reduce::larger;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::error::Result;
use crate::{Segments, check, cuda, reference};

/// Largest entry of each column over the rows of each segment: `y_sc = max over n in s of x_nc`.
///
/// Max pooling of nodes into graphs. An empty segment gives zeros, a column that holds NaN gives NaN. The gradient goes
/// to the row that attains the maximum; of several equal ones, to the first.
///
/// # Shapes
/// `x: [N, ...]` and `S` segments of `N` rows give `[S, ...]`.
///
/// # Errors
/// When `x` has not as many rows as the segments cover.
///
/// # Complexity
/// One pass over `N` rows, forward and backward; deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{Segments, segment_max};
/// let x = Tensor::new(&[[1.0_f32, -1.0], [0.0, -2.0], [7.0, 7.0]], &Device::Cpu)?;
/// let graphs = Segments::from_lengths(&[2, 1], &Device::Cpu)?;
/// assert_eq!(segment_max(&x, &graphs)?.to_vec2::<f32>()?, [[1.0, -1.0], [7.0, 7.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn segment_max(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    check::rows("segment_max: x", x, segments.num_rows())?;
    if cuda::takes(x) {
        return cuda::segments::segment_max(x, segments);
    }
    if !has_kernel(x) {
        return reference::segment_max(x, segments);
    }
    Ok(x.contiguous()?.apply_op1(SegmentMax(segments.clone()))?)
}

struct SegmentMax(Segments);

impl CustomOp1 for SegmentMax {
    fn name(&self) -> &'static str {
        "segment_max"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = check::with_rows(layout.dims(), self.0.len());
        for_real!("segment_max", x, T => {
            let (x, width) = (numbers::<T>("segment_max: x", x, layout)?, row_width(layout.dims()));
            let mut y = vec![T::default(); self.0.len() * width];
            fill_rows(&mut y, width, |segment, y| {
                for (i, row) in self.0.range(segment).enumerate() {
                    for (y, &x) in y.iter_mut().zip(&x[row * width..(row + 1) * width]) {
                        *y = if i == 0 { x } else { larger(x, *y) };
                    }
                }
            });
            Ok(stored(y, shape))
        })
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = ToFirstMax(self.0.clone());
        Ok(Some(x.contiguous()?.apply_op3(
            y,
            &grad.contiguous()?,
            op,
        )?))
    }
}

struct ToFirstMax(Segments);

impl CustomOp3 for ToFirstMax {
    fn name(&self) -> &'static str {
        "segment_max backward"
    }

    #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let width = row_width(x_layout.dims());
        for_real!("segment_max", x, T => {
            let x = numbers::<T>("segment_max: x", x, x_layout)?;
            let y = numbers::<T>("segment_max: y", y, y_layout)?;
            let grad = numbers::<T>("segment_max: gradient", grad, grad_layout)?;
            let mut dx = vec![T::default(); x.len()];
            let parts = split_at_offsets(&mut dx, self.0.offsets(), width);
            parts.into_par_iter().enumerate().for_each(|(segment, dx)| {
                let columns = segment * width..(segment + 1) * width;
                let mut open = grad[columns.clone()].to_vec();
                let x = &x[self.0.range(segment).start * width..];
                let rows = dx.chunks_exact_mut(width.max(1)).zip(x.chunks_exact(width.max(1)));
                for (dx, x) in rows {
                    for (((dx, &x), &y), open) in dx.iter_mut().zip(x).zip(&y[columns.clone()]).zip(&mut open) {
                        if x == y || x != x {
                            *dx = std::mem::take(open);
                        }
                    }
                }
            });
            Ok(stored(dx, x_layout.shape().clone()))
        })
    }
}
