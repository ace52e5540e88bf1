//! The runs that are done: one line of JSON each, so that an evaluation goes on where it stopped.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::evaluation::share::{millionths, percent};
use crate::lock::FolderLock;

/// One run: a contender on a set, with a share of the training labels and a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name of the set.
    pub set: String,
    /// Name of the contender.
    pub contender: String,
    /// Share of the training part.
    pub share: f64,
    /// Seed.
    pub seed: u64,
    /// SHA-256 of everything that the run depends on: settings, table, model.
    pub settings: String,
    /// Training molecules.
    pub train: usize,
    /// What was chosen on the validation part: a learning rate or a penalty.
    pub choice: Option<f64>,
    /// The choices that were tried, with their validation scores; one, when the first seed's choice was taken over.
    pub tried: Vec<(f64, f64)>,
    /// Best validation score.
    pub valid: f64,
    /// Epoch of that score.
    pub best_epoch: Option<u64>,
    /// Scores on the test part.
    pub test: BTreeMap<String, f64>,
    /// Metrics without a value on the test part, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, String>,
    /// SHA-256 of the test predictions.
    pub predictions: String,
}

impl Entry {
    /// What tells runs apart.
    pub fn key(&self) -> Key {
        Key::new(&self.set, &self.contender, self.share, self.seed)
    }

    /// Share of the training part in per cent.
    pub fn percent(&self) -> f64 {
        percent(self.share)
    }

    /// The file of its predictions below the folder `predictions`.
    pub fn file_name(&self) -> String {
        self.key().file_name(&self.settings)
    }
}

/// What tells runs apart: set, contender, share in millionths, seed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String, String, u64, u64);

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(set, contender, millionths, seed) = self;
        let percent = *millionths as f64 / 1e4;
        write!(
            f,
            "{set}, {contender}, {percent} % of the labels, seed {seed}"
        )
    }
}

impl Key {
    /// The key of a run.
    pub fn new(set: &str, contender: &str, share: f64, seed: u64) -> Self {
        Self(
            set.to_string(),
            contender.to_string(),
            millionths(share),
            seed,
        )
    }

    /// The file of a run's predictions, under these settings (of which it has the first eight digits): letters, digits and
    /// blanks of the contender as they are (`-` for a blank), every other character as `_` and its code.
    pub(super) fn file_name(&self, settings: &str) -> String {
        let plain = |c: char| match c {
            ' ' => "-".to_string(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => format!("_{:x}", u32::from(c)),
        };
        let contender: String = self.1.chars().map(plain).collect();
        let settings = settings.get(..8).unwrap_or(settings);
        let Self(set, _, millionths, seed) = self;
        format!("{set}.{contender}.{millionths}.{seed}.{settings}.safetensors")
    }
}

/// The lines of all `runs*.jsonl` of a folder; new ones are appended to one of them. Runs of one key with other settings stand side by
/// side: which of them counts, the plan says.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Held for as long as runs may be added.
    _lock: FolderLock,
    entries: HashMap<(Key, String), Entry>,
}

impl Journal {
    /// Opens the journal of a folder, to add to it while nobody else does. `part` names this process's own file when several
    /// work on one plan.
    ///
    /// A last line that was cut by an interruption is dropped: its run is done again.
    ///
    /// # Errors
    /// When a file cannot be read, a whole line is no entry, or the own file is in use.
    pub fn claim(folder: &Path, part: Option<&str>) -> Result<Self> {
        let path = own_file(folder, part);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(TrainError::io(&path))?;
        let lock = FolderLock::default();
        if !lock.hold(&path) {
            return Err(TrainError::Folder {
                path,
                reason: "an evaluation is under way that writes it; wait for its end, or name another folder".into(),
            });
        }
        let text = fs::read(&path).map_err(TrainError::io(&path))?;
        let last = text.iter().rposition(|&byte| byte == b'\n');
        let whole = last.map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(TrainError::io(&path))?;
        Ok(Self {
            _lock: lock,
            ..Self::open(folder, part)?
        })
    }

    /// Opens the journal of a folder as it stands.
    ///
    /// # Errors
    /// When a file cannot be read or a whole line is no entry.
    pub fn open(folder: &Path, part: Option<&str>) -> Result<Self> {
        let path = own_file(folder, part);
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(TrainError::io(folder))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("runs") && name.ends_with(".jsonl")
            })
            .collect();
        files.sort();
        let mut entries = HashMap::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(TrainError::io(&file))?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for (number, line) in text[..whole].lines().enumerate() {
                let entry: Entry =
                    serde_json::from_str(line).map_err(|error| TrainError::Folder {
                        path: file.clone(),
                        reason: format!("line {}: {error}", number + 1),
                    })?;
                entries.insert((entry.key(), entry.settings.clone()), entry);
            }
        }
        Ok(Self {
            path,
            _lock: FolderLock::default(),
            entries,
        })
    }

    /// The run of a key, if it was done with these settings.
    pub fn done(&self, key: &Key, settings: &str) -> Option<&Entry> {
        self.entries.get(&(key.clone(), settings.to_string()))
    }

    /// All runs, in the order of their keys and settings.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(place, _)| *place);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Appends a run, and sees that it reaches the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, entry: Entry) -> Result<()> {
        let system = |error| TrainError::io(&self.path)(error);
        let mut line = serde_json::to_vec(&entry).map_err(|error| TrainError::Folder {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(system)?;
        file.write_all(&line)
            .and_then(|()| file.sync_data())
            .map_err(system)?;
        let place = (entry.key(), entry.settings.clone());
        self.entries.insert(place, entry);
        Ok(())
    }
}

fn own_file(folder: &Path, part: Option<&str>) -> PathBuf {
    folder.join(match part {
        Some(part) => format!("runs.{part}.jsonl"),
        None => "runs.jsonl".to_string(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(seed: u64, settings: &str) -> Entry {
        Entry {
            set: "esol".into(),
            contender: "from scratch".into(),
            share: 0.05,
            seed,
            settings: settings.into(),
            train: 45,
            choice: Some(1e-3),
            tried: vec![(1e-3, 0.7)],
            valid: 0.7,
            best_epoch: Some(3),
            test: BTreeMap::from([("mae".to_string(), 0.1 + 0.2)]),
            undefined: BTreeMap::new(),
            predictions: String::new(),
        }
    }

    #[test]
    fn no_two_runs_share_a_file() {
        let name = |contender: &str| Key::new("esol", contender, 1.0, 0).file_name("0123456789");
        assert_eq!(
            name("GIN D&D-Node"),
            "esol.GIN-D_26D_2dNode.1000000.0.01234567.safetensors"
        );
        for other in ["ECFP-", "ecfp+", "ECFP ", "ECFP_2b"] {
            assert_ne!(name("ECFP+"), name(other));
        }
    }

    #[test]
    fn runs_survive_and_a_cut_line_does_not() {
        let folder = std::env::temp_dir().join(format!("dd-train-journal-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let mut journal = Journal::claim(&folder, Some("1")).unwrap();
        journal.push(entry(0, "a")).unwrap();
        journal.push(entry(1, "a")).unwrap();
        let path = folder.join("runs.1.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 5]).unwrap();
        #[cfg(unix)]
        assert!(Journal::claim(&folder, Some("1")).is_err());
        drop(journal);
        let mut again = Journal::claim(&folder, Some("1")).unwrap();
        assert_eq!(again.entries(), [&entry(0, "a")]);
        again.push(entry(1, "b")).unwrap();
        let other = Journal::open(&folder, Some("2")).unwrap();
        assert_eq!(other.entries(), [&entry(0, "a"), &entry(1, "b")]);
        assert!(other.done(&entry(1, "").key(), "a").is_none());
        assert!(other.done(&entry(1, "").key(), "b").is_some());
        fs::remove_dir_all(&folder).unwrap();
    }
}
