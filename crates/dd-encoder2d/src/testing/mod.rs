//! Checks of the encoder contract, for the encoders of this crate and for yours.
//!
//! ```no_run
//! use dd_encoder2d::testing::{EncoderCheck, check_encoder, sample_graphs};
//! use dd_encoder2d::{EncoderConfig, GinConfig};
//! let config = EncoderConfig::Gin(GinConfig { width: 16, num_layers: 2, dropout: 0.1 });
//! check_encoder(&EncoderCheck::new(&|params| config.build(params), &sample_graphs(0)))?;
//! # Ok::<(), dd_encoder2d::testing::CheckError>(())
//! ```

mod check;
mod graphs;

pub use check::{Build, CheckError, EncoderCheck, check_encoder};
pub use graphs::{SampleColumns, permuted, sample_graphs, sample_graphs_with};
