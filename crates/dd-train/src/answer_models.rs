//! A student's folder as a model that answers rows.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};
use dd_data::RowFault;
use dd_data::output::Columns;
use dd_encoder2d::{Encoder, ModelFolder, Predictor};
use dd_graph::{Featurizer, GraphBatch, MolGraph};
use dd_mol::Molecule;
use dd_nn::ParamStore;

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
        Self::load_as(name_or_path, DType::F32)
    }

    /// The same, computing in an element type of choice; answers are in single precision.
    ///
    /// # Errors
    /// As [`RowEmbedder::load`].
    pub fn load_as(name_or_path: &Path, dtype: DType) -> Result<Self> {
        let encoder = Encoder::from_pretrained_on(name_or_path, dtype, &Device::Cpu)?;
        Ok(Self(encoder))
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
        features(self.0.featurizer(), molecule)
    }

    fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
        let embeddings = self.0.embed_batch(batch)?.into_iter();
        Ok(embeddings.map(|embedding| embedding.graph).collect())
    }
}

/// Answers with the targets, in their units; probabilities for binary targets.
pub struct RowPredictor {
    predictor: Predictor,
    featurizer: Arc<dyn Featurizer<Output = MolGraph>>,
}

impl RowPredictor {
    /// Loads a fine-tuned model folder.
    ///
    /// # Errors
    /// When there is no such model, it has no head, or it is damaged or incomplete.
    pub fn load(name_or_path: &Path) -> Result<Self> {
        Self::load_as(name_or_path, DType::F32)
    }

    /// The same, computing in an element type of choice; answers are in single precision.
    ///
    /// # Errors
    /// As [`RowPredictor::load`].
    pub fn load_as(name_or_path: &Path, dtype: DType) -> Result<Self> {
        let folder = ModelFolder::open(name_or_path)?;
        let store = ParamStore::new(0, dtype, &Device::Cpu).frozen();
        let predictor = folder.config().build_predictor(&store)?;
        folder.load(&store)?;
        Ok(Self {
            predictor,
            featurizer: folder.config().build_featurizer(),
        })
    }
}

impl RowModel for RowPredictor {
    fn columns(&self) -> Columns {
        let names = self
            .predictor
            .targets()
            .iter()
            .map(|target| target.name.clone());
        Columns::Scalars(names.collect())
    }

    fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
        features(self.featurizer.as_ref(), molecule)
    }

    fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
        let predictions = self.predictor.predict(batch)?;
        let row =
            |row: ndarray::ArrayView1<'_, f64>| row.iter().map(|&value| value as f32).collect();
        Ok(predictions.rows().into_iter().map(row).collect())
    }
}

fn features(
    featurizer: &dyn Featurizer<Output = MolGraph>,
    molecule: &Molecule,
) -> std::result::Result<MolGraph, RowFault> {
    featurizer
        .featurize(molecule)
        .map_err(|error| RowFault::new("featurize", error.to_string()))
}
