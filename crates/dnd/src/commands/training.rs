//! What the training commands have in common: configuration, input, run folder, progress.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use dd_data::{Dataset, SkipReport};
use dd_train::{FitReport, RunFolder, Session, Start, from_toml, inputs};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::progress::{Progress, say};

/// Where a run happens and who watches it.
pub(crate) struct Surroundings {
    folder: RunFolder,
    progress: Progress,
}

impl Surroundings {
    /// The run folder, new or to be resumed, and the progress bar.
    pub(crate) fn new(
        folder: &Path,
        quiet: bool,
        stop_after: Option<u64>,
    ) -> Result<Self, Failure> {
        let folder = RunFolder::open(folder, Start::Resume).map_err(Failure::misuse)?;
        Ok(Self {
            folder,
            progress: Progress::new(quiet, stop_after),
        })
    }

    /// Both, as the training functions want them.
    pub(crate) fn session(&mut self) -> Session<'_> {
        Session {
            folder: Some(&self.folder),
            device: &Device::Cpu,
            observer: &mut self.progress,
        }
    }
}

/// The configuration in a TOML file, or the preset.
pub(crate) fn config_or<T: DeserializeOwned>(
    path: Option<&Path>,
    preset: impl FnOnce() -> T,
) -> Result<T, Failure> {
    let Some(path) = path else {
        return Ok(preset());
    };
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::misuse(format!("{origin}: {error}")))?;
    from_toml(&text, &origin).map_err(Failure::misuse)
}

/// Opens every file of conformers.
pub(crate) fn open_all(paths: &[PathBuf]) -> Result<Vec<Arc<dyn Dataset>>, Failure> {
    paths
        .iter()
        .map(|path| inputs::open_conformers(path))
        .collect::<Result<_, _>>()
        .map_err(Failure::misuse)
}

/// Says which rows were left out, and why.
pub(crate) fn report_skipped(skipped: &SkipReport, quiet: bool) {
    if quiet || skipped.total() == 0 {
        return;
    }
    for reason in &skipped.first {
        say(&format!("left out: {reason}"));
    }
    say(&format!("{} rows left out", skipped.total()));
}

/// Says how a run ended.
pub(crate) fn finished(report: &FitReport, folder: &Path, quiet: bool) {
    if !quiet {
        let best = report.best.map_or(String::new(), |best| {
            format!(", best validation {:.4}", best.score)
        });
        say(&format!(
            "{} steps ({:?}){best}: {}",
            report.step,
            report.reason,
            folder.display()
        ));
    }
}
