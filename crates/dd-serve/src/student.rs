//! A student's folder as a served model: it embeds, and predicts when it has a head.

use std::path::Path;

use candle_core::{DType, Device};
use dd_data::RowFault;
use dd_encoder2d::{Encoder, ModelFolder, Predictor};
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;
use dd_nn::ParamStore;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::model::{Card, ModelFailure, Prediction, ServedModel, ServedTarget};

/// Encoder and head of a model folder, on shared parameters.
pub struct Student {
    card: Card,
    encoder: Encoder,
    predictor: Option<Predictor>,
}

impl Student {
    /// Loads a model folder, by path or by the name of an installed model. It is called as its folder is.
    ///
    /// # Errors
    /// When there is no such model, or it is damaged or incomplete.
    pub fn load(name_or_path: &Path) -> Result<Self> {
        let folder = ModelFolder::open(name_or_path)?;
        let config = folder.config();
        let store = ParamStore::new(0, DType::F32, &Device::Cpu).frozen();
        let encoder = Encoder::on_store(config, &store)?;
        let predictor = match config.head {
            Some(_) => Some(config.build_predictor(&store)?),
            None => None,
        };
        folder.load(&store)?;
        let name = name_or_path.file_name().unwrap_or(name_or_path.as_os_str());
        let targets = config.targets.iter().map(|target| ServedTarget {
            name: target.name.clone(),
            kind: target.kind,
            unit: target.unit.clone(),
        });
        Ok(Self {
            card: Card {
                name: name.to_string_lossy().into_owned(),
                width: encoder.width(),
                targets: targets.collect(),
                fingerprint: fingerprint(&folder)?,
            },
            encoder,
            predictor,
        })
    }
}

impl ServedModel for Student {
    fn card(&self) -> &Card {
        &self.card
    }

    fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
        Ok(self.encoder.featurizer().featurize(molecule)?)
    }

    fn embed(&self, batch: &GraphBatch) -> std::result::Result<Vec<Vec<f32>>, ModelFailure> {
        let embeddings = self.encoder.embed_batch(batch).map_err(failure)?;
        Ok(embeddings.into_iter().map(|one| one.graph).collect())
    }

    fn predict(
        &self,
        batch: &GraphBatch,
        _molecules: &[Molecule],
    ) -> std::result::Result<Vec<Prediction>, ModelFailure> {
        let predictor = self.predictor.as_ref();
        let predictor = predictor.ok_or_else(|| failure("the model has no head"))?;
        let predictions = predictor.predict(batch).map_err(failure)?;
        let row = |row: ndarray::ArrayView1<'_, f64>| Prediction {
            values: row.iter().map(|&value| value as f32).collect(),
            ..Prediction::default()
        };
        Ok(predictions.rows().into_iter().map(row).collect())
    }
}

/// SHA-256 of a folder's configuration and weights, hexadecimal: models of equal fingerprints give equal answers.
///
/// # Errors
/// When the weights cannot be read.
pub fn fingerprint(folder: &ModelFolder) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(folder.config_text().as_bytes());
    hash.update([0]);
    hash.update(folder.weights()?);
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn failure(error: impl std::fmt::Display) -> ModelFailure {
    ModelFailure(error.to_string())
}
