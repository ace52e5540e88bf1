//! The three steps of the method and the rival of the second, as tasks for the one loop.

mod contrast;
mod denoise;
mod distill;
mod finetune;

pub(crate) use contrast::CONFORMER_PREFIX;
pub use contrast::Contrast;
pub use denoise::Denoise;
pub use distill::Distill;
pub use finetune::FineTune;
pub(crate) use finetune::{labels, score};
