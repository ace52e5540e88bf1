//! Layers, seeded parameters and safetensors loading shared by all models.
//!
//! A model asks a [`Params`] tree for its parameters by the names of the original state dicts; the [`ParamStore`] behind
//! it creates them from (seed, name, shape), or takes them from a file, and hands them to the optimiser. Every layer is
//! differentiable on every path (several of candle's own are not) and draws its randomness from the [`Mode`] it is given.
//!
//! Use this crate to write a model. To use a ready model, take `dd-encoder2d` or `dd-denoiser3d`.
//!
//! ```
//! use candle_core::{DType, Device, Module, Tensor};
//! use dd_nn::{Init, Linear, ParamStore};
//!
//! let store = ParamStore::new(0, DType::F32, &Device::Cpu);
//! let layer = Linear::new(3, 2, Init::XavierUniform, &store.root().pp("head"))?;
//! assert_eq!(layer.forward(&Tensor::zeros((5, 3), DType::F32, &Device::Cpu)?)?.dims(), [5, 2]);
//! let names: Vec<String> = store.vars().into_iter().map(|(name, _)| name).collect();
//! assert_eq!(names, ["head.bias", "head.weight"]);
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! | Feature | Effect |
//! |---|---|
//! | `cuda`, `cudnn`, `metal` | tensors on the GPU |
//! | `mkl`, `accelerate` | matrix products by the vendor's library |

mod activation;
mod attention;
mod batch_norm;
mod bridge;
mod buffer;
mod checkpoint;
mod dropout;
mod error;
mod init;
mod layer;
mod mlp;
mod mode;
mod names;
mod params;
mod precision;
mod representation;
mod save;
mod store;
mod tensor_file;
mod weights;

pub use activation::Activation;
pub use attention::SelfAttention;
pub use batch_norm::BatchNorm;
pub use buffer::Buffer;
pub use checkpoint::{Checkpoint, CheckpointEntry};
pub use dropout::{branch_factors, drop_path, dropout};
pub use error::{NnError, Result};
pub use init::Init;
pub use layer::{LayerNorm, Linear};
pub use mlp::Mlp;
pub use mode::Mode;
pub use names::{Mapped, NameMap, is_below};
pub use params::Params;
pub use precision::Precision;
pub use representation::Representation;
pub use save::{Staged, save_tensors, stage_tensors, write_atomically};
pub use store::ParamStore;
pub use tensor_file::{TensorFile, TensorInfo};
pub use weights::{
    LoadOptions, LoadReport, MisShaped, NonFinite, load_checkpoint, load_file, load_safetensors,
    load_tensors,
};
