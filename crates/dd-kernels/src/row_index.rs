//! A list of row numbers, together with its inverse.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use crate::cuda::index_tensor::{on_device, once};
use crate::error::{KernelError, Result};

/// Row numbers into a table of `num_sources` rows, validated once, with the inverse (which positions name a row) in CSR
/// form, so that both [`gather`](crate::gather) and its adjoint [`scatter_sum`](crate::scatter_sum) are reductions in a
/// fixed order.
///
/// ```
/// use dd_kernels::RowIndex;
/// let index = RowIndex::new(vec![2, 0, 2], 3, &candle_core::Device::Cpu)?;
/// assert_eq!(index.positions_of(2), &[0, 2]);
/// # Ok::<(), dd_kernels::KernelError>(())
/// ```
///
/// Cloning shares the data.
#[derive(Debug, Clone)]
pub struct RowIndex(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rows: Vec<u32>,
    num_sources: usize,
    inverse_offsets: Vec<u32>,
    inverse: Vec<u32>,
    rows_tensor: Tensor,
    inverse_tensors: OnceLock<[Tensor; 2]>,
}

impl RowIndex {
    /// Builds the index and its inverse in O(len + `num_sources`).
    ///
    /// # Errors
    /// When a row is not below `num_sources`, or the counts do not fit 32-bit indices.
    pub fn new(rows: Vec<u32>, num_sources: usize, device: &Device) -> Result<Self> {
        for (name, count) in [
            ("row index", rows.len()),
            ("rows of the table", num_sources),
        ] {
            if u32::try_from(count).is_err() {
                return Err(KernelError::TooLarge { name, count });
            }
        }
        let mut inverse_offsets = vec![0_u32; num_sources + 1];
        for (position, &row) in rows.iter().enumerate() {
            let slot =
                inverse_offsets
                    .get_mut(row as usize + 1)
                    .ok_or(KernelError::IndexOutOfRange {
                        name: "row index",
                        position,
                        index: row as usize,
                        bound: num_sources,
                    })?;
            *slot += 1;
        }
        for row in 0..num_sources {
            inverse_offsets[row + 1] += inverse_offsets[row];
        }
        let mut next = inverse_offsets.clone();
        let mut inverse = vec![0; rows.len()];
        for (position, &row) in rows.iter().enumerate() {
            let slot = &mut next[row as usize];
            inverse[*slot as usize] = position as u32;
            *slot += 1;
        }
        let rows_tensor = on_device(&rows, device)?;
        let inner = Inner {
            rows,
            num_sources,
            inverse_offsets,
            inverse,
            rows_tensor,
            inverse_tensors: OnceLock::new(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Number of rows named.
    pub fn len(&self) -> usize {
        self.0.rows.len()
    }

    /// True when no row is named.
    pub fn is_empty(&self) -> bool {
        self.0.rows.is_empty()
    }

    /// Number of rows of the table that this indexes.
    pub fn num_sources(&self) -> usize {
        self.0.num_sources
    }

    /// The row numbers on the host.
    pub fn rows(&self) -> &[u32] {
        &self.0.rows
    }

    /// The row numbers on the device, `[len]`, u32.
    pub fn rows_tensor(&self) -> &Tensor {
        &self.0.rows_tensor
    }

    /// Positions (ascending) at which a row is named.
    ///
    /// # Panics
    /// When `row` is not below [`Self::num_sources`].
    pub fn positions_of(&self, row: usize) -> &[u32] {
        &self.0.inverse
            [self.0.inverse_offsets[row] as usize..self.0.inverse_offsets[row + 1] as usize]
    }

    /// Offsets and positions of the inverse on the device, u32.
    pub(crate) fn inverse_tensors(&self) -> Result<(&Tensor, &Tensor)> {
        let [offsets, positions] = once(&self.0.inverse_tensors, || {
            let device = self.0.rows_tensor.device();
            Ok([
                on_device(&self.0.inverse_offsets, device)?,
                on_device(&self.0.inverse, device)?,
            ])
        })?;
        Ok((offsets, positions))
    }

    /// CSR offsets of the inverse, `[num_sources + 1]`.
    pub fn inverse_offsets(&self) -> &[u32] {
        &self.0.inverse_offsets
    }

    /// Positions grouped by row, `[len]`.
    pub fn inverse(&self) -> &[u32] {
        &self.0.inverse
    }
}
