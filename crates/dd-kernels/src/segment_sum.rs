//! Sums and means of the rows of each segment.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::{fill_rows, split_at_offsets, zeros};
use crate::cpu::reduce::add_row;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::error::Result;
use crate::real::Real;
use crate::{Segments, check, cuda, reference};

/// Sum of the rows of each segment: `y_s = sum over n in s of x_n`.
///
/// Sum pooling of nodes into graphs. An empty segment gives zeros.
///
/// # Shapes
/// `x: [N, ...]` and `S` segments of `N` rows give `[S, ...]`.
///
/// # Errors
/// When `x` has not as many rows as the segments cover.
///
/// # Complexity
/// One pass over `N` rows. Each segment is summed by one thread, in order: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{Segments, segment_mean, segment_sum};
/// let x = Tensor::new(&[[1.0_f32], [2.0], [6.0]], &Device::Cpu)?;
/// let graphs = Segments::from_lengths(&[2, 0, 1], &Device::Cpu)?;
/// assert_eq!(segment_sum(&x, &graphs)?.to_vec2::<f32>()?, [[3.0], [0.0], [6.0]]);
/// assert_eq!(segment_mean(&x, &graphs)?.to_vec2::<f32>()?, [[1.5], [0.0], [6.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn segment_sum(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    check::rows("segment_sum: x", x, segments.num_rows())?;
    if cuda::takes(x) {
        return cuda::rows::segment_sum(x, segments, false);
    }
    if !has_kernel(x) {
        return reference::segment_sum(x, segments);
    }
    Ok(x.contiguous()?.apply_op1(SegmentSum {
        segments: segments.clone(),
        mean: false,
    })?)
}

/// Mean of the rows of each segment: `y_s = (sum over n in s of x_n) / |s|`.
///
/// The readout of the distillation loss D&D-Graph (Cho et al. 2025) and of fine-tuning. An empty segment gives zeros.
///
/// # Shapes
/// `x: [N, ...]` and `S` segments of `N` rows give `[S, ...]`.
///
/// # Errors
/// When `x` has not as many rows as the segments cover.
///
/// # Complexity
/// As [`segment_sum`], which also shows an example.
pub fn segment_mean(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    check::rows("segment_mean: x", x, segments.num_rows())?;
    if cuda::takes(x) {
        return cuda::rows::segment_sum(x, segments, true);
    }
    if !has_kernel(x) {
        check::real("segment_mean", x)?;
        return reference::segment_mean(x, segments);
    }
    Ok(x.contiguous()?.apply_op1(SegmentSum {
        segments: segments.clone(),
        mean: true,
    })?)
}

struct SegmentSum {
    segments: Segments,
    mean: bool,
}

impl SegmentSum {
    fn scale<T: Real>(&self, length: usize) -> T {
        if self.mean {
            T::ONE / T::from_f64(length as f64)
        } else {
            T::ONE
        }
    }
}

impl CustomOp1 for SegmentSum {
    fn name(&self) -> &'static str {
        if self.mean {
            "segment_mean"
        } else {
            "segment_sum"
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = check::with_rows(layout.dims(), self.segments.len());
        for_real!(self.name(), x, T => {
                    let (x, width) = (numbers::<T>("segment_sum: x", x, layout)?, row_width(layout.dims()));
                    let mut y = zeros(self.segments.len() * width);
                    fill_rows(&mut y, width, |segment, y| {
                        let range = self.segments.range(segment);
                        let scale = self.scale::<T>(range.len());
                        for row in range.clone() {
                            add_row(y, &x[row * width..(row + 1) * width]);
                        }
                        if !range.is_empty() {
                            for y in y {
         *y *= scale;
        }
                        }
                    });
                    Ok(stored(y, shape))
                })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let spread = Spread(SegmentSum {
            segments: self.segments.clone(),
            mean: self.mean,
        });
        Ok(Some(grad.contiguous()?.apply_op1(spread)?))
    }
}

/// The adjoint: every row gets its segment's row, times the segment's scale.
struct Spread(SegmentSum);

impl CustomOp1 for Spread {
    fn name(&self) -> &'static str {
        "segment_sum backward"
    }

    fn cpu_fwd(&self, y: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let segments = &self.0.segments;
        let shape = check::with_rows(layout.dims(), segments.num_rows());
        for_real!(self.name(), y, T => {
            let (y, width) = (numbers::<T>("segment_sum: gradient", y, layout)?, row_width(layout.dims()));
            let mut x = zeros(segments.num_rows() * width);
            let parts = split_at_offsets(&mut x, segments.offsets(), width);
            parts.into_par_iter().enumerate().for_each(|(segment, rows)| {
                let scale = self.0.scale::<T>(segments.range(segment).len());
                let y = &y[segment * width..(segment + 1) * width];
                for row in rows.chunks_exact_mut(width.max(1)) {
                    for (x, &y) in row.iter_mut().zip(y) {
                        *x = y * scale;
                    }
                }
            });
            Ok(stored(x, shape))
        })
    }

    fn bwd(&self, _y: &Tensor, _x: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let sum = SegmentSum {
            segments: self.0.segments.clone(),
            mean: self.0.mean,
        };
        Ok(Some(grad.contiguous()?.apply_op1(sum)?))
    }
}
