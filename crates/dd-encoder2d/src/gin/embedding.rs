//! Sums of one learnt vector per feature column.

use candle_core::{Device, Tensor};
use dd_kernels::{RowIndex, embedding_sum};
use dd_nn::{Init, Params};
use ndarray::Array2;

use crate::error::{EncoderError, Result};

/// Categories of OGB's atom feature columns (`snap-stanford/ogb` 61e9784, `ogb/utils/features.py`).
pub(crate) const ATOM_SIZES: [usize; 9] = [119, 5, 12, 12, 10, 6, 6, 2, 2];
/// Categories of OGB's bond feature columns.
pub(crate) const BOND_SIZES: [usize; 3] = [5, 6, 2];

/// One table per column, named `{list}.0.weight`, `{list}.1.weight`, ...
pub(super) struct ColumnEmbedding {
    tables: Vec<Tensor>,
    sizes: &'static [usize],
    name: &'static str,
}

impl ColumnEmbedding {
    /// `name` is that of the feature array, for messages; tables start from Glorot and Bengio's uniform, as OGB's.
    pub(super) fn new(
        name: &'static str,
        sizes: &'static [usize],
        width: usize,
        params: &Params,
    ) -> Result<Self> {
        let table = |(column, &size): (usize, &usize)| {
            let params = params.pp(column);
            params.get((size, width), "weight", Init::XavierUniform)
        };
        Ok(Self {
            tables: sizes
                .iter()
                .enumerate()
                .map(table)
                .collect::<candle_core::Result<_>>()?,
            sizes,
            name,
        })
    }

    /// Rows of the tables stacked on one another that belong to each entry.
    ///
    /// # Errors
    /// When the columns are not as many as the tables, or a category has no row.
    pub(super) fn rows(&self, features: &Array2<u16>, device: &Device) -> Result<RowIndex> {
        if features.nrows() > 0 && features.ncols() != self.sizes.len() {
            return Err(EncoderError::Columns {
                name: self.name,
                expected: self.sizes.len(),
                got: features.ncols(),
            });
        }
        let first: Vec<usize> = self
            .sizes
            .iter()
            .scan(0, |next, &size| Some(std::mem::replace(next, *next + size)))
            .collect();
        let rows = features
            .indexed_iter()
            .map(|((row, column), &value)| {
                let bound = self.sizes[column];
                if usize::from(value) < bound {
                    Ok((first[column] + usize::from(value)) as u32)
                } else {
                    Err(EncoderError::Category {
                        name: self.name,
                        row,
                        column,
                        value,
                        bound,
                    })
                }
            })
            .collect::<Result<_>>()?;
        Ok(RowIndex::new(rows, self.sizes.iter().sum(), device)?)
    }

    /// `[R, width]` for the rows of [`ColumnEmbedding::rows`].
    pub(super) fn forward(&self, rows: &RowIndex) -> Result<Tensor> {
        let table = Tensor::cat(&self.tables, 0)?; // [sum of sizes, width]
        Ok(embedding_sum(&table, rows, self.sizes.len())?)
    }
}
