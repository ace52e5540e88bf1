//! The three steps of the method, as tasks for the one loop.

mod denoise;
mod distill;
mod finetune;

pub use denoise::Denoise;
pub use distill::Distill;
pub use finetune::FineTune;
pub(crate) use finetune::{labels, score};
