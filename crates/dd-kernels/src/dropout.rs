//! Dropout of entries of packed rows.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::rows_per_block;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::cpu::vectorized;
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
    /// Whether the rate is a rate.
    pub(crate) fn check(&self) -> Result<()> {
        check_rate("dropout rate", self.rate)
    }

    /// Multiplies rows of `width` entries, of which the first is row `first` of `segments`, by 0 or `1 / (1 - rate)`.
    pub(crate) fn apply<T: Real>(
        &self,
        segments: &Segments,
        first: usize,
        width: usize,
        rows: &mut [T],
    ) {
        for (row, entries) in (first..).zip(rows.chunks_exact_mut(width)) {
            let segment = segments.row_segment()[row] as usize;
            let position = (row - segments.range(segment).start) * width;
            let stream = self.key.with(segments.id(segment));
            Mask::new(self.rate, stream).apply(position, entries);
        }
    }
}

/// Whether a rate is a rate.
pub(crate) fn check_rate(name: &'static str, rate: f64) -> Result<()> {
    if (0.0..1.0).contains(&rate) {
        return Ok(());
    }
    Err(KernelError::Domain {
        name,
        expected: "a number in [0, 1)",
        got: rate,
    })
}

/// Random bits below this drop an entry.
pub(crate) fn threshold(rate: f64) -> u32 {
    (rate * f64::from(u32::MAX)) as u32
}

/// A factor for each position of a stream: 0 or `1 / (1 - rate)`. Positions `2 i` and `2 i + 1` share draw `i`: 32 bits
/// decide on each.
pub(crate) struct Mask<T> {
    stream: Key,
    threshold: u32,
    kept: T,
}

impl<T: Real> Mask<T> {
    pub(crate) fn new(rate: f64, stream: Key) -> Self {
        Self {
            stream,
            threshold: threshold(rate),
            kept: T::from_f64(1.0 / (1.0 - rate)),
        }
    }

    /// Multiplies entries by the factors from `position` on.
    pub(crate) fn apply(&self, position: usize, entries: &mut [T]) {
        let Self {
            stream,
            threshold,
            kept,
        } = *self;
        let (half, rest) = entries.split_at_mut(entries.len().min(position % 2));
        let (pairs, last) = rest.as_chunks_mut::<2>();
        let first = position.div_ceil(2) as u64;
        let after = first + pairs.len() as u64;
        if let [entry] = half {
            *entry *= draw((stream.bits(first - 1) >> 32) as u32, threshold, kept);
        }
        mask_pairs(stream, first, threshold, kept, pairs);
        if let [entry] = last {
            *entry *= draw(stream.bits(after) as u32, threshold, kept);
        }
    }
}

/// 0 or `kept`.
#[inline(always)]
fn draw<T: Real>(bits: u32, threshold: u32, kept: T) -> T {
    if bits < threshold { T::ZERO } else { kept }
}

vectorized! {
    /// Masks pairs of entries, of which the first is the pair number `first` of its segment.
    fn mask_pairs<T: Real>(stream: Key, first: u64, threshold: u32, kept: T, pairs: &mut [[T; 2]]) {
        for (number, [low, high]) in (first..).zip(pairs) {
            let bits = stream.bits(number);
            *low *= draw(bits as u32, threshold, kept);
            *high *= draw((bits >> 32) as u32, threshold, kept);
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn an_entry_has_its_own_half_of_a_draw() -> Result<()> {
        let key = Key::from_seed(3);
        let segments = Segments::from_lengths(&[3, 2], &Device::Cpu)?;
        for width in [1, 2, 3, 9, 34] {
            let mut rows = vec![1.0_f64; 4 * width];
            RowDropout { rate: 0.25, key }.apply(&segments, 1, width, &mut rows);
            for (at, entry) in rows.iter().enumerate() {
                let (row, column) = (1 + at / width, at % width);
                let (segment, first) = if row < 3 { (0, 0) } else { (1, 3) };
                let position = (row - first) * width + column;
                let bits = key.with(segments.id(segment)).bits(position as u64 / 2);
                let is_dropped = ((bits >> (32 * (position % 2))) as u32) < u32::MAX / 4;
                let expected = if is_dropped { 0.0 } else { 1.0 / 0.75 };
                assert_eq!(
                    *entry, expected,
                    "width {width}, row {row}, column {column}"
                );
            }
        }
        Ok(())
    }
}
