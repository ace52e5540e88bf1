//! Which consecutive rows of a packed tensor belong together.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use crate::cuda::attention::TILE;
use crate::cuda::index_tensor::{on_device, once};
use crate::error::{KernelError, Result};

/// A partition of `0..num_rows` into consecutive, possibly empty, segments (CSR offsets).
///
/// One `Segments` says which nodes form a graph, which tokens form a sequence. It is built and validated once, on the
/// host; kernels trust it.
///
/// ```
/// use dd_kernels::Segments;
/// let graphs = Segments::from_lengths(&[3, 0, 2], &candle_core::Device::Cpu)?;
/// assert_eq!((graphs.len(), graphs.num_rows()), (3, 5));
/// assert_eq!(graphs.range(2), 3..5);
/// # Ok::<(), dd_kernels::KernelError>(())
/// ```
///
/// Cloning shares the data.
#[derive(Debug, Clone)]
pub struct Segments {
    layout: Arc<Layout>,
    ids: Option<Arc<Ids>>,
}

#[derive(Debug)]
struct Layout {
    offsets: Vec<u32>,
    row_segment: Vec<u32>,
    offsets_tensor: Tensor,
    row_segment_tensor: Tensor,
    tiles_tensor: OnceLock<Tensor>,
}

#[derive(Debug)]
struct Ids {
    numbers: Vec<u64>,
    tensor: OnceLock<Tensor>,
}

impl Segments {
    /// Segments with the given lengths, one after another.
    ///
    /// # Errors
    /// When the rows do not fit 32-bit indices.
    pub fn from_lengths(lengths: &[usize], device: &Device) -> Result<Self> {
        let total: usize = lengths.iter().sum();
        if u32::try_from(total).is_err() {
            return Err(KernelError::TooLarge {
                name: "segments",
                count: total,
            });
        }
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        let mut row_segment = Vec::with_capacity(total);
        offsets.push(0);
        for (segment, &length) in lengths.iter().enumerate() {
            row_segment.resize(row_segment.len() + length, segment as u32);
            offsets.push(row_segment.len() as u32);
        }
        let offsets_tensor = Tensor::from_slice(&offsets, offsets.len(), device)?;
        let row_segment_tensor = on_device(&row_segment, device)?;
        let layout = Layout {
            offsets,
            row_segment,
            offsets_tensor,
            row_segment_tensor,
            tiles_tensor: OnceLock::new(),
        };
        Ok(Self {
            layout: Arc::new(layout),
            ids: None,
        })
    }

    /// Names the segments, usually by record number, so that random decisions about a segment (dropout) follow the
    /// record and not its place in the batch.
    ///
    /// # Errors
    /// When there is not one name per segment.
    pub fn with_ids(self, ids: Vec<u64>) -> Result<Self> {
        if ids.len() != self.len() {
            return Err(KernelError::Shape {
                name: "segment ids",
                expected: format!("[{}]", self.len()),
                got: vec![ids.len()],
            });
        }
        Ok(Self {
            ids: Some(Arc::new(Ids {
                numbers: ids,
                tensor: OnceLock::new(),
            })),
            ..self
        })
    }

    /// Name of a segment: as given to [`Self::with_ids`], otherwise its number in the batch.
    ///
    /// # Panics
    /// When the segments are named and `segment` is not below [`Self::len`].
    pub fn id(&self, segment: usize) -> u64 {
        self.ids
            .as_ref()
            .map_or(segment as u64, |ids| ids.numbers[segment])
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.layout.offsets.len() - 1
    }

    /// True when there is no segment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows of the tensors that this partitions.
    pub fn num_rows(&self) -> usize {
        self.layout.row_segment.len()
    }

    /// Rows of one segment.
    ///
    /// # Panics
    /// When `segment` is not below [`Self::len`].
    pub fn range(&self, segment: usize) -> std::ops::Range<usize> {
        self.layout.offsets[segment] as usize..self.layout.offsets[segment + 1] as usize
    }

    /// Row ranges of all segments.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> + '_ {
        (0..self.len()).map(|segment| self.range(segment))
    }

    /// Lengths of all segments.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.ranges().map(|range| range.len())
    }

    /// CSR offsets on the host, `[len + 1]`.
    pub fn offsets(&self) -> &[u32] {
        &self.layout.offsets
    }

    /// Segment of each row on the host, `[num_rows]`.
    pub fn row_segment(&self) -> &[u32] {
        &self.layout.row_segment
    }

    /// CSR offsets on the device, `[len + 1]`, u32.
    pub fn offsets_tensor(&self) -> &Tensor {
        &self.layout.offsets_tensor
    }

    /// First rows of the tiles into which attention's CUDA kernels cut the segments, on the device: `[tiles, 2]`, u32,
    /// segment and row.
    pub(crate) fn tiles_tensor(&self) -> Result<&Tensor> {
        once(&self.layout.tiles_tensor, || {
            let tiles = self.ranges().enumerate().flat_map(|(segment, range)| {
                range
                    .step_by(TILE)
                    .flat_map(move |row| [segment as u32, row as u32])
            });
            let tiles: Vec<u32> = tiles.collect();
            let tensor = on_device(&tiles, self.layout.offsets_tensor.device())?;
            Ok(tensor.reshape((tiles.len() / 2, 2))?)
        })
    }

    /// The given names on the device, `[len]`, i64 with the bits of u64.
    pub(crate) fn ids_tensor(&self) -> Result<Option<&Tensor>> {
        let Some(ids) = &self.ids else {
            return Ok(None);
        };
        let tensor = once(&ids.tensor, || {
            let bits: Vec<i64> = ids.numbers.iter().map(|&id| id.cast_signed()).collect();
            on_device(&bits, self.layout.offsets_tensor.device())
        })?;
        Ok(Some(tensor))
    }

    /// Segment of each row on the device, `[num_rows]`, u32.
    pub fn row_segment_tensor(&self) -> &Tensor {
        &self.layout.row_segment_tensor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_default_to_positions_and_must_match_in_number() -> Result<()> {
        let segments = Segments::from_lengths(&[1, 2], &Device::Cpu)?;
        assert_eq!(segments.id(1), 1);
        assert_eq!(segments.clone().with_ids(vec![40, 50])?.id(1), 50);
        let error = segments
            .with_ids(vec![1])
            .expect_err("one name for two segments");
        assert_eq!(
            error.to_string(),
            "segment ids: expected shape [2], got [1]"
        );
        Ok(())
    }
}
