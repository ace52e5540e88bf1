//! Dropout on packed rows, keyed by record, so that a graph's mask does not depend on its batch mates.

use candle_core::Tensor;
use dd_kernels::Segments;
use dd_nn::Mode;

use crate::error::Result;

/// Rows in segments, with the record number of each segment.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) records: &'a [u64],
}

/// Drops entries of `x [R, W]` with probability `rate` and scales the others by `1 / (1 - rate)`; nothing in evaluation.
pub(crate) fn dropout(x: &Tensor, rate: f64, rows: Rows<'_>, mode: Mode) -> Result<Tensor> {
    let Some(key) = mode.key().filter(|_| rate > 0.0) else {
        return Ok(x.clone());
    };
    let width = x.dim(1)?;
    let kept = (1.0 / (1.0 - rate)) as f32;
    // 32 bits decide: two entries share one draw of 64.
    let threshold = (rate * f64::from(u32::MAX)) as u32;
    let mut mask = vec![kept; x.elem_count()];
    for (range, &record) in rows.segments.ranges().zip(rows.records) {
        let stream = key.with(record);
        let entries = &mut mask[range.start * width..range.end * width];
        for (position, pair) in entries.chunks_mut(2).enumerate() {
            let bits = stream.bits(position as u64);
            for (entry, half) in pair.iter_mut().zip([bits as u32, (bits >> 32) as u32]) {
                if half < threshold {
                    *entry = 0.0;
                }
            }
        }
    }
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?;
    Ok((x * mask)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use dd_kernels::rng::Key;

    fn dropped(lengths: &[usize], records: &[u64]) -> Vec<Vec<f32>> {
        let segments = Segments::from_lengths(lengths, &Device::Cpu).unwrap();
        let x = Tensor::ones((segments.num_rows(), 65), DType::F32, &Device::Cpu).unwrap();
        let rows = Rows {
            segments: &segments,
            records,
        };
        let mode = Mode::Train(Key::from_seed(1));
        dropout(&x, 0.25, rows, mode).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn the_mask_of_a_record_does_not_depend_on_its_batch_mates() {
        let together = dropped(&[3, 5, 2], &[7, 8, 9]);
        assert_eq!(together[3..8], dropped(&[5], &[8])[..]);
        assert_eq!(together[8..], dropped(&[4, 2], &[11, 9])[4..]);
    }

    #[test]
    fn the_share_of_dropped_entries_is_the_rate_and_the_mean_stays() {
        let values = dropped(&[200], &[0]).concat();
        let zeros = values.iter().filter(|&&x| x == 0.0).count() as f64 / values.len() as f64;
        assert!((zeros - 0.25).abs() < 0.02, "{zeros}");
        assert!(values.iter().all(|&x| x == 0.0 || x == (1.0 / 0.75) as f32));
    }
}
