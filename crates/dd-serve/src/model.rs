//! What a server asks of a model.

use dd_data::RowFault;
use dd_data::output::ClassSet;
use dd_encoder2d::TargetKind;
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;
use serde::Serialize;

/// What a model is, as `GET /v1/models` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Name by which requests choose it.
    pub name: String,
    /// Numbers of an embedding.
    pub width: usize,
    /// What it predicts; nothing when it only embeds.
    pub targets: Vec<ServedTarget>,
    /// SHA-256 of configuration and weights, hexadecimal: embeddings of equal fingerprints are comparable.
    pub fingerprint: String,
}

/// One column of predictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServedTarget {
    /// Its name, and the field of a row that holds its value.
    pub name: String,
    /// A number in a unit, or a probability.
    pub kind: TargetKind,
    /// Unit of a number.
    pub unit: Option<String>,
}

/// The predictions for one molecule, in the order of the targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// Values in the targets' units; probabilities of binary targets.
    pub values: Vec<f32>,
    /// Lower and upper end of an interval around each value, where the model knows one; nothing at all when it knows none.
    pub intervals: Vec<Option<[f32; 2]>>,
    /// The classes of a binary target that are not ruled out, where the model knows; nothing at all when it knows none.
    pub sets: Vec<Option<ClassSet>>,
    /// Whether the model has learned from molecules like this one, where it can tell.
    pub in_domain: Option<bool>,
}

/// A model that failed, through no fault of a row.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ModelFailure(pub String);

/// Given a batch of graphs, a vector or a prediction for each.
///
/// # Contract
/// The answer for a graph does not depend on its batch mates, and a graph that is answered in one batch is answered in
/// every batch. One thread calls `embed` and `predict`, several call `featurize`.
pub trait ServedModel: Send + Sync {
    /// What the model is. Constant.
    fn card(&self) -> &Card;

    /// The graph that the model sees.
    ///
    /// # Errors
    /// Why this molecule cannot be answered.
    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph, RowFault>;

    /// One vector of [`Card::width`] numbers for each graph, in order.
    ///
    /// # Errors
    /// When the model fails.
    fn embed(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>, ModelFailure>;

    /// One prediction for each graph, in order; `molecules` are those behind the graphs. Never called when there are no
    /// targets.
    ///
    /// # Errors
    /// When the model fails.
    fn predict(
        &self,
        batch: &GraphBatch,
        molecules: &[Molecule],
    ) -> Result<Vec<Prediction>, ModelFailure>;
}
