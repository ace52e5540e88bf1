//! Where the data sets live.
//!
//! None of the publishers states a SHA-256, so the checksum of the first download is kept (see [`fetch`]), unless the caller
//! knows better.

use std::fs;
use std::path::Path;

use super::fetch::{Fetched, fetch};
use crate::error::{DataError, Result};
use crate::molecule_net::MoleculeNet;

/// DeepChem's public store.
const DEEPCHEM: &str = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets";
/// The store of the Open Graph Benchmark (`snap-stanford/ogb`, `ogb/lsc/pcqm4mv2.py`).
const OGB: &str = "http://ogb-data.stanford.edu/data/lsc";
/// The mirror from which OGB's own loader takes the table.
const OGB_TABLE: &str = "https://dgl-data.s3-accelerate.amazonaws.com/dataset/OGB-LSC";

/// One published file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its address.
    pub url: String,
    /// Name to store it under.
    pub name: String,
}

impl DataFile {
    fn new(store: &str, name: &str) -> Self {
        Self {
            url: format!("{store}/{name}"),
            name: name.to_string(),
        }
    }

    /// Downloads the file into a folder.
    ///
    /// # Errors
    /// As [`fetch`]; when the folder cannot be made.
    pub fn fetch_into(&self, folder: &Path, sha256: Option<&str>) -> Result<Fetched> {
        fs::create_dir_all(folder).map_err(|error| DataError::file(folder, error))?;
        fetch(&self.url, &folder.join(&self.name), sha256)
    }
}

/// A table of MoleculeNet.
pub fn molecule_net(table: &MoleculeNet) -> DataFile {
    DataFile::new(DEEPCHEM, table.file)
}

/// QM9 as DeepChem stores it: an archive with the geometries (`gdb9.sdf`) and the labels (`gdb9.sdf.csv`). Ramakrishnan et
/// al., Sci. Data 1, 140022 (2014).
pub fn qm9() -> DataFile {
    DataFile::new(DEEPCHEM, "gdb9.tar.gz")
}

/// PCQM4Mv2: SMILES and HOMO-LUMO gaps of 3,746,620 molecules. Hu et al., "OGB-LSC", NeurIPS 2021.
pub fn pcqm4mv2_graphs() -> DataFile {
    DataFile::new(OGB_TABLE, "pcqm4m-v2.zip")
}

/// PCQM4Mv2: DFT geometries of the 3,378,606 training molecules, without hydrogens.
pub fn pcqm4mv2_conformers() -> DataFile {
    DataFile::new(OGB, "pcqm4m-v2-train.sdf.tar.gz")
}
