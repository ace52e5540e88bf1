//! Files to what the three tasks learn from: conformers, pairs, labelled graphs.

use std::path::Path;
use std::sync::Arc;

use dd_data::{
    Columns, Dataset, Example, ExampleMaker, FileDataset, Format, OnError, PairReport,
    PairedArchive, Recipe, SkipReport, Split, Subset, featurize, scaffold_of,
};
use dd_graph::{FeaturizerConfig, OgbConfig, PointConfig};

use crate::error::{Result, TrainError};
use crate::examples::LabelledGraphs;
use crate::source::{Labelled, Source};

/// Opens a file of conformers: an SD file, or a table in the plain CSV layout of conformers.
///
/// # Errors
/// When the file cannot be read, or holds no bonds (`.xyz`) or no coordinates (`.smi`).
pub fn open_conformers(path: &Path) -> Result<Arc<dyn Dataset>> {
    let columns = Columns::default();
    match Format::of(path)? {
        Format::Sdf => Ok(Arc::new(FileDataset::sdf(path, &[])?)),
        Format::Csv | Format::Tsv => Ok(Arc::new(FileDataset::xyz_table(path, &columns)?)),
        _ => Err(TrainError::Folder {
            path: path.to_path_buf(),
            reason: "conformers with bonds are read from .sdf, .csv and .tsv".into(),
        }),
    }
}

/// Featurises the conformers of several data sets, at most `limit` records in all, numbered through.
///
/// # Errors
/// When a data set breaks off; rows that cannot be used are counted in the report.
pub fn examples(
    datasets: &[Arc<dyn Dataset>],
    recipe: &Recipe,
    limit: Option<usize>,
) -> Result<(Vec<Example>, SkipReport)> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let maker = ExampleMaker::new(recipe);
    let (mut all, mut report) = (Vec::new(), SkipReport::default());
    let mut first_record = 0;
    for dataset in datasets {
        let len = dataset
            .len()
            .min(limit.unwrap_or(usize::MAX).saturating_sub(first_record));
        let part = Arc::new(Subset::new(dataset.clone(), (0..len).collect())?);
        let (examples, skipped) = featurize(part, maker.clone(), workers, OnError::Report)?;
        all.extend(
            examples
                .into_iter()
                .map(|example| renumbered(example, first_record as u64)),
        );
        report.merge(skipped);
        first_record += len;
    }
    Ok((all, report))
}

/// What an archive of geometries with its table of SMILES gave.
#[derive(Debug, Default)]
pub struct PairedExamples {
    /// The examples, in the order of the table.
    pub examples: Vec<Example>,
    /// Rows and records that cannot be used.
    pub skipped: SkipReport,
    /// How well geometries and SMILES agree.
    pub agreement: PairReport,
}

/// Featurises the molecules of a table with the geometries of an archive, at most `limit` of them.
///
/// # Errors
/// When a file breaks off; rows and records that cannot be used are counted.
pub fn paired_examples(
    archive: &Path,
    table: &Path,
    smiles_column: &str,
    recipe: &Recipe,
    limit: Option<usize>,
) -> Result<PairedExamples> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let maker = ExampleMaker::new(recipe);
    let pairs = PairedArchive::open(archive, table, smiles_column, None)?;
    let mut items = pairs.map(workers, move |record| maker.make(&record));
    let mut found = PairedExamples::default();
    for item in items.by_ref().take(limit.unwrap_or(usize::MAX)) {
        match item {
            Ok(example) => found.examples.push(example),
            Err(error) => found.skipped.account(error, OnError::Report)?,
        }
    }
    found.skipped.log();
    found.agreement = items.report().clone();
    Ok(found)
}

/// The recipe of step 1.
pub fn denoise_recipe(points: &PointConfig) -> Recipe {
    Recipe {
        graph: None,
        points: Some(points.clone()),
    }
}

/// The recipe of step 2: student and teacher read the same molecule.
pub fn distill_recipe(graph: &OgbConfig, points: &PointConfig) -> Recipe {
    Recipe {
        graph: Some(graph.clone().into()),
        points: Some(points.clone()),
    }
}

/// A table of SMILES and labels, ready for fine-tuning.
pub struct LabelledTable {
    examples: Vec<Option<Labelled>>,
    /// Bemis-Murcko scaffold of each row, `None` for a row without a molecule.
    pub scaffolds: Vec<Option<String>>,
    /// Rows that cannot be used.
    pub skipped: SkipReport,
}

impl LabelledTable {
    /// Reads `smiles_column` and the label columns of a `.csv` or `.tsv` file.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column; rows that cannot be used are counted.
    pub fn read(
        path: &Path,
        smiles_column: &str,
        targets: &[String],
        graph: &FeaturizerConfig,
    ) -> Result<Self> {
        let columns = Columns {
            id: None,
            targets: targets.to_vec(),
        };
        let dataset: Arc<dyn Dataset> =
            Arc::new(FileDataset::smiles_table(path, smiles_column, &columns)?);
        Self::of(&dataset, graph)
    }

    /// The same for any data set.
    ///
    /// # Errors
    /// When the data set breaks off.
    pub fn of(dataset: &Arc<dyn Dataset>, graph: &FeaturizerConfig) -> Result<Self> {
        let recipe = Recipe {
            graph: Some(graph.clone()),
            points: None,
        };
        let (kept, mut skipped) = examples(std::slice::from_ref(dataset), &recipe, None)?;
        // In the order of the records; those that cannot be used are missing.
        let mut kept = kept.into_iter().peekable();
        let (mut labelled, mut scaffolds) = (Vec::new(), Vec::new());
        for index in 0..dataset.len() {
            let (mut one, mut scaffold) = (None, None);
            if let Ok(record) = dataset.get(index)
                && let Some(example) = kept.next_if(|example| example.row == record.row)
            {
                match scaffold_of(&record.molecule, false) {
                    Ok(found) => {
                        one = Some(LabelledGraphs(&vec![example]).get(0)?);
                        scaffold = Some(found);
                    }
                    Err(fault) => {
                        let reason = || format!("row {}: {}", record.row, fault.message);
                        skipped.count(fault.kind, reason);
                    }
                }
            }
            labelled.push(one);
            scaffolds.push(scaffold);
        }
        if let Some(lost) = kept.next() {
            return Err(TrainError::Record {
                index: lost.row as usize,
                reason: "the data set gave another record when it was read again".into(),
            });
        }
        Ok(Self {
            examples: labelled,
            scaffolds,
            skipped,
        })
    }

    /// Number of rows, the unusable ones among them.
    pub fn num_rows(&self) -> usize {
        self.examples.len()
    }

    /// The labels of one column, missing ones left out.
    pub fn labels(&self, column: usize) -> impl Iterator<Item = f32> + '_ {
        let values = self
            .examples
            .iter()
            .flatten()
            .filter_map(move |one| one.labels.get(column).copied());
        values.filter(|label| !label.is_nan())
    }

    /// The labels of a row, one for each column, NaN for a missing one; none for a row that cannot be used.
    pub fn labels_of(&self, row: usize) -> Option<&[f32]> {
        self.examples.get(row)?.as_ref().map(|one| &one.labels[..])
    }

    /// The usable rows among `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Vec<Labelled> {
        rows.iter()
            .filter_map(|&row| self.examples.get(row).cloned().flatten())
            .collect()
    }

    /// Train, valid and test of a split.
    pub fn parts(&self, split: &Split) -> [Vec<Labelled>; 3] {
        [&split.train, &split.valid, &split.test].map(|rows| self.select(rows))
    }
}

/// The example as record number `first` more than it is: examples of several files are numbered through.
pub fn renumbered(mut example: Example, first: u64) -> Example {
    if let Some(graph) = &mut example.graph {
        graph.record += first;
    }
    if let Some(cloud) = &mut example.cloud {
        cloud.record += first;
    }
    example
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dd_data::embedded;

    use super::*;

    #[test]
    fn a_part_of_a_data_set_is_numbered_by_itself() {
        let whole: Arc<dyn Dataset> =
            Arc::new(embedded::small_organics(&[embedded::GAP_EV]).unwrap());
        let features = FeaturizerConfig::Ogb(OgbConfig::smiles2graph());
        let part: Arc<dyn Dataset> = Arc::new(Subset::new(whole.clone(), vec![907, 3, 5]).unwrap());
        let table = LabelledTable::of(&part, &features).unwrap();
        let labels: Vec<f32> = table.labels(0).collect();
        for (place, row) in [907, 3, 5].into_iter().enumerate() {
            let record = whole.get(row).unwrap();
            assert_eq!(labels[place], record.targets[0] as f32);
            let scaffold = scaffold_of(&record.molecule, false).unwrap();
            assert_eq!(table.scaffolds[place].as_ref(), Some(&scaffold));
        }
    }
}
