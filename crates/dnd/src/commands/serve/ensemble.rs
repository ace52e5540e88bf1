//! The run folder of `dnd finetune` as a served model: means, intervals, sets of classes, and whether it knows the like of a molecule.

use std::path::Path;

use candle_core::DType;
use dd_data::RowFault;
use dd_data::output::ClassSet;
use dd_encoder2d::{Mode, ModelFolder};
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;
use dd_serve::{Card, ModelFailure, Prediction, ServedModel, ServedTarget, fingerprint};
use dd_train::property::{self, Ensemble, Region};

use crate::failure::Failure;

/// An ensemble, called as its folder is. Its embeddings are those of its first model.
pub(super) struct ServedEnsemble {
    card: Card,
    ensemble: Ensemble,
    coverage: f64,
}

impl ServedEnsemble {
    /// Loads a run folder; its intervals hold with the probability `coverage`. Also why targets have none, one sentence each.
    pub(super) fn load(folder: &Path, coverage: f64) -> Result<(Self, Vec<String>), Failure> {
        let ensemble = Ensemble::load(folder).map_err(Failure::misuse)?;
        let refusals = ensemble.refusals(coverage).map_err(Failure::misuse)?;
        let first = match ensemble.seeds().first() {
            Some(seed) => folder.join(format!("seed-{seed}")),
            None => folder.to_path_buf(),
        };
        let first = ModelFolder::open(first).map_err(Failure::misuse)?;
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        let targets = ensemble.targets().iter().map(|target| ServedTarget {
            name: target.name.clone(),
            kind: target.kind,
            unit: target.unit.clone(),
        });
        let served = Self {
            card: Card {
                name: name.to_string_lossy().into_owned(),
                width: ensemble.members()[0].encoder().width(),
                targets: targets.collect(),
                fingerprint: fingerprint(&first).map_err(Failure::misuse)?,
            },
            ensemble,
            coverage,
        };
        Ok((served, refusals))
    }
}

impl ServedModel for ServedEnsemble {
    fn card(&self) -> &Card {
        &self.card
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph, RowFault> {
        self.ensemble.featurize(molecule)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>, ModelFailure> {
        let encoder = self.ensemble.members()[0].encoder();
        let seen = encoder.encode(batch, Mode::Eval).map_err(failure)?;
        let vectors = seen.graphs.to_dtype(DType::F32).map_err(failure)?;
        vectors.to_vec2().map_err(failure)
    }

    fn predict(
        &self,
        batch: &GraphBatch,
        molecules: &[Molecule],
    ) -> Result<Vec<Prediction>, ModelFailure> {
        let answers = self
            .ensemble
            .predict_batch(batch, molecules, self.coverage)
            .map_err(failure)?;
        Ok(answers.iter().map(said).collect())
    }
}

fn said(prediction: &property::Prediction) -> Prediction {
    let interval = |region: Option<Region>| match region {
        Some(Region::Interval { low, high }) => Some([low as f32, high as f32]),
        _ => None,
    };
    let set = |region: Option<Region>| match region {
        Some(Region::Classes { zero, one }) => Some(ClassSet { zero, one }),
        _ => None,
    };
    let targets = || prediction.targets.iter();
    Prediction {
        values: targets().map(|target| target.mean as f32).collect(),
        intervals: targets().map(|target| interval(target.region)).collect(),
        sets: targets().map(|target| set(target.region)).collect(),
        in_domain: prediction.applicability.as_ref().map(|one| one.in_domain),
    }
}

fn failure(error: impl std::fmt::Display) -> ModelFailure {
    ModelFailure(error.to_string())
}
