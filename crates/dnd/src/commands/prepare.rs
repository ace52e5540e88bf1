//! `dnd data prepare`: many files of conformers to one corpus.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use dd_data::{Columns, Corpus, CorpusConfig, Dataset, FileDataset, MoleculeSet, write_conformers};
use dd_train::{FolderLock, inputs, write_json};
use serde::Serialize;

use crate::cli::Prepare;
use crate::commands::training::report_skipped;
use crate::failure::{Failure, Outcome};
use crate::output::{create_folder, not_an_input};
use crate::progress::{Count, say};

/// Says what a corpus was made from; written last.
const DESCRIPTION: &str = "corpus.json";

/// `corpus.json`: where the corpus comes from.
#[derive(Serialize)]
struct Description<'a> {
    inputs: Vec<String>,
    excluded_tables: Vec<String>,
    config: CorpusConfig,
    train: usize,
    valid: usize,
    report: &'a dd_data::CorpusReport,
}

/// Chooses the records and writes both parts.
pub(crate) fn run(arguments: &Prepare, quiet: bool) -> Outcome {
    let columns = Columns::default();
    let mut excluded = MoleculeSet::default();
    for path in &arguments.exclude {
        let table = FileDataset::smiles_table(path, &arguments.smiles_column, &columns);
        let table: Arc<dyn Dataset> = Arc::new(table.map_err(Failure::misuse)?);
        report_skipped(&excluded.extend(&table).map_err(Failure::misuse)?, quiet);
    }
    let datasets = arguments
        .input
        .iter()
        .map(|path| inputs::open_conformers(path));
    let datasets: Vec<Arc<dyn Dataset>> = datasets
        .collect::<Result<_, _>>()
        .map_err(Failure::misuse)?;
    let folder = &arguments.output;
    for name in ["train.csv.gz", "valid.csv.gz"] {
        let inputs = arguments.input.iter().chain(&arguments.exclude);
        not_an_input(&folder.join(name), inputs.map(PathBuf::as_path))?;
    }
    let config = CorpusConfig {
        hold_out: arguments.hold_out,
        seed: arguments.seed,
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let corpus = Corpus::select(&datasets, &excluded, config, workers).map_err(Failure::misuse)?;
    if !quiet {
        let named = &corpus.report.first_unreadable;
        named
            .iter()
            .for_each(|reason| say(&format!("left out: {reason}")));
    }
    if corpus.train.is_empty() && corpus.valid.is_empty() {
        return Err(Failure::misuse("no record is left for the corpus"));
    }
    create_folder(folder)?;
    let lock = FolderLock::default();
    if !lock.hold(folder) {
        let reason = "another corpus is being written there; wait for its end";
        return Err(Failure::misuse(format!("{}: {reason}", folder.display())));
    }
    // What an earlier corpus left must not be taken for a part of this one, wherever this run is ended.
    for name in [DESCRIPTION, "train.csv.gz", "valid.csv.gz"] {
        let path = folder.join(name);
        if path.exists() {
            std::fs::remove_file(&path)
                .map_err(|error| Failure::work(format!("{}: {error}", path.display())))?;
        }
    }
    for (name, records) in [("train", &corpus.train), ("valid", &corpus.valid)] {
        let count = Count::new(name, records.len(), quiet);
        let path = folder.join(format!("{name}.csv.gz"));
        write_conformers(&datasets, records, &path, |done| count.at(done))
            .map_err(Failure::work)?;
    }
    let description = Description {
        inputs: arguments.input.iter().map(|path| file_name(path)).collect(),
        excluded_tables: arguments
            .exclude
            .iter()
            .map(|path| file_name(path))
            .collect(),
        config,
        train: corpus.train.len(),
        valid: corpus.valid.len(),
        report: &corpus.report,
    };
    write_json(&folder.join(DESCRIPTION), &description).map_err(Failure::work)?;
    if !quiet {
        let report = &corpus.report;
        say(&format!(
            "{} for training, {} held out; left out: {} on the lists, {} repeated, {} unreadable",
            corpus.train.len(),
            corpus.valid.len(),
            report.excluded,
            report.repeated,
            report.unreadable.values().sum::<u64>()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
