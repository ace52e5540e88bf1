//! Sums of one learnt vector per feature column.

use std::fmt::Display;

use candle_core::{Device, Tensor};
use dd_kernels::{RowIndex, embedding_sum};
use dd_nn::{Init, Params};
use ndarray::Array2;

use crate::error::{EncoderError, Result};

/// One table per column.
pub(crate) struct ColumnEmbedding {
    tables: Vec<Tensor>,
    sizes: Vec<usize>,
    name: &'static str,
}

impl ColumnEmbedding {
    /// Tables `{table}.weight` of so many rows. `name` is that of the feature array, for messages; tables start from
    /// Glorot and Bengio's uniform, as the originals'.
    pub(crate) fn new<T: Display>(
        name: &'static str,
        tables: impl IntoIterator<Item = (T, usize)>,
        width: usize,
        params: &Params,
    ) -> Result<Self> {
        let mut embedding = Self {
            tables: Vec::new(),
            sizes: Vec::new(),
            name,
        };
        for (table, size) in tables {
            let weight = params
                .pp(table)
                .get((size, width), "weight", Init::XavierUniform)?;
            embedding.tables.push(weight);
            embedding.sizes.push(size);
        }
        Ok(embedding)
    }

    /// Rows of the tables stacked on one another that belong to each entry.
    ///
    /// # Errors
    /// When the columns are not as many as the tables, or a category has no row.
    pub(crate) fn rows(&self, features: &Array2<u16>, device: &Device) -> Result<RowIndex> {
        let rows = stacked_rows(self.name, features, &self.sizes)?;
        Ok(RowIndex::new(rows, self.sizes.iter().sum(), device)?)
    }

    /// `[R, width]` for the rows of [`ColumnEmbedding::rows`].
    pub(crate) fn forward(&self, rows: &RowIndex) -> Result<Tensor> {
        let table = Tensor::cat(&self.tables, 0)?; // [sum of sizes, width]
        Ok(embedding_sum(&table, rows, self.sizes.len())?)
    }
}

/// The row of each category, where the rows of all columns stand one after another.
///
/// # Errors
/// When the columns are not as many as the sizes, or a category has no row.
pub(crate) fn stacked_rows(
    name: &'static str,
    features: &Array2<u16>,
    sizes: &[usize],
) -> Result<Vec<u32>> {
    if features.nrows() > 0 && features.ncols() != sizes.len() {
        return Err(EncoderError::Columns {
            name,
            expected: sizes.len(),
            got: features.ncols(),
        });
    }
    let first: Vec<usize> = sizes
        .iter()
        .scan(0, |next, &size| Some(std::mem::replace(next, *next + size)))
        .collect();
    let row = |((row, column), &value): ((usize, usize), &u16)| {
        let bound = sizes[column];
        if usize::from(value) < bound {
            return Ok((first[column] + usize::from(value)) as u32);
        }
        Err(EncoderError::Category {
            name,
            row,
            column,
            value,
            bound,
        })
    };
    features.indexed_iter().map(row).collect()
}
