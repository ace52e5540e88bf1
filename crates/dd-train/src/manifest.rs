//! What was asked of a run over the rows of a file, kept beside its output: a repeated job sees that it is done.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use dd_encoder2d::ModelFolder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::answer::Summary;
use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::folder::{CONFIG_FILE, MODEL_FILE, write_json};
use crate::property::run_folder;

/// All that decides what the output of [`answer_rows`](crate::answer_rows()) holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowTask {
    /// What is done with the rows: `embed` or `predict`.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// The input file as given.
    pub input: PathBuf,
    /// Its size in bytes.
    pub input_bytes: u64,
    /// When it was last changed, in nanoseconds after 1970.
    pub input_changed: u64,
    /// The model as given.
    pub model: PathBuf,
    /// SHA-256 of its files.
    pub model_sha256: String,
    /// Part of the rows, `I/N`.
    pub shard: String,
    /// The other choices, as text.
    pub options: Vec<String>,
}

impl RowTask {
    /// Reads size and time of the input, and the model's files.
    ///
    /// # Errors
    /// When the input or the model cannot be read.
    pub fn new(
        command: &str,
        (input, shard): (&Path, &str),
        model: &Path,
        options: Vec<String>,
    ) -> Result<Self> {
        let (input_bytes, input_changed) = version_of(input)?;
        Ok(Self {
            command: command.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            input: input.to_path_buf(),
            input_bytes,
            input_changed,
            model: model.to_path_buf(),
            model_sha256: fingerprint(model)?,
            shard: shard.to_string(),
            options,
        })
    }
}

/// Files that decide what a model or a run folder says.
const MODEL_FILES: [&str; 5] = [
    CONFIG_FILE,
    MODEL_FILE,
    "uncertainty.json",
    "applicability.json",
    "applicability.safetensors",
];

/// SHA-256 of the files of a model that decide what it says, a run folder's models among them.
pub(crate) fn fingerprint(model: &Path) -> Result<String> {
    let model = &run_folder(model);
    let mut digest = Sha256::new();
    if !model.is_dir() {
        let shipped = ModelFolder::open(model)?;
        digest.update(shipped.config_text());
        digest.update(shipped.weights()?);
        return Ok(hex(&digest.finalize()));
    }
    let mut files = Vec::new();
    for path in entries(model)? {
        let name = path.file_name().and_then(|name| name.to_str());
        if path.is_dir() && name.is_some_and(|name| name.starts_with("seed-")) {
            files.extend(entries(&path)?);
        } else {
            files.push(path);
        }
    }
    files.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| MODEL_FILES.contains(&name)) && path.is_file()
    });
    files.sort();
    for path in files {
        let bytes = std::fs::read(&path).map_err(TrainError::io(&path))?;
        // The length keeps files apart whose ends and beginnings could be exchanged.
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
    }
    Ok(hex(&digest.finalize()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(TrainError::io(folder))?;
    read.map(|entry| Ok(entry.map_err(TrainError::io(folder))?.path()))
        .collect()
}

/// `OUTPUT.manifest.json`: a finished task and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What was asked.
    pub task: RowTask,
    /// How many rows there were.
    pub summary: Summary,
    /// Size of the output.
    pub output_bytes: u64,
    /// When it was last changed, in nanoseconds after 1970: another run's output may have the same size.
    #[serde(default)]
    pub output_changed: u64,
}

impl Manifest {
    /// The summary of `output`, if it is there, whole, and was made by exactly this task.
    ///
    /// # Errors
    /// When there is a manifest that cannot be read.
    pub fn of_done(task: &RowTask, output: &Path) -> Result<Option<Summary>> {
        let path = manifest_path(output);
        if !output.is_file() || !path.is_file() {
            return Ok(None);
        }
        let failures = beside(output, ".errors.jsonl");
        let is_array = output
            .extension()
            .is_some_and(|extension| extension == "npy");
        let text = std::fs::read_to_string(&path).map_err(TrainError::io(&path))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| TrainError::Folder {
            path,
            reason: error.to_string(),
        })?;
        // An array has no place for the reasons of rows that failed: they are in a file of their own.
        let is_whole = !is_array || manifest.summary.failed == 0 || failures.is_file();
        let (bytes, changed) = version_of(output)?;
        let is_same = manifest.output_bytes == bytes && manifest.output_changed == changed;
        let is_done = is_whole && is_same && manifest.task == *task;
        Ok(is_done.then_some(manifest.summary))
    }

    /// Writes it beside the finished output.
    ///
    /// # Errors
    /// When there is no output, or the disk does not take it.
    pub fn write(task: RowTask, summary: Summary, output: &Path) -> Result<()> {
        let (output_bytes, output_changed) = version_of(output)?;
        let manifest = Self {
            task,
            summary,
            output_bytes,
            output_changed,
        };
        write_json(&manifest_path(output), &manifest)
    }
}

/// Size of a file, and when it was last changed.
fn version_of(file: &Path) -> Result<(u64, u64)> {
    let about = std::fs::metadata(file).map_err(TrainError::io(file))?;
    let changed = about.modified().map_err(TrainError::io(file))?;
    let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((about.len(), changed.as_nanos() as u64))
}

fn manifest_path(output: &Path) -> PathBuf {
    beside(output, ".manifest.json")
}

fn beside(output: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(output);
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_model_folder_besides_does_not_change_the_model() -> Result<()> {
        let name = format!("dd-train-fingerprint-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let member = folder.join("seed-0");
        let write = |path: &Path, text: &str| {
            std::fs::create_dir_all(path.parent().expect("a folder"))
                .map_err(TrainError::io(path))?;
            std::fs::write(path, text).map_err(TrainError::io(path))
        };
        write(&member.join(CONFIG_FILE), "{}")?;
        write(&member.join(MODEL_FILE), "weights")?;
        let before = fingerprint(&folder)?;
        write(&folder.join("predictions.csv.manifest.json"), "{}")?;
        write(&folder.join("another-run").join(MODEL_FILE), "weights")?;
        assert_eq!(fingerprint(&folder)?, before);
        write(&member.join(MODEL_FILE), "others")?;
        assert_ne!(fingerprint(&folder)?, before);
        std::fs::remove_dir_all(&folder).map_err(TrainError::io(&folder))
    }
}
