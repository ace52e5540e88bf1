//! The folder of a pre-trained teacher.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device};
use dd_denoiser3d::{EquivariantTransformer, EtConfig, GaussianNoise};
use dd_graph::PointConfig;
use dd_nn::{
    Checkpoint, LoadOptions, LoadReport, NameMap, ParamStore, TensorFile, load_checkpoint,
    load_file, save_tensors,
};
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::folder::{CONFIG_FILE, MODEL_FILE, write_json};

/// `config.json` of a teacher's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// Version of this format: 1.
    pub schema: u32,
    /// The kind of network.
    pub architecture: TeacherArchitecture,
    /// Its sizes.
    pub denoiser: EtConfig,
    /// Which atoms it was shown.
    pub points: PointConfig,
    /// The noise that it learned to see.
    pub noise: GaussianNoise,
}

/// Kinds of networks that a teacher's folder can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherArchitecture {
    /// [`EquivariantTransformer`].
    EquivariantTransformer,
}

/// A teacher ready to teach: its parameters are outside the graph of gradients.
#[derive(Debug)]
pub struct Teacher {
    /// The network.
    pub network: EquivariantTransformer,
    /// What it is and what it saw.
    pub config: TeacherConfig,
    /// Its parameters.
    pub store: ParamStore,
}

impl TeacherConfig {
    /// The description of a network of this crate's kind.
    pub fn new(denoiser: EtConfig, points: PointConfig, noise: GaussianNoise) -> Self {
        Self {
            schema: 1,
            architecture: TeacherArchitecture::EquivariantTransformer,
            denoiser,
            points,
            noise,
        }
    }

    /// Whether the text of a `config.json` is meant for a teacher: it has a `denoiser`.
    pub fn is_meant_by(text: &str) -> bool {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        value.get("denoiser").is_some()
    }
}

impl Teacher {
    /// Reads a run folder of [`pretrain`](crate::pretrain()), a folder of converted weights, or a teacher that ships with the
    /// program, by its name in [`dd_models::MODELS`].
    ///
    /// # Errors
    /// When a file is absent or malformed, or the weights do not fit the description.
    pub fn load(name_or_path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let (config, file) = open(name_or_path.as_ref())?;
        let store = ParamStore::new(0, DType::F32, device)
            .frozen()
            .at_most(file.most_parameters());
        let network = EquivariantTransformer::new(&config.denoiser, &store.root())?;
        fill(&store, &file)?;
        Ok(Self {
            network,
            config,
            store,
        })
    }

    /// The description of a teacher, found as by [`Teacher::load`].
    ///
    /// # Errors
    /// When a file is absent or malformed.
    pub fn config_of(name_or_path: impl AsRef<Path>) -> Result<TeacherConfig> {
        Ok(open(name_or_path.as_ref())?.0)
    }

    /// Gives the parameters of `store`, those of a network that `config` describes, the values of a teacher's.
    pub(crate) fn copy_to(store: &ParamStore, name: &Path) -> Result<()> {
        fill(store, &open(name)?.1)
    }
}

/// The description and the tensors of a teacher.
fn open(folder: &Path) -> Result<(TeacherConfig, TensorFile)> {
    let path = folder.join(CONFIG_FILE);
    let (text, file) = match (folder.exists(), shipped(folder)) {
        (false, Some(model)) => (
            model.config.to_string(),
            TensorFile::embedded(model.name, model.weights)?,
        ),
        (false, None) => {
            let reason = match folder.to_str().and_then(dd_models::find) {
                Some(_) => "it is a student; a teacher reads geometries, as et-128 does",
                None => "there is no such folder, and no teacher of this name ships; et-128 does",
            };
            return Err(TrainError::Folder {
                path: folder.to_path_buf(),
                reason: reason.into(),
            });
        }
        (true, _) => (
            fs::read_to_string(&path).map_err(TrainError::io(&path))?,
            TensorFile::open(folder.join(MODEL_FILE))?,
        ),
    };
    let fault = |reason: String| TrainError::Folder {
        path: path.clone(),
        reason,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    if !TeacherConfig::is_meant_by(&text) {
        return Err(fault(
            "it describes no teacher, which reads geometries".into(),
        ));
    }
    let config: TeacherConfig =
        serde_json::from_value(value).map_err(|error| fault(error.to_string()))?;
    if config.schema != 1 {
        return Err(fault(format!("expected schema 1, got {}", config.schema)));
    }
    Ok((config, file))
}

/// Gives the parameters of a network the values of a file.
fn fill(store: &ParamStore, file: &TensorFile) -> Result<()> {
    let names = NameMap::identity().ignore("pos_normalizer", "statistics of the noise");
    load_file(store, file, &LoadOptions::strict().with_names(names))?;
    Ok(())
}

impl Teacher {
    /// Makes a teacher's folder of a checkpoint of TorchMD-NET: strictly, but for the statistics of the noise.
    ///
    /// # Errors
    /// When the configuration describes no network, the tensors do not fit it, or the folder cannot be written.
    pub fn convert(config: &TeacherConfig, file: &Checkpoint, output: &Path) -> Result<LoadReport> {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        EquivariantTransformer::new(&config.denoiser, &store.root())?;
        let names = dd_denoiser3d::names::checkpoint(&config.denoiser)
            .ignore("pos_normalizer", "statistics of the noise");
        let report = load_checkpoint(&store, file, &LoadOptions::strict().with_names(names))?;
        fs::create_dir_all(output).map_err(TrainError::io(output))?;
        save_tensors(output.join(MODEL_FILE), &store.tensors(), &BTreeMap::new())?;
        write_json(&output.join(CONFIG_FILE), config)?;
        Ok(report)
    }
}

/// The teacher of this name among the models that ship.
fn shipped(name: &Path) -> Option<&'static dd_models::Model> {
    let model = dd_models::find(name.to_str()?)?;
    (model.kind == dd_models::Kind::Teacher).then_some(model)
}
