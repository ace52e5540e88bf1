//! Weights of others: which network a file holds, and how its tensors become a model folder.
//!
//! [`recognize`] looks at names and shapes, and at the settings that a file brings; [`Published::load`] fills a model
//! strictly. What a file cannot tell, a configuration can: [`Published::described`]. Nothing of the file is executed.
//!
//! | Weights | Told by | Becomes |
//! |---|---|---|
//! | `pretrain-gnns`: GIN, GCN, GraphSAGE, GAT | `x_embedding1` with 120 rows | [`PretrainGnn`](crate::PretrainGnn) |
//! | MolCLR: GCN, GIN | `x_embedding1` with 119 rows, `feat_lin` | [`MolClr`](crate::MolClr) |
//! | chemprop 2: directed message passing | `message_passing.W_i` and the settings | [`DMpnn`](crate::DMpnn), head and scaler |
//! | MoleculeSDE, GraphMVP: GIN with OGB's features | `atom_encoder.atom_embedding_list.0` | [`Gin`](crate::Gin) |

mod atom_type;
mod chemprop;
mod ogb_gin;

use std::fmt::Write as _;

use candle_core::{DType, Device};
use dd_nn::{Checkpoint, LoadOptions, LoadReport, NameMap, ParamStore, load_checkpoint};

use crate::config::EncoderConfig;
use crate::error::{EncoderError, Result};
use crate::model::ModelConfig;
use crate::names::{SCALER_PREFIX, atom_type_gnn, fairseq_token_gt, molecule_sde_gin};

/// A file of weights that has been recognised.
#[derive(Debug, Clone)]
pub struct Published {
    /// What it is, with where it is from.
    pub title: String,
    /// The model that it becomes.
    pub config: ModelConfig,
    /// What is good to know: choices that the file does not tell, parts that are left out.
    pub notes: Vec<String>,
    names: NameMap,
    /// Tensors with mean and deviation of the targets, `[1, T]`.
    scaler: Option<[&'static str; 2]>,
}

/// Finds out which network the tensors of a file are.
///
/// # Errors
/// [`EncoderError::UnknownWeights`] with a list of the tensors when no rule fits; [`EncoderError::Weights`] when one does,
/// but the network has a part that ours has not, or the file does not tell a choice.
pub fn recognize(file: &Checkpoint) -> Result<Published> {
    let mut found = atom_type::pretrain_gnn(file)?.or_else(|| atom_type::mol_clr(file));
    if found.is_none() {
        found = chemprop::d_mpnn(file)?.or_else(|| ogb_gin::gin(file));
    }
    found.ok_or_else(|| EncoderError::UnknownWeights {
        path: file.path().to_path_buf(),
        tensors: listing(file),
    })
}

/// Every tensor of a file, a line each: name, element type, shape.
pub fn listing(file: &Checkpoint) -> String {
    let width = file.entries().keys().map(String::len).max().unwrap_or(0);
    let mut lines = String::new();
    for (name, entry) in file.entries() {
        let _ = writeln!(
            lines,
            "{name:<width$}  {:<8} {:?}",
            entry.dtype, entry.shape
        );
    }
    lines
}

impl Published {
    /// What a configuration says that a file is. Its names may be those of the weights in the table, of TokenGT's own
    /// checkpoints, or ours.
    pub fn described(file: &Checkpoint, config: ModelConfig) -> Self {
        let head = config.head;
        let (names, scaler) = match &config.encoder {
            EncoderConfig::TokenGt(encoder) => (fairseq_token_gt(encoder, head.is_some()), None),
            EncoderConfig::Gin(_) => (molecule_sde_gin(), None),
            EncoderConfig::PretrainGnn(_) | EncoderConfig::MolClr(_) => {
                (atom_type_gnn(atom_type::prefix(file)), None)
            }
            EncoderConfig::DMpnn(encoder) => (
                chemprop::names(encoder.depth, head),
                chemprop::scaler(file, head),
            ),
        };
        Self {
            title: "weights that a configuration describes".to_string(),
            config,
            notes: Vec::new(),
            names,
            scaler,
        }
    }

    /// The model with the weights of the file, on the CPU in single precision.
    ///
    /// # Errors
    /// Lists missing, unexpected and mis-shaped tensors by name.
    pub fn load(&self, file: &Checkpoint) -> Result<(ParamStore, LoadReport)> {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        if self.config.head.is_some() {
            self.config.build_predictor(&store)?;
        } else {
            self.config.build_encoder(&store.root())?;
        }
        let options = LoadOptions::strict().with_names(self.names.clone());
        let options = options.may_miss(SCALER_PREFIX, "the targets are taken not to be scaled");
        let mut report = load_checkpoint(&store, file, &options)?;
        for (name, target) in self.scaler.iter().flatten().zip(["mean", "std"]) {
            let target = format!("{SCALER_PREFIX}.{target}");
            let buffer = store.buffer(&target);
            let buffer = buffer.expect("a model with targets has a scaler");
            let value = file.read(name)?.flatten_all()?.to_dtype(DType::F32)?;
            buffer.set(&value)?;
            report.ignored.retain(|(ignored, _)| ignored != name);
            report.kept.retain(|(kept, _)| *kept != target);
            report.loaded.push(target);
        }
        Ok((store, report))
    }
}

/// An error about weights that are recognised and cannot be used.
fn refuse<T>(file: &Checkpoint, reason: impl Into<String>) -> Result<T> {
    Err(EncoderError::Weights {
        path: file.path().to_path_buf(),
        reason: reason.into(),
    })
}

/// The dimensions of a matrix of the file.
fn matrix(file: &Checkpoint, name: &str) -> Option<[usize; 2]> {
    file.shape(name)?.try_into().ok()
}

/// How many layers `{list}.0`, `{list}.1`, ... the file has.
fn num_layers(file: &Checkpoint, list: &str) -> usize {
    let has = |layer: &usize| {
        let prefix = format!("{list}.{layer}.");
        file.entries().keys().any(|name| name.starts_with(&prefix))
    };
    (0..file.entries().len()).take_while(has).count()
}
