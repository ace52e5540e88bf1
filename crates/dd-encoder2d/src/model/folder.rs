//! Finding, reading and writing model folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dd_nn::{LoadOptions, LoadReport, ParamStore, Staged, TensorFile, load_file, stage_tensors};

use super::config::{CONFIG, ModelConfig};
use super::shipped;
use crate::error::{EncoderError, Result};
use crate::names::{ENCODER_PREFIX, HEAD_PREFIX, SCALER_PREFIX, encoder_of_folder};

/// What is said of a teacher where a student is wanted.
const TEACHER: &str =
    "a teacher, which reads geometries: distil a student from it (`dnd distill --teacher`)";
const WEIGHTS: &str = "model.safetensors";
const CARD: &str = "README.md";
/// Longest configuration that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Variable that names the folder of installed models.
const MODELS_VARIABLE: &str = "DND_MODELS";

/// A model whose configuration has been read: a folder, or one that ships with the program.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    path: PathBuf,
    text: String,
    config: ModelConfig,
    embedded: Option<&'static [u8]>,
}

impl ModelFolder {
    /// Opens a folder by its path, or a model by its name: a folder below `$DND_MODELS`, or below `dnd/models` in the
    /// user's cache, or, with the feature `pretrained`, a model of the crate `dd-models`.
    ///
    /// # Errors
    /// When there is no such model (the message says where was looked, and which models ship), or its configuration is
    /// absent or wrong.
    pub fn open(name_or_path: impl AsRef<Path>) -> Result<Self> {
        let name = name_or_path.as_ref();
        let candidates: Vec<PathBuf> = std::iter::once(name.to_path_buf())
            .chain(models_folder().map(|models| models.join(name)))
            .collect();
        let found = candidates.iter().find(|path| path.join(CONFIG).is_file());
        let (path, text, embedded) = match (found, shipped::student(name)) {
            (Some(path), _) => (path.clone(), read_text(&path.join(CONFIG))?, None),
            (None, Some((text, weights))) => (name.to_path_buf(), text.to_string(), Some(weights)),
            (None, None) => {
                if let Some(reason) = another_kind(name) {
                    return Err(EncoderError::NotOneModel {
                        name: name.display().to_string(),
                        reason,
                    });
                }
                let looked = candidates
                    .iter()
                    .map(|path| path.join(CONFIG).display().to_string());
                return Err(EncoderError::NoModel {
                    name: name.display().to_string(),
                    looked: looked
                        .chain(shipped::names())
                        .collect::<Vec<_>>()
                        .join(", "),
                });
            }
        };
        if is_teacher(&text) {
            return Err(EncoderError::NotOneModel {
                name: path.display().to_string(),
                reason: TEACHER.to_string(),
            });
        }
        Ok(Self {
            config: ModelConfig::from_json(&text)
                .map_err(|error| error.in_file(&path.join(CONFIG)))?,
            path,
            text,
            embedded,
        })
    }

    /// Where it is; the name of a model that ships with the program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its configuration as text.
    pub fn config_text(&self) -> &str {
        &self.text
    }

    /// The bytes of its weights.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn weights(&self) -> Result<Cow<'static, [u8]>> {
        match self.embedded {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => {
                let path = self.path.join(WEIGHTS);
                let read = std::fs::read(&path);
                Ok(Cow::Owned(
                    read.map_err(|source| EncoderError::Io { path, source })?,
                ))
            }
        }
    }

    /// Its tensors.
    ///
    /// # Errors
    /// When the file is absent or damaged.
    pub fn tensors(&self) -> Result<TensorFile> {
        Ok(match self.embedded {
            Some(bytes) => TensorFile::embedded(&self.path.display().to_string(), bytes)?,
            None => TensorFile::open(self.path.join(WEIGHTS))?,
        })
    }

    /// What it holds.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Loads every parameter and buffer of `store`, strictly: build the whole model on it first.
    ///
    /// # Errors
    /// Lists missing, unexpected and mis-shaped tensors by name; refuses files that are damaged.
    pub fn load(&self, store: &ParamStore) -> Result<LoadReport> {
        self.load_with(store, &LoadOptions::strict())
    }

    /// The same for the encoder alone, passing over head and scaler.
    ///
    /// # Errors
    /// As [`ModelFolder::load`].
    pub fn load_encoder(&self, store: &ParamStore) -> Result<LoadReport> {
        let options = LoadOptions::strict().with_names(encoder_of_folder());
        self.load_with(store, &options)
    }

    fn load_with(&self, store: &ParamStore, options: &LoadOptions) -> Result<LoadReport> {
        Ok(load_file(store, &self.tensors()?, options)?)
    }
}

/// Writes a model folder: the encoder, head and scaler of `store` (nothing else), the configuration, and a model card.
///
/// All files are written before the first of them takes its name, the configuration last: a folder that opens is complete,
/// and a write that fails leaves the model that was there. The card of a model that was there goes with it.
///
/// # Errors
/// When the store lacks a parameter of the model that `config` describes, or has it in another shape; when the folder cannot
/// be written to.
pub fn save_model(
    folder: impl AsRef<Path>,
    config: &ModelConfig,
    store: &ParamStore,
    card: Option<&str>,
) -> Result<()> {
    let folder = folder.as_ref();
    check_whole(config, store)?;
    std::fs::create_dir_all(folder).map_err(|source| EncoderError::Io {
        path: folder.to_path_buf(),
        source,
    })?;
    let belongs = |name: &str| {
        let first = name.split('.').next().unwrap_or_default();
        [ENCODER_PREFIX, HEAD_PREFIX, SCALER_PREFIX].contains(&first)
    };
    let mut tensors = store.tensors();
    tensors.retain(|name, _| belongs(name));
    let stage = |name: &str, text: &str| {
        Staged::write(folder.join(name), |out: &mut dyn Write| {
            out.write_all(text.as_bytes())
        })
    };
    let weights = stage_tensors(folder.join(WEIGHTS), &tensors, &BTreeMap::new())?;
    let card = card.map(|card| stage(CARD, card)).transpose()?;
    let config = stage(CONFIG, &config.to_json()?)?;
    weights.commit()?;
    match card {
        Some(card) => card.commit()?,
        None if folder.join(CONFIG).is_file() => remove_if_there(&folder.join(CARD))?,
        None => {}
    }
    Ok(config.commit()?)
}

/// Refuses a store that does not hold the model.
fn check_whole(config: &ModelConfig, store: &ParamStore) -> Result<()> {
    let expected = ParamStore::new(0, DType::F32, &Device::Cpu);
    if config.head.is_some() {
        config.build_predictor(&expected)?;
    } else {
        config.build_encoder(&expected.root())?;
    }
    let there = store.tensors();
    for (name, tensor) in expected.tensors() {
        let found = there.get(&name).map(Tensor::dims);
        if found == Some(tensor.dims()) {
            continue;
        }
        let expected = tensor.dims();
        return Err(EncoderError::ModelConfig {
            path: CONFIG.into(),
            reason: match found {
                None => format!(
                    "the store has no {name} {expected:?}: build the network below `{ENCODER_PREFIX}`"
                ),
                Some(found) => format!(
                    "{name} is {expected:?} by the configuration, and {found:?} in the store"
                ),
            },
        });
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(EncoderError::Io {
            path: path.to_path_buf(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Where models are looked for by name: `$DND_MODELS`, or `dnd/models` in the user's cache.
pub fn models_folder() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    folder(MODELS_VARIABLE)
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("dnd/models")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/dnd/models")))
}

/// What a name stands for that is no model of this crate.
fn another_kind(name: &Path) -> Option<String> {
    if shipped::is_teacher(name) {
        return Some(TEACHER.to_string());
    }
    let entries = std::fs::read_dir(name)
        .ok()?
        .filter_map(std::result::Result::ok);
    let models = entries.filter(|entry| entry.path().join(CONFIG).is_file());
    let mut models: Vec<String> = models
        .map(|entry| entry.path().display().to_string())
        .collect();
    models.sort();
    let several = || {
        format!(
            "a folder with the models {}: name one of them",
            models.join(", ")
        )
    };
    (!models.is_empty()).then(several)
}

/// Whether a `config.json` is that of a 3D network.
fn is_teacher(text: &str) -> bool {
    let fields: Option<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text).ok();
    fields.is_some_and(|fields| fields.contains_key("denoiser"))
}

fn read_text(path: &Path) -> Result<String> {
    let io = |source| EncoderError::Io {
        path: path.to_path_buf(),
        source,
    };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut text = String::new();
    let read = file.take(MAX_CONFIG_BYTES + 1).read_to_string(&mut text);
    if read.map_err(io)? as u64 > MAX_CONFIG_BYTES {
        return Err(EncoderError::ModelConfig {
            path: path.to_path_buf(),
            reason: format!("longer than {MAX_CONFIG_BYTES} bytes"),
        });
    }
    Ok(text)
}
