//! The folder of a run: `config.json` and `model.safetensors` for whoever uses the model, and beside them
//! `checkpoint.safetensors`, `identity.json`, `config.resolved.toml` and `metrics.jsonl` for whoever trains it further.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use dd_nn::{TensorFile, write_atomically};
use serde::Serialize;

use crate::error::{Result, TrainError};
use crate::identity::Identity;
use crate::lock::FolderLock;
use crate::property::CHOICES;
use crate::state::State;

/// Name of the model's weights.
pub const MODEL_FILE: &str = "model.safetensors";
/// Name of the model's description.
pub const CONFIG_FILE: &str = "config.json";
/// All that a run needs to go on, in one file: it is that of one step or of the other, wherever a run was ended.
const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// Key under which it has the state, as JSON.
const STATE_KEY: &str = "state";
const RESOLVED_FILE: &str = "config.resolved.toml";
const IDENTITY_FILE: &str = "identity.json";
pub(crate) const METRICS_FILE: &str = "metrics.jsonl";
/// Key under which the model has the step.
const STEP_KEY: &str = "step";

/// Whether a run begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It begins; the folder must not hold one.
    New,
    /// It goes on from the folder's checkpoint, or begins when there is none.
    Resume,
}

/// A folder in which a run leaves its files.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    lock: FolderLock,
}

/// Where a run stands, and its tensors.
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

impl RunFolder {
    /// Creates the folder where it is absent.
    ///
    /// # Errors
    /// When it cannot be created, or `start` is [`Start::New`] and it holds a run or one is under way in it.
    pub fn open(path: impl AsRef<Path>, start: Start) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(TrainError::io(path))?;
        let folder = Self {
            path: path.to_path_buf(),
            lock: FolderLock::default(),
        };
        if start == Start::New {
            if let Some(state) = folder.state()? {
                return Err(TrainError::Occupied {
                    path: folder.path,
                    step: state.step,
                });
            }
            folder.hold()?;
            // Lines of a run that never reached a checkpoint.
            folder.truncate_metrics(0)?;
        }
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder for a run, before anything of the run is written: a folder with a checkpoint or a model of another
    /// run, or with a model that no run has left there, or in which a run is under way, stays as it is.
    ///
    /// # Errors
    /// [`TrainError::Resume`] names the first setting or input that differs from those of the run that is there.
    pub(crate) fn claim(&self, identity: &Identity) -> Result<()> {
        let path = self.path.join(IDENTITY_FILE);
        let refuse = |reason: String| TrainError::Resume {
            path: self.path.clone(),
            reason,
        };
        self.hold()?;
        let there = |name: &str| self.path.join(name).exists();
        let is_begun = self.state()?.is_some();
        if !is_begun {
            if there(CHOICES) {
                return Err(refuse(
                    "it holds the models of `dnd finetune`; name another folder".into(),
                ));
            }
            if !there(IDENTITY_FILE) && (there(MODEL_FILE) || there(CONFIG_FILE)) {
                return Err(refuse(
                    "it holds a model and no run; name another folder, or remove it".into(),
                ));
            }
        }
        if is_begun || there(MODEL_FILE) {
            let text = fs::read_to_string(&path).map_err(|error| {
                refuse(format!("it holds a run without {IDENTITY_FILE}: {error}"))
            })?;
            let before = serde_json::from_str(&text)
                .map_err(|error| refuse(format!("{IDENTITY_FILE}: {error}")))?;
            if let Some(difference) = identity.difference(&before) {
                return Err(refuse(format!(
                    "it holds another run: {difference}; name another folder, or remove it"
                )));
            }
        }
        self.sweep();
        if is_begun {
            return Ok(());
        }
        write_json(&path, identity)
    }

    /// Takes the folder for the models of several seeds, each in a folder of its own.
    pub(crate) fn hold_for_models(&self) -> Result<()> {
        self.hold()?;
        if self.path.join(CONFIG_FILE).exists() || self.path.join(MODEL_FILE).exists() {
            return Err(TrainError::Folder {
                path: self.path.clone(),
                reason: "it holds a model; name another folder".into(),
            });
        }
        Ok(())
    }

    /// Keeps other runs out for as long as this folder or a clone of it is there.
    fn hold(&self) -> Result<()> {
        if self.lock.hold(&self.path) {
            return Ok(());
        }
        Err(TrainError::Folder {
            path: self.path.clone(),
            reason: "a run is under way in it; wait for its end, or name another folder".into(),
        })
    }

    /// Removes what runs that were killed had begun to write.
    fn sweep(&self) {
        let ours = [
            MODEL_FILE,
            CHECKPOINT_FILE,
            CONFIG_FILE,
            RESOLVED_FILE,
            IDENTITY_FILE,
        ];
        let begun = |name: &str| {
            let rest = ours.iter().find_map(|file| name.strip_prefix(file));
            rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".tmp"))
        };
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for file in files.filter(|file| file.file_name().to_str().is_some_and(begun)) {
            // One that stays does no harm.
            let _ = fs::remove_file(file.path());
        }
    }

    /// Writes `config.resolved.toml`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_resolved<T: Serialize>(&self, config: &T) -> Result<()> {
        let text = crate::config::to_toml(config)?;
        let file = self.path.join(RESOLVED_FILE);
        Ok(write_atomically(file, |out| {
            out.write_all(text.as_bytes())
        })?)
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_config<T: Serialize>(&self, config: &T) -> Result<()> {
        write_json(&self.path.join(CONFIG_FILE), config)
    }

    /// Writes `config.json` from its text.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_config_text(&self, text: &str) -> Result<()> {
        let file = self.path.join(CONFIG_FILE);
        Ok(write_atomically(file, |out| {
            out.write_all(text.as_bytes())
        })?)
    }

    /// Writes the model alone: what the folder gives to others once the run is over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_model(&self, model: &BTreeMap<String, Tensor>, step: u64) -> Result<()> {
        let file = self.path.join(MODEL_FILE);
        Ok(dd_nn::save_tensors(file, model, &step_text(step))?)
    }

    /// Writes a checkpoint, atomically, after the lines that it knows of.
    pub(crate) fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let metrics = self.path.join(METRICS_FILE);
        if metrics.exists() {
            let file = OpenOptions::new().append(true).open(&metrics);
            file.and_then(|file| file.sync_data())
                .map_err(TrainError::io(&metrics))?;
        }
        let path = self.path.join(CHECKPOINT_FILE);
        let state = compact(&path, &checkpoint.state)?;
        let metadata = [(STATE_KEY.to_string(), state)].into();
        Ok(dd_nn::save_tensors(path, &checkpoint.tensors, &metadata)?)
    }

    /// The checkpoint, when there is one.
    pub(crate) fn load(&self) -> Result<Option<Checkpoint>> {
        let Some((state, file)) = self.checkpoint()? else {
            return Ok(None);
        };
        let read = |name: &String| Ok((name.clone(), file.read(name, &Device::Cpu)?));
        let tensors = file.entries().keys().map(read).collect::<Result<_>>()?;
        Ok(Some(Checkpoint { state, tensors }))
    }

    /// Appends a line to `metrics.jsonl` and returns the length of the file.
    pub(crate) fn log<T: Serialize>(&self, line: &T) -> Result<u64> {
        let path = self.path.join(METRICS_FILE);
        let mut text = compact(&path, line)?;
        text.push('\n');
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(TrainError::io(&path))?;
        file.write_all(text.as_bytes())
            .map_err(TrainError::io(&path))?;
        Ok(file.metadata().map_err(TrainError::io(&path))?.len())
    }

    /// Cuts `metrics.jsonl` to the length that it had at a checkpoint.
    pub(crate) fn truncate_metrics(&self, length: u64) -> Result<()> {
        let path = self.path.join(METRICS_FILE);
        if !path.exists() && length == 0 {
            return Ok(());
        }
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(TrainError::io(&path))?;
        let present = file.metadata().map_err(TrainError::io(&path))?.len();
        if present < length {
            return Err(TrainError::Resume {
                path: self.path.clone(),
                reason: format!(
                    "{METRICS_FILE} has {present} bytes, the checkpoint knows of {length}"
                ),
            });
        }
        file.set_len(length).map_err(TrainError::io(&path))
    }

    fn state(&self) -> Result<Option<State>> {
        Ok(self.checkpoint()?.map(|(state, _)| state))
    }

    /// The checkpoint's state and its tensors, yet to be read.
    fn checkpoint(&self) -> Result<Option<(State, TensorFile)>> {
        let path = self.path.join(CHECKPOINT_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let file = TensorFile::open(&path)?;
        let text = file.metadata().get(STATE_KEY).map_or("", String::as_str);
        match serde_json::from_str(text) {
            Ok(state) => Ok(Some((state, file))),
            Err(error) => Err(TrainError::Resume {
                path,
                reason: format!("its state: {error}"),
            }),
        }
    }
}

/// Refuses a folder that holds a run, for a model to be written to.
///
/// # Errors
/// When it does.
pub fn no_run(folder: &Path) -> Result<()> {
    let is_run = [IDENTITY_FILE, CHECKPOINT_FILE, CHOICES]
        .iter()
        .any(|name| folder.join(name).exists());
    if is_run {
        return Err(TrainError::Folder {
            path: folder.to_path_buf(),
            reason: "it holds a run; name another folder".into(),
        });
    }
    Ok(())
}

/// Refuses a folder that holds another model than that of a configuration, as JSON: its weights would be lost, and its card
/// would stand beside others.
///
/// # Errors
/// When it does.
pub fn no_other_model(folder: &Path, config: &str) -> Result<()> {
    let path = folder.join(CONFIG_FILE);
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(());
    };
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (parsed(&text), parsed(config)) {
        (Some(there), Some(config)) if there == config => Ok(()),
        _ => Err(TrainError::Folder {
            path: folder.to_path_buf(),
            reason: "it holds another model; name another folder".into(),
        }),
    }
}

/// Writes a value as indented JSON, atomically.
///
/// # Errors
/// When the value is no JSON or the file cannot be written.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = json(path, value)?;
    Ok(write_atomically(path, |out| {
        out.write_all(text.as_bytes())
    })?)
}

fn json<T: Serialize>(path: &Path, value: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| not_json(path, &error))
}

fn compact<T: Serialize>(path: &Path, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| not_json(path, &error))
}

fn not_json(path: &Path, error: &serde_json::Error) -> TrainError {
    TrainError::Folder {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}

fn step_text(step: u64) -> BTreeMap<String, String> {
    BTreeMap::from([(STEP_KEY.into(), step.to_string())])
}
