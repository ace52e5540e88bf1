//! What a data set holds: molecules with their labels.

use std::path::Path;
use std::sync::Arc;

use dd_mol::Molecule;

use crate::error::{DataError, Result};

/// One molecule with its labels.
#[derive(Debug, Clone)]
pub struct Record {
    /// The molecule, with a conformer where the file has one.
    pub molecule: Molecule,
    /// One value per target of the data set; NaN where the label is missing.
    pub targets: Vec<f64>,
    /// Name of the molecule in the file, possibly empty.
    pub id: String,
    /// 0-based number of the data row in the file.
    pub row: u64,
}

/// A data set with random access. Records are made when asked for; one that cannot be made is an error of its own.
pub trait Dataset: Send + Sync {
    /// Number of records, the unreadable ones among them: record `i` is data row `i` of the file.
    fn len(&self) -> usize;

    /// Names of the targets.
    fn target_names(&self) -> &[String];

    /// The file, for messages.
    fn path(&self) -> &Path;

    /// One record.
    ///
    /// # Errors
    /// [`DataError::Row`] with file, row, name and fault.
    fn get(&self, index: usize) -> Result<Record>;

    /// True when there are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Some records of a data set, in a given order.
#[derive(Clone)]
pub struct Subset {
    dataset: Arc<dyn Dataset>,
    indices: Vec<usize>,
}

impl Subset {
    /// The records `indices` of `dataset`.
    ///
    /// # Errors
    /// When an index is beyond the data set.
    pub fn new(dataset: Arc<dyn Dataset>, indices: Vec<usize>) -> Result<Self> {
        let len = dataset.len();
        match indices.iter().find(|&&index| index >= len) {
            Some(&index) => Err(DataError::NoSuchRecord { index, len }),
            None => Ok(Self { dataset, indices }),
        }
    }

    /// Record numbers in the whole data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn target_names(&self) -> &[String] {
        self.dataset.target_names()
    }

    fn path(&self) -> &Path {
        self.dataset.path()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let len = self.indices.len();
        let inner = self.indices.get(index);
        self.dataset
            .get(*inner.ok_or(DataError::NoSuchRecord { index, len })?)
    }
}
