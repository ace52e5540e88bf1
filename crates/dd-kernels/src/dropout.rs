//! Dropout of entries of packed rows.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::rows_per_block;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::error::{KernelError, Result};
use crate::real::Real;
use crate::rng::Key;
use crate::{Segments, cuda, reference};

/// Inverted dropout (Srivastava et al., JMLR 15, 2014): a dropped entry becomes 0, a kept one is divided by `1 - rate`.
///
/// Whether entry `(i, c)` of segment `s` is dropped depends on (`key`, [`Segments::id`] of `s`, `i`, `c`) alone. Name the
/// segments by record, and a molecule's mask does not depend on its batch mates.
#[derive(Debug, Clone, Copy)]
pub struct RowDropout {
    /// Probability of dropping an entry, in `[0, 1)`.
    pub rate: f64,
    /// Stream that decides which.
    pub key: Key,
}

/// Drops entries of `x`, the rows of `segments`.
///
/// # Shapes
/// `x: [N, ...]` gives the same.
///
/// # Errors
/// When `x` has other rows than `segments`, or the rate is outside `[0, 1)`.
///
/// # Complexity
/// One pass forward, one backward, which draws the mask again; nothing is kept. 64 random bits decide on two entries.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{RowDropout, Segments, dropout, rng::Key};
/// let x = Tensor::ones((2, 50), candle_core::DType::F32, &Device::Cpu)?;
/// let segments = Segments::from_lengths(&[2], &Device::Cpu)?;
/// let y = dropout(&x, &segments, RowDropout { rate: 0.5, key: Key::from_seed(0) })?.to_vec2::<f32>()?;
/// assert!(y.concat().iter().all(|&y| y == 0.0 || y == 2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dropout(x: &Tensor, segments: &Segments, dropout: RowDropout) -> Result<Tensor> {
    if x.dims().first() != Some(&segments.num_rows()) {
        return Err(KernelError::Shape {
            name: "dropout: x",
            expected: format!("[{}, ...]", segments.num_rows()),
            got: x.dims().to_vec(),
        });
    }
    dropout.check()?;
    if dropout.rate == 0.0 {
        return Ok(x.clone());
    }
    if cuda::takes(x) {
        return cuda::dropout::dropout(x, segments, dropout);
    }
    if !has_kernel(x) {
        return reference::dropout(x, segments, dropout);
    }
    let operation = Masked {
        dropout,
        segments: segments.clone(),
    };
    Ok(x.contiguous()?.apply_op1(operation)?)
}

impl RowDropout {
    /// Bits below this drop an entry. 32 bits decide: two entries share one draw of 64.
    pub(crate) fn threshold(self) -> u32 {
        (self.rate * f64::from(u32::MAX)) as u32
    }

    /// Whether the rate is a rate.
    pub(crate) fn check(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.rate) {
            return Ok(());
        }
        Err(KernelError::Domain {
            name: "dropout rate",
            expected: "a number in [0, 1)",
            got: self.rate,
        })
    }

    /// Multiplies rows of `width` entries, of which the first is row `first` of `segments`, by 0 or `1 / (1 - rate)`.
    pub(crate) fn apply<T: Real>(
        &self,
        segments: &Segments,
        first: usize,
        width: usize,
        rows: &mut [T],
    ) {
        let kept = T::from_f64(1.0 / (1.0 - self.rate));
        let threshold = self.threshold();
        for (row, entries) in (first..).zip(rows.chunks_exact_mut(width)) {
            let segment = segments.row_segment()[row] as usize;
            let stream = self.key.with(segments.id(segment));
            let position = (row - segments.range(segment).start) * width;
            let (mut pair, mut bits) = (usize::MAX, 0);
            for (position, entry) in (position..).zip(entries) {
                if position / 2 != pair {
                    pair = position / 2;
                    bits = stream.bits(pair as u64);
                }
                let half = (bits >> (32 * (position % 2))) as u32;
                *entry *= if half < threshold { T::ZERO } else { kept };
            }
        }
    }
}

struct Masked {
    dropout: RowDropout,
    segments: Segments,
}

impl CustomOp1 for Masked {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let width = row_width(layout.dims());
        for_real!("dropout", x, T => {
            let mut y = numbers::<T>("dropout: x", x, layout)?.to_vec();
            if width > 0 {
                let block = rows_per_block(width);
                y.par_chunks_mut(block * width).enumerate().for_each(|(number, rows)| {
                    self.dropout.apply(&self.segments, number * block, width, rows);
                });
            }
            Ok(stored(y, layout.shape().clone()))
        })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(dropout(grad, &self.segments, self.dropout)?))
    }
}
