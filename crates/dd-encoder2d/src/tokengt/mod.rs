//! TokenGT: a plain transformer over node and edge tokens (Kim et al., "Pure transformers are powerful graph learners",
//! NeurIPS 2022; `jw9730/tokengt` bb76758, `large-scale-regression/tokengt`).

pub(crate) mod config;
mod identifiers;
mod layer;
mod model;
mod tokenizer;

pub use config::{NodeIdentifiers, NormPlacement, Readout, TokenGtConfig};
pub use identifiers::draw_identifiers;
pub use model::TokenGt;
pub(crate) use tokenizer::INIT;
