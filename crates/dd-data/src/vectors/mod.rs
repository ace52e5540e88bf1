//! Vectors read back from the files that the programs write.

mod npy;
#[cfg(feature = "parquet")]
mod table;

use std::path::Path;

use ndarray::Array2;

use crate::error::{DataError, Result};

pub use npy::read_npy;

/// Reads a matrix `[rows, width]` that `dnd embed` wrote, by extension: `.npy`, or the list column of a `.parquet`. A row
/// without a vector is a row of NaN.
///
/// # Errors
/// When the file cannot be read, is of another format, or holds no such vectors.
pub fn read_vectors(path: &Path) -> Result<Array2<f32>> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("npy") => read_npy(path),
        #[cfg(feature = "parquet")]
        Some("parquet") => table::read(path),
        _ => Err(DataError::Array {
            path: path.to_path_buf(),
            reason: if cfg!(feature = "parquet") {
                "vectors are read from .npy and .parquet".into()
            } else {
                "vectors are read from .npy".into()
            },
        }),
    }
}
