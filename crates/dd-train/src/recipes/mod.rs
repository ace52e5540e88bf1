//! The three steps and the rival of the second, from a configuration to a folder.

pub(crate) mod account;
pub(crate) mod contrast;
pub(crate) mod distill;
pub(crate) mod finetune;
pub(crate) mod finetune_config;
pub(crate) mod pretrain;

use std::path::{Component, Path, PathBuf};

use candle_core::{DType, Device};
use dd_encoder2d::{EncoderConfig, ModelConfig};
use dd_graph::FeaturizerConfig;
use dd_kernels::rng::Key;
use dd_nn::ParamStore;
use serde::Serialize;
use serde_json::Value;

use crate::config::FitConfig;
use crate::digest::Content;
use crate::error::{Result, TrainError};
use crate::fit::Data;
use crate::identity::{Identity, first_difference};
use crate::source::{Source, Subset};

/// Cuts `valid` randomly drawn examples off a source. The rest, in the order of the source, is for training.
fn hold_out<T>(
    source: &dyn Source<Item = T>,
    valid: usize,
    seed: u64,
) -> Result<(Subset<'_, T>, Subset<'_, T>)> {
    if valid >= source.len() {
        return Err(TrainError::config(
            "valid",
            format!(
                "{valid} examples cannot be held out of {}: none would be left",
                source.len()
            ),
        ));
    }
    let order = Key::from_seed(seed)
        .named("hold out")
        .permutation(source.len());
    let (held, kept) = order.split_at(valid);
    let (mut held, mut kept) = (held.to_vec(), kept.to_vec());
    held.sort_unstable();
    kept.sort_unstable();
    Ok((Subset::new(source, kept)?, Subset::new(source, held)?))
}

/// Numbers of a network and its buffers that a run trains at most, 4 GiB of them: beyond it a slip of the configuration is
/// likelier than a network that any machine here could train, and memory would end the program without a word.
const MOST_PARAMETERS: usize = 1 << 30;

/// The store of a network that is to be trained.
fn empty_store(fit: &FitConfig, device: &Device) -> ParamStore {
    ParamStore::new(fit.seed, DType::F32, device).at_most(MOST_PARAMETERS)
}

/// What decides a run: its configuration and its examples.
fn identity<C: Serialize, T: Content>(config: &C, data: &Data<'_, T>) -> Result<Identity> {
    let identity = Identity::new(config)?.with_data("training data", data.train)?;
    match data.valid {
        Some(valid) => identity.with_data("validation data", valid),
        None => Ok(identity),
    }
}

/// What a run calls the network that it begins with.
const BEGINNING: &str = "model to begin with";

/// A path without the parts that say nothing, so that `./model/` and `model` are one setting of a run.
pub(crate) fn plain_path(path: &Path) -> PathBuf {
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

/// Refuses a network to begin with that is not the one which the configuration describes.
fn same_network(name: &Path, its: &Value, wanted: &Value) -> Result<()> {
    match first_difference("", its, wanted) {
        None => Ok(()),
        Some(difference) => Err(TrainError::config(
            "begin_with",
            format!("{} is another network: {difference}", name.display()),
        )),
    }
}

/// A student without head, as a model folder describes it.
fn student_model(encoder: &EncoderConfig, featurizer: &FeaturizerConfig) -> Result<ModelConfig> {
    let reads = encoder.featurizer();
    if reads.kind() != featurizer.kind() {
        return Err(TrainError::config(
            "featurizer",
            format!(
                "the student reads the features {}, the featurizer makes {}",
                reads.kind(),
                featurizer.kind()
            ),
        ));
    }
    let needed = encoder.laplacian_columns();
    if needed.is_some() && featurizer.laplacian() != needed {
        return Err(TrainError::config(
            "featurizer.laplacian",
            format!(
                "the student reads {} eigenvectors, the featurizer makes {}",
                needed.unwrap_or(0),
                featurizer.laplacian().unwrap_or(0)
            ),
        ));
    }
    Ok(ModelConfig {
        encoder: encoder.clone(),
        featurizer: featurizer.clone(),
        head: None,
        targets: Vec::new(),
    })
}
