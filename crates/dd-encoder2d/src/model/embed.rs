//! A ready encoder: SMILES in, vectors out.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use dd_graph::{AtomOrder, BatchPlan, Featurizer, GraphBatch, GraphError, MolGraph};
use dd_mol::smiles::{SmilesError, parse};
use dd_nn::{Mode, ParamStore, Precision, Representation};
use ndarray::Array2;

use super::config::ModelConfig;
use super::folder::ModelFolder;
use crate::encoder::Encoder2d;
use crate::error::{EncoderError, Result};

/// Tokens (see [`MolGraph::num_tokens`]) that are encoded at once, unless a caller says otherwise.
pub const BATCH_TOKENS: usize = 8192;

/// The vectors of one molecule.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The molecule, `[H]`.
    pub graph: Vec<f32>,
    /// Its atoms, `[N, H]`, in the featurizer's order (without hydrogens that it removes).
    pub atoms: Array2<f32>,
    /// Atom of the SMILES behind each row of `atoms`, `[N]`.
    pub atom_index: Vec<u32>,
}

/// Why one row has no embedding.
#[derive(Debug, thiserror::Error)]
#[error("row {row}: {kind}")]
pub struct RowError {
    /// Position in the input, from 0.
    pub row: usize,
    /// What is wrong.
    pub kind: Box<RowErrorKind>,
}

/// What can be wrong with a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowErrorKind {
    /// The text is no molecule; the message draws a caret under the fault.
    #[error(transparent)]
    Smiles(#[from] SmilesError),
    /// The molecule has no features.
    #[error(transparent)]
    Features(#[from] GraphError),
    /// The features have no embedding.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

impl RowError {
    /// Byte range of the fault in the input, where there is one.
    pub fn span(&self) -> Option<Range<usize>> {
        match self.kind.as_ref() {
            RowErrorKind::Smiles(error) => Some(error.span.clone()),
            _ => None,
        }
    }

    /// A short stable name of the kind, for machine-readable reports.
    pub fn kind_name(&self) -> &'static str {
        match self.kind.as_ref() {
            RowErrorKind::Smiles(error) => error.kind.name(),
            RowErrorKind::Features(_) => "features",
            RowErrorKind::Encoder(_) => "encoder",
        }
    }
}

/// An encoder with its featurizer and its parameters, for inference.
pub struct Encoder {
    config: Option<ModelConfig>,
    network: Box<dyn Encoder2d>,
    featurizer: Arc<dyn Featurizer<Output = MolGraph>>,
    device: Device,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("config", &self.config)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// Loads the encoder of a model folder, by path or by the name of an installed model, on the CPU in f32.
    ///
    /// # Errors
    /// When there is no such model, or it is damaged or incomplete.
    pub fn from_pretrained(name_or_path: impl AsRef<Path>) -> Result<Self> {
        Self::from_pretrained_on(name_or_path, DType::F32, &Device::Cpu)
    }

    /// The same on a device and in an element type of choice.
    ///
    /// # Errors
    /// As [`Encoder::from_pretrained`].
    pub fn from_pretrained_on(
        name_or_path: impl AsRef<Path>,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        Self::from_pretrained_in(name_or_path, &ParamStore::new(0, dtype, device))
    }

    /// The same on the CPU, in a precision of choice.
    ///
    /// # Errors
    /// As [`Encoder::from_pretrained`].
    pub fn from_pretrained_as(
        name_or_path: impl AsRef<Path>,
        precision: Precision,
    ) -> Result<Self> {
        Self::from_pretrained_in(name_or_path, &precision.store())
    }

    fn from_pretrained_in(name_or_path: impl AsRef<Path>, empty: &ParamStore) -> Result<Self> {
        let folder = ModelFolder::open(name_or_path)?;
        let store = empty.at_most(folder.tensors()?.most_parameters());
        let model = Self::on_store(folder.config(), &store)?;
        folder.load_encoder(&store)?;
        Ok(model)
    }

    /// An encoder with parameters drawn from `seed`: untrained.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn untrained(config: &ModelConfig, seed: u64) -> Result<Self> {
        Self::on_store(config, &ParamStore::new(seed, DType::F32, &Device::Cpu))
    }

    /// An encoder on the parameters of `store`, which it shares: it follows their training.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn on_store(config: &ModelConfig, store: &ParamStore) -> Result<Self> {
        Ok(Self {
            network: config.build_encoder(&store.frozen().root())?,
            featurizer: config.build_featurizer(),
            device: store.device().clone(),
            config: Some(config.clone()),
        })
    }

    /// A network of your own with its featurizer: everything below works with it as with the networks of this crate.
    ///
    /// Build it on a [frozen](ParamStore::frozen) store, so that nothing is kept for gradients. `device` is where its
    /// parameters are.
    pub fn from_parts(
        network: Box<dyn Encoder2d>,
        featurizer: Arc<dyn Featurizer<Output = MolGraph>>,
        device: &Device,
    ) -> Self {
        Self {
            config: None,
            network,
            featurizer,
            device: device.clone(),
        }
    }

    /// The same encoder with atoms in another order: in [`AtomOrder::Canonical`] every spelling of a molecule has the same
    /// embedding, bit for bit. A shipped model was trained as SMILES are written.
    ///
    /// # Errors
    /// When the network is from elsewhere ([`Encoder::from_parts`]): give it a featurizer of that order.
    pub fn with_order(mut self, order: AtomOrder) -> Result<Self> {
        let Some(config) = &mut self.config else {
            return Err(EncoderError::Config {
                field: "featurizer.order",
                reason: "the featurizer of this encoder has no configuration".to_string(),
            });
        };
        config.featurizer = config.featurizer.clone().with_order(order);
        self.featurizer = config.build_featurizer();
        Ok(self)
    }

    /// The configuration; none of a network from elsewhere ([`Encoder::from_parts`]).
    pub fn config(&self) -> Option<&ModelConfig> {
        self.config.as_ref()
    }

    /// The featurizer.
    pub fn featurizer(&self) -> &dyn Featurizer<Output = MolGraph> {
        self.featurizer.as_ref()
    }

    /// The network itself.
    pub fn network(&self) -> &dyn Encoder2d {
        self.network.as_ref()
    }

    /// Width of the embeddings.
    pub fn width(&self) -> usize {
        self.network.width()
    }

    /// One result for each input, in order, whatever fails.
    pub fn embed_smiles<S: AsRef<str>>(
        &self,
        smiles: &[S],
    ) -> Vec<std::result::Result<Embedding, RowError>> {
        let mut results: Vec<Option<std::result::Result<Embedding, RowErrorKind>>> = Vec::new();
        let mut graphs = Vec::with_capacity(smiles.len());
        for (row, text) in smiles.iter().enumerate() {
            match self.featurize(text.as_ref()) {
                Ok(graph) => {
                    graphs.push((row, graph));
                    results.push(None);
                }
                Err(kind) => results.push(Some(Err(kind))),
            }
        }
        // Molecules of similar size share a batch; the result does not depend on it.
        graphs.sort_by_key(|(_, graph)| graph.num_tokens());
        let sizes: Vec<usize> = graphs.iter().map(|(_, graph)| graph.num_tokens()).collect();
        for batch in BatchPlan::in_order(&sizes, BATCH_TOKENS).batches {
            let chunk = &graphs[batch[0]..][..batch.len()];
            for ((row, _), result) in chunk.iter().zip(self.embed_chunk(chunk)) {
                results[*row] = Some(result.map_err(RowErrorKind::Encoder));
            }
        }
        results
            .into_iter()
            .enumerate()
            .map(|(row, result)| {
                result
                    .expect("every row failed early or is in a chunk")
                    .map_err(|kind| RowError {
                        row,
                        kind: Box::new(kind),
                    })
            })
            .collect()
    }

    /// The embeddings of a batch's graphs, in order.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`], and when the network's vectors are not as many and as wide as it promises.
    pub fn embed_batch(&self, batch: &GraphBatch) -> Result<Vec<Embedding>> {
        if batch.num_graphs() == 0 {
            return Ok(Vec::new());
        }
        let Representation { nodes, graphs } = self.network.encode(batch, Mode::Eval)?;
        let graphs = self.host("graphs", &graphs, batch.num_graphs())?;
        let nodes = self.host("nodes", &nodes, batch.nodes.num_rows())?;
        let embedding = |(graph, range): (usize, Range<usize>)| Embedding {
            graph: graphs.row(graph).to_vec(),
            atoms: nodes.slice(ndarray::s![range.clone(), ..]).to_owned(),
            atom_index: batch.atom_index[range].to_vec(),
        };
        Ok(batch.nodes.ranges().enumerate().map(embedding).collect())
    }

    /// The vectors of a batch's molecules alone, `[B, H]`.
    ///
    /// # Errors
    /// As [`Encoder::embed_batch`].
    pub fn graph_vectors(&self, batch: &GraphBatch) -> Result<Array2<f32>> {
        let graphs = self.network.encode(batch, Mode::Eval)?.graphs;
        self.host("graphs", &graphs, batch.num_graphs())
    }

    /// Vectors on the host in f32. The network may be one of the caller's own, so their shape is looked at.
    fn host(&self, name: &'static str, x: &Tensor, rows: usize) -> Result<Array2<f32>> {
        let shape = (rows, self.width());
        if x.dims() != [rows, self.width()] {
            return Err(EncoderError::Shape {
                name,
                expected: vec![rows, self.width()],
                got: x.dims().to_vec(),
            });
        }
        let values = x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(
            Array2::from_shape_vec(shape, values)
                .expect("a tensor has as many values as its shape"),
        )
    }

    fn featurize(&self, smiles: &str) -> std::result::Result<MolGraph, RowErrorKind> {
        Ok(self.featurizer.featurize(&parse(smiles)?)?)
    }

    /// Encodes graphs together, or one by one when that fails, so that one bad graph does not take others with it.
    fn embed_chunk(&self, chunk: &[(usize, MolGraph)]) -> Vec<Result<Embedding>> {
        let graphs: Vec<&MolGraph> = chunk.iter().map(|(_, graph)| graph).collect();
        let batch = GraphBatch::collate(&graphs, &self.device);
        let embeddings = batch.map_err(EncoderError::from);
        match embeddings.and_then(|batch| self.embed_batch(&batch)) {
            Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
            Err(error) if chunk.len() == 1 => vec![Err(error)],
            Err(_) => chunk
                .iter()
                .flat_map(|one| self.embed_chunk(std::slice::from_ref(one)))
                .collect(),
        }
    }
}
