//! Differentiable gather, segment and attention operations on packed batches.
//!
//! All molecules of a batch stand one after another in one tensor, without padding. [`Segments`] says which rows belong
//! together, [`RowIndex`] which rows a message reads or writes; both are validated once, when a batch is built.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use dd_kernels::{RowIndex, Segments, gather, scatter_sum, segment_mean};
//!
//! // Two molecules: atoms 0-1 with a bond, atom 2 alone. One round of message passing, then a mean per molecule.
//! let atoms = Tensor::new(&[[1.0_f32], [2.0], [5.0]], &Device::Cpu)?;
//! let source = RowIndex::new(vec![0, 1], 3, &Device::Cpu)?;
//! let target = RowIndex::new(vec![1, 0], 3, &Device::Cpu)?;
//! let molecules = Segments::from_lengths(&[2, 1], &Device::Cpu)?;
//! let received = scatter_sum(&gather(&atoms, &source)?, &target)?;
//! let pooled = segment_mean(&(atoms + received)?, &molecules)?;
//! assert_eq!(pooled.to_vec2::<f32>()?, [[3.0], [5.0]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Operation | Purpose |
//! |---|---|
//! | [`gather`], [`scatter_sum`] | nodes to edges, edges to nodes |
//! | [`segment_sum`], [`segment_mean`], [`segment_max`] | nodes to graphs |
//! | [`segment_softmax`], [`segment_attention`] | attention inside a graph |
//! | [`dense()`], [`dropout()`], [`batch_norm()`] | rows to rows |
//! | [`gin_message()`] | the graph isomorphism network's sum over neighbours, fused |
//! | [`attention_block()`], [`feed_forward_block()`] | the two halves of a pre-norm transformer layer, fused |
//! | [`filtered_sum()`], [`et_message()`], [`et_update()`], [`et_layer()`] | the equivariant transformer's sums over neighbours, its updates, and all of a layer, fused |
//! | [`embedding_sum`] | categorical features to vectors |
//! | [`layer_norm`], [`gelu`], [`silu`], [`safe_norm`] | what candle cannot differentiate, or only slowly |
//!
//! # Promises
//!
//! *Gradients*: every operation has its own backward pass, checked against finite differences in double precision.
//! *Determinism*: every reduction runs in a fixed order; the same input gives the same bits for any number of threads.
//! *Layouts*: any; tensors that are not contiguous are copied first.
//! *Numbers*: `f32` and `f64` on the CPU, and with the feature `cuda` also `bf16` on a GPU, run the kernels here. Other
//! types and devices run [`mod@reference`], the same operation in candle's own, which is also what the kernels are tested
//! against. The CUDA kernels have not yet run on a GPU, only in an emulator (`docs/GPU.md`).
//!
//! Use this crate where batches are packed. Padded batches with masks are better served by candle's own operations.

#![allow(
    clippy::inline_always,
    reason = "a function gets the vector instructions of its caller only when it is inlined there"
)]

mod activation;
mod attention;
mod batch_norm;
mod check;
mod cpu;
mod cuda;
mod dense;
mod dropout;
mod eigen;
mod embedding_sum;
mod error;
mod et_fields;
mod et_layer;
mod et_message;
mod et_update;
mod filtered_sum;
mod gather;
mod gelu;
mod gin_message;
mod layer_norm;
mod machine;
mod operation;
mod optimizer;
mod real;
pub mod reference;
pub mod rng;
mod row_index;
mod safe_norm;
mod scatter_sum;
mod segment_max;
mod segment_softmax;
mod segment_sum;
mod segments;
mod silu;
pub mod testing;
mod transformer;

pub use attention::{AttentionDropout, attention_scores, attention_weights, segment_attention};
pub use batch_norm::{BatchNormInputs, batch_moments, batch_norm};
pub use dense::{MatmulPrecision, dense, dense_in};
pub use dropout::{RowDropout, dropout};
pub use eigen::{Spectrum, SymmetricMatrix};
pub use embedding_sum::embedding_sum;
pub use error::{KernelError, Result};
pub use et_fields::EtFields;
pub use et_layer::{EtLayer, et_layer};
pub use et_message::{EtEdges, EtMessageInputs, FilterGrid, RadialFilter, et_message};
pub use et_update::et_update;
pub use filtered_sum::{FilteredEdges, filtered_sum};
pub use gather::gather;
pub use gelu::gelu;
pub use gin_message::{GinEdges, gin_message};
pub use layer_norm::layer_norm;
pub use machine::{Machine, open_gpu};
pub use optimizer::{AdamStep, Lerp, LerpSquare};
pub use row_index::RowIndex;
pub use safe_norm::safe_norm;
pub use scatter_sum::scatter_sum;
pub use segment_max::segment_max;
pub use segment_softmax::segment_softmax;
pub use segment_sum::{segment_mean, segment_sum};
pub use segments::Segments;
pub use silu::silu;
pub use transformer::{
    AttentionBlock, DenseWeights, FeedForwardBlock, NORM_EPSILON, NormWeights, Readers,
    attention_block, feed_forward_block,
};
