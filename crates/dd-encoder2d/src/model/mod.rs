//! Models on disk: `config.json`, `model.safetensors`, `README.md`.

mod config;
mod embed;
mod folder;
mod shipped;

pub use config::ModelConfig;
pub use embed::{BATCH_TOKENS, Embedding, Encoder, RowError, RowErrorKind};
pub use folder::{ModelFolder, models_folder, save_model};
