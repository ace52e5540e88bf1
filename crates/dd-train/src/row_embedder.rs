//! An encoder as a model that answers rows.

use std::path::Path;

use dd_data::RowFault;
use dd_data::output::Columns;
use dd_encoder2d::{Encoder, Precision};
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;

use crate::answer::RowModel;
use crate::error::Result;

/// Answers with the representation of the molecule.
pub struct RowEmbedder(Encoder);

impl RowEmbedder {
    /// Loads the encoder of a model folder, by path or by the name of an installed model.
    ///
    /// # Errors
    /// When there is no such model, or it is damaged or incomplete.
    pub fn load(name_or_path: &Path) -> Result<Self> {
        Self::load_as(name_or_path, Precision::Single)
    }

    /// The same, computing in a precision of choice; answers are in single precision.
    ///
    /// # Errors
    /// As [`RowEmbedder::load`].
    pub fn load_as(name_or_path: &Path, precision: Precision) -> Result<Self> {
        Ok(Self(Encoder::from_pretrained_as(name_or_path, precision)?))
    }
}

impl RowModel for RowEmbedder {
    fn columns(&self) -> Columns {
        Columns::Vector {
            name: "embedding".into(),
            width: self.0.width(),
        }
    }

    fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
        let features = self.0.featurizer().featurize(molecule);
        features.map_err(|error| RowFault::new("featurize", error.to_string()))
    }

    fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
        let vectors = self.0.graph_vectors(batch)?;
        Ok(vectors.rows().into_iter().map(|row| row.to_vec()).collect())
    }
}
