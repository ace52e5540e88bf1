//! Networks from 2D molecular graphs to representations: TokenGT, GIN, the graph networks of `pretrain-gnns`, MolCLR and
//! chemprop, pretrained students.
//!
//! [`Encoder2d`] is the one trait: a batch of graphs in, a vector for every node and every graph out. [`TokenGt`],
//! [`Gin`], [`PretrainGnn`], [`MolClr`] and [`DMpnn`] implement it; an own encoder is one type that does
//! (`docs/how-to/add-an-encoder.md`), checked by
//! [`testing::check_encoder`]. [`Predictor`] adds a head and a scaler. [`Encoder`] is what another project needs: it loads
//! a model folder and embeds SMILES. [`published`] recognises the weights of others and makes model folders of them.
//!
//! Use this crate to embed molecules, or to train an encoder of molecular graphs with your own loop. The ready loop and
//! the tasks are in `dd-train`; the losses of distillation in `dd-distill`.
//!
//! ```
//! use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig, TokenGtConfig};
//!
//! let config = ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64()));
//! let encoder = Encoder::untrained(&config, 0)?; // or Encoder::from_pretrained("path/to/model")?
//! let rows = encoder.embed_smiles(&["CCO", "c1ccccc", "C"]);
//! let ethanol = rows[0].as_ref().unwrap();
//! assert_eq!((ethanol.graph.len(), ethanol.atoms.dim()), (64, (3, 64)));
//! assert!(rows[1].is_err() && rows[2].is_ok()); // the ring is never closed
//! # Ok::<(), dd_encoder2d::EncoderError>(())
//! ```
//!
//! | Feature | Effect |
//! |---|---|
//! | `pretrained` | the models of `dd-models` are part of the program: `Encoder::from_pretrained("gin-128-node")` |
//! | `cuda`, `cudnn`, `metal` | tensors on the GPU |
//! | `mkl`, `accelerate` | matrix products by the vendor's library |

mod columns;
mod config;
pub mod d_mpnn;
mod dropout;
mod encoder;
mod error;
pub mod gin;
pub mod head;
mod model;
pub mod mol_clr;
pub mod names;
mod observer;
pub mod pretrain_gnn;
pub mod published;
pub mod testing;
pub mod tokengt;

pub use candle_core::{self, DType, Device, Tensor};
pub use config::EncoderConfig;
pub use d_mpnn::{DMpnn, DMpnnConfig};
pub use dd_graph::{AtomOrder, Featurizer, FeaturizerConfig, GraphBatch, MolGraph};
pub use dd_nn::{LoadReport, Mode, ParamStore, Params, Precision, Representation};
pub use encoder::Encoder2d;
pub use error::{EncoderError, Result};
pub use gin::{Gin, GinConfig};
pub use head::{
    Head, HeadConfig, Predictor, RegressionLoss, Target, TargetKind, TargetScaler, target_loss,
    weighted_target_loss,
};
pub use model::{
    BATCH_TOKENS, Embedding, Encoder, ModelConfig, ModelFolder, RowError, RowErrorKind,
    models_folder, save_model,
};
pub use mol_clr::{MolClr, MolClrConfig};
pub use ndarray;
pub use observer::{Blind, Observer, Recorder};
pub use pretrain_gnn::{PretrainGnn, PretrainGnnConfig};
pub use tokengt::{TokenGt, TokenGtConfig};
