//! What the training commands have in common: configuration, input, run folder, progress.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use dd_data::{Dataset, Example, Recipe, SkipReport, is_archive};
use dd_eval::readable;
use dd_train::{FitReport, RunFolder, Session, Start, from_toml, inputs, to_toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::{ConformerRun, DeviceKind};
use crate::failure::Failure;
use crate::output::answer;
use crate::progress::{Progress, say};

/// Where a run happens and who watches it.
pub(crate) struct Surroundings {
    folder: RunFolder,
    progress: Progress,
    device: Device,
}

impl Surroundings {
    /// The run folder, new or to be resumed, and the progress bar.
    pub(crate) fn new(
        folder: &Path,
        quiet: bool,
        stop_after: Option<u64>,
        device: Device,
    ) -> Result<Self, Failure> {
        let folder = RunFolder::open(folder, Start::Resume).map_err(Failure::misuse)?;
        Ok(Self {
            folder,
            progress: Progress::new(quiet, stop_after),
            device,
        })
    }

    /// Both, as the training functions want them.
    pub(crate) fn session(&mut self) -> Session<'_> {
        Session {
            folder: Some(&self.folder),
            device: &self.device,
            observer: &mut self.progress,
        }
    }
}

/// The device that the command line names.
pub(crate) fn device(kind: DeviceKind) -> Result<Device, Failure> {
    match kind {
        DeviceKind::Cpu => Ok(Device::Cpu),
        DeviceKind::Cuda => dd_kernels::open_gpu(0)
            .map_err(|error| Failure::misuse(format!("--device cuda: {error}"))),
    }
}

/// The configuration in a TOML file, or the preset.
pub(crate) fn config_or<T: DeserializeOwned>(
    path: Option<&Path>,
    preset: impl FnOnce() -> T,
) -> Result<T, Failure> {
    match path {
        Some(path) => config(path),
        None => Ok(preset()),
    }
}

/// The configuration in a TOML file.
pub(crate) fn config<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    from_toml(&read_text(path)?, &path.display().to_string()).map_err(Failure::misuse)
}

/// Prints the configuration of a run where nothing else is asked for.
pub(crate) fn printed<T: Serialize>(run: &ConformerRun, config: &T) -> Result<bool, Failure> {
    if run.print_config {
        answer(&to_toml(config).map_err(Failure::work)?)?;
    }
    Ok(run.print_config)
}

/// A file as text.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))
}

/// The examples of every file of conformers, numbered through. Says what was left out.
pub(crate) fn read_all(
    run: &ConformerRun,
    recipe: &Recipe,
    quiet: bool,
) -> Result<Vec<Example>, Failure> {
    let (archives, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        run.input.iter().partition(|path| is_archive(path));
    let table = match (archives.as_slice(), &run.smiles_table) {
        ([], None) => None,
        ([archive], Some(table)) => Some((*archive, table)),
        ([], Some(table)) => {
            return Err(Failure::misuse(format!(
                "{}: --smiles-table goes with an input that is a .tar.gz",
                table.display()
            )));
        }
        ([archive, ..], _) => {
            return Err(Failure::misuse(format!(
                "{}: an archive of geometries needs a --smiles-table of its own, and there can be one",
                archive.display()
            )));
        }
    };
    let datasets = files.iter().map(|path| inputs::open_conformers(path));
    let datasets: Vec<Arc<dyn Dataset>> = datasets
        .collect::<Result<_, _>>()
        .map_err(Failure::misuse)?;
    let (mut examples, skipped) =
        inputs::examples(&datasets, recipe, run.limit).map_err(Failure::misuse)?;
    report_skipped(&skipped, quiet);
    let Some((archive, table)) = table else {
        return Ok(examples);
    };
    let before: usize = datasets.iter().map(|dataset| dataset.len()).sum();
    let limit = run.limit.map(|limit| limit.saturating_sub(before));
    let paired = inputs::paired_examples(archive, table, &run.smiles_column, recipe, limit)
        .map_err(Failure::misuse)?;
    report_skipped(&paired.skipped, quiet);
    if !quiet {
        say(&paired.agreement.to_string());
    }
    let renumbered = paired.examples.into_iter();
    examples.extend(renumbered.map(|example| inputs::renumbered(example, before as u64)));
    Ok(examples)
}

/// The first number of the records of `--valid`: far beyond those of `--input`, whatever files there are.
const FIRST_VALID_RECORD: u64 = 1 << 40;

/// The examples of `--valid`.
pub(crate) fn read_valid(
    run: &ConformerRun,
    recipe: &Recipe,
    quiet: bool,
) -> Result<Option<Vec<Example>>, Failure> {
    let Some(path) = &run.valid else {
        return Ok(None);
    };
    let dataset = inputs::open_conformers(path).map_err(Failure::misuse)?;
    let (examples, skipped) =
        inputs::examples(&[dataset], recipe, None).map_err(Failure::misuse)?;
    report_skipped(&skipped, quiet);
    let renumbered = examples.into_iter();
    let renumbered = renumbered.map(|example| inputs::renumbered(example, FIRST_VALID_RECORD));
    Ok(Some(renumbered.collect()))
}

/// Says which rows were left out, and why.
pub(crate) fn report_skipped(skipped: &SkipReport, quiet: bool) {
    if quiet || skipped.total() == 0 {
        return;
    }
    for reason in skipped.first() {
        say(&format!("left out: {reason}"));
    }
    let (total, named) = (skipped.total(), skipped.first().len());
    let rest = match total - named as u64 {
        0 => String::new(),
        _ => format!("; the first {named} are named above"),
    };
    say(&format!("{total} rows left out{rest}"));
}

/// Says how a run ended.
pub(crate) fn finished(report: &FitReport, folder: &Path, quiet: bool) {
    if !quiet {
        let best = report.best.map_or(String::new(), |best| {
            format!(", best validation {}", readable(best.score, 4))
        });
        let kept = report.kept.filter(|_| report.kept != report.best);
        let kept = kept.map_or(String::new(), |kept| {
            format!(", kept {}", readable(kept.score, 4))
        });
        say(&format!(
            "{} steps ({:?}){best}{kept}: {}",
            report.step,
            report.reason,
            folder.display()
        ));
    }
}
