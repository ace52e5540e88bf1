//! The blocks of Rust in the documents, as doctests: each compiles, and runs unless it is marked `no_run`.
//!
//! The tests of the program look that no document with such a block is missing here.

/// The front page.
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// What the chemistry does and why.
#[doc = include_str!("../../docs/CHEMISTRY.md")]
pub struct Chemistry;

/// Published weights.
#[doc = include_str!("../../docs/how-to/convert.md")]
pub struct Convert;

/// The models that ship.
#[doc = include_str!("../../docs/how-to/use-a-pretrained-model.md")]
pub struct UseAPretrainedModel;

/// Encoders of one's own.
#[doc = include_str!("../../docs/how-to/add-an-encoder.md")]
pub struct AddAnEncoder;
