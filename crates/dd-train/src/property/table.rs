//! A table of molecules and labels, read and divided.

use std::collections::BTreeMap;
use std::path::Path;

use dd_data::{
    CountedRows, Dataset, FileDataset, Fractions, LabelColumn, LabelKind, Split, Survey,
};
use dd_encoder2d::{Target, TargetKind};
use dd_graph::{Featurizer, MolGraph};
use dd_mol::{Molecule, smiles};
use ndarray::Array2;
use rayon::prelude::*;

use crate::error::{Result, TrainError};
use crate::source::Labelled;

/// Share of the training rows that are held out for validation when a split column names none.
const DRAWN_FOR_VALIDATION: f64 = 0.1;

/// A row that can be learned from.
#[derive(Debug, Clone)]
pub struct PropertyRow {
    /// Graph and labels.
    pub example: Labelled,
    /// SMILES as written in the table.
    pub smiles: String,
    /// The same for all spellings of a molecule.
    pub canonical: String,
    scaffold: String,
}

/// A row that cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its number, from 0.
    pub row: usize,
    /// What its SMILES cell says; empty for a row without cells.
    pub smiles: String,
    /// Short stable name of the kind of fault.
    pub kind: String,
    /// What is wrong.
    pub reason: String,
}

/// The table.
#[derive(Debug, Clone)]
pub struct PropertyTable {
    num_targets: usize,
    rows: Vec<Option<PropertyRow>>,
    /// Rows that cannot be used, in order.
    pub rejected: Vec<Rejected>,
    /// Rows with a molecule, but without any label.
    pub unlabelled: usize,
}

/// How rows become the three parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Division {
    /// Whole scaffolds, the largest groups first.
    Scaffold(Fractions),
    /// At random, by seed.
    Random(Fractions, u64),
    /// As a column says: `train`, `valid`, `test`.
    Column(String),
}

/// The targets of label columns; `asked` overrules what their values say.
///
/// # Errors
/// Columns of other numbers than 0 and 1, asked to be binary.
pub(super) fn targets(
    columns: &[LabelColumn],
    asked: Option<TargetKind>,
    path: &Path,
) -> Result<Vec<Target>> {
    let target = |column: &LabelColumn| {
        let found = match column.kind {
            LabelKind::Numbers => TargetKind::Regression,
            LabelKind::ZeroOne | LabelKind::Words => TargetKind::Binary,
        };
        if (asked, found) == (Some(TargetKind::Binary), TargetKind::Regression) {
            return Err(TrainError::Table {
                path: path.to_path_buf(),
                reason: format!(
                    "column {:?} has labels other than 0 and 1: it is no binary target",
                    column.name
                ),
            });
        }
        Ok(Target {
            name: column.name.clone(),
            kind: asked.unwrap_or(found),
            unit: None,
        })
    };
    columns.iter().map(target).collect()
}

impl PropertyTable {
    /// Reads molecules, labels and scaffolds of a survey's table.
    ///
    /// # Errors
    /// When a column is not there. Rows that cannot be used are listed.
    pub fn read(
        survey: &Survey,
        smiles_column: &str,
        labels: &[LabelColumn],
        featurizer: &dyn Featurizer<Output = MolGraph>,
    ) -> Result<Self> {
        let dataset = survey.dataset(smiles_column, labels)?;
        let place = survey.column(smiles_column)?;
        let read = |row: usize| row_of(&dataset, row, featurizer);
        let read: Vec<_> = (0..survey.num_rows()).into_par_iter().map(read).collect();
        let mut table = Self {
            num_targets: labels.len(),
            rows: Vec::with_capacity(read.len()),
            rejected: Vec::new(),
            unlabelled: 0,
        };
        for (row, outcome) in read.into_iter().enumerate() {
            table.rows.push(match outcome {
                Ok(found) if found.example.labels.iter().all(|label| label.is_nan()) => {
                    table.unlabelled += 1;
                    None
                }
                Ok(found) => Some(found),
                Err((kind, message)) => {
                    // The lines after the first draw a caret under the fault.
                    let reason = message.lines().next().unwrap_or_default();
                    table.rejected.push(Rejected {
                        row,
                        smiles: survey.cell(row, place).unwrap_or_default().to_string(),
                        kind,
                        reason: reason.to_string(),
                    });
                    None
                }
            });
        }
        Ok(table)
    }

    /// Rows that can be used.
    pub fn usable(&self) -> Vec<usize> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(row, found)| found.as_ref().map(|_| row))
            .collect()
    }

    /// A usable row.
    pub fn row(&self, row: usize) -> Option<&PropertyRow> {
        self.rows.get(row)?.as_ref()
    }

    /// The examples of rows.
    pub fn examples(&self, rows: &[usize]) -> Vec<Labelled> {
        let found = rows.iter().filter_map(|&row| self.row(row));
        found.map(|found| found.example.clone()).collect()
    }

    /// Labels of rows, `[R, T]`, `NaN` where there is none.
    pub fn labels(&self, rows: &[usize]) -> Array2<f64> {
        let found: Vec<_> = rows.iter().filter_map(|&row| self.row(row)).collect();
        Array2::from_shape_fn((found.len(), self.num_targets), |(row, target)| {
            f64::from(found[row].example.labels[target])
        })
    }

    /// The molecules of rows.
    ///
    /// # Errors
    /// When one cannot be read, which it could before.
    pub fn molecules(&self, rows: &[usize]) -> Result<Vec<Molecule>> {
        let parse = |row: &usize| {
            let found = self.row(*row).map_or("", |found| found.smiles.as_str());
            smiles::parse(found).map_err(|error| TrainError::Record {
                index: *row,
                reason: error.to_string(),
            })
        };
        rows.par_iter().map(parse).collect()
    }

    /// Divides the usable rows. The second value says what was drawn, where a split column left something open.
    ///
    /// # Errors
    /// A column that is not there, or a cell of it that names no part.
    pub fn divide(&self, survey: &Survey, division: &Division) -> Result<(Split, Option<String>)> {
        let usable = self.usable();
        match division {
            Division::Scaffold(fractions) => {
                let of_row =
                    |row: &Option<PropertyRow>| row.as_ref().map(|row| row.scaffold.clone());
                let scaffolds: Vec<Option<String>> = self.rows.iter().map(of_row).collect();
                let split = Split::by_scaffold(&scaffolds, *fractions, CountedRows::Readable);
                Ok((split, None))
            }
            Division::Random(fractions, seed) => {
                let places = Split::random(usable.len(), *fractions, *seed);
                let rows = |part: Vec<usize>| part.into_iter().map(|at| usable[at]).collect();
                let split = Split {
                    train: rows(places.train),
                    valid: rows(places.valid),
                    test: rows(places.test),
                };
                Ok((split, None))
            }
            Division::Column(name) => by_column(survey, name, &usable),
        }
    }

    /// Molecules that are in more than one of the parts, whatever their spelling.
    pub fn shared_molecules(&self, split: &Split) -> usize {
        let mut parts: BTreeMap<&str, u8> = BTreeMap::new();
        for (bit, part) in [&split.train, &split.valid, &split.test]
            .into_iter()
            .enumerate()
        {
            for found in part.iter().filter_map(|&row| self.row(row)) {
                *parts.entry(&found.canonical).or_default() |= 1 << bit;
            }
        }
        parts.values().filter(|seen| seen.count_ones() > 1).count()
    }
}

fn row_of(
    dataset: &FileDataset,
    row: usize,
    featurizer: &dyn Featurizer<Output = MolGraph>,
) -> std::result::Result<PropertyRow, (String, String)> {
    let record = dataset.get(row).map_err(|error| match error {
        dd_data::DataError::Row { fault, .. } => (fault.kind.to_string(), fault.message),
        other => (other.kind().to_string(), other.to_string()),
    })?;
    let molecule = &record.molecule;
    let features = featurizer.featurize(molecule);
    let mut graph = features.map_err(|error| ("features".to_string(), error.to_string()))?;
    graph.record = record.row;
    let labels = dataset.target_names().iter().zip(&record.targets);
    let labels = labels.map(|(name, &label)| single(name, label));
    let labels = labels.collect::<std::result::Result<_, _>>()?;
    let scaffold = dd_data::scaffold_of(molecule, false);
    Ok(PropertyRow {
        example: Labelled { graph, labels },
        smiles: dataset.smiles(row).unwrap_or_default().to_string(),
        canonical: smiles::write(molecule),
        scaffold: scaffold.map_err(|fault| (fault.kind.to_string(), fault.message))?,
    })
}

/// A label in the precision that models are trained in.
fn single(name: &str, label: f64) -> std::result::Result<f32, (String, String)> {
    let single = label as f32;
    if single.is_infinite() {
        let reason = format!("column {name:?}: {label:e} is beyond single precision");
        return Err(("label".to_string(), reason));
    }
    if single.is_subnormal() || (single == 0.0 && label != 0.0) {
        let reason = format!(
            "column {name:?}: {label:e} is too small for single precision: use another unit"
        );
        return Err(("label".to_string(), reason));
    }
    Ok(single)
}

fn by_column(survey: &Survey, name: &str, usable: &[usize]) -> Result<(Split, Option<String>)> {
    let place = survey.column(name)?;
    let mut split = Split {
        train: Vec::new(),
        valid: Vec::new(),
        test: Vec::new(),
    };
    for &row in usable {
        let word = survey.cell(row, place).unwrap_or_default();
        let part = match word.to_ascii_lowercase().as_str() {
            "train" | "training" => &mut split.train,
            "valid" | "validation" | "val" | "dev" => &mut split.valid,
            "test" | "testing" => &mut split.test,
            _ => {
                return Err(TrainError::Table {
                    path: survey.path().to_path_buf(),
                    reason: format!(
                        "row {row}, column {name:?}: expected train, valid or test, got {word:?}"
                    ),
                });
            }
        };
        part.push(row);
    }
    if !split.valid.is_empty() {
        return Ok((split, None));
    }
    let fractions = [1.0 - DRAWN_FOR_VALIDATION, DRAWN_FOR_VALIDATION, 0.0];
    let fractions = Fractions::try_from(fractions).expect("they are positive and sum to 1");
    let drawn = Split::random(split.train.len(), fractions, 0);
    let rows = |part: &[usize]| part.iter().map(|&at| split.train[at]).collect();
    let (train, valid) = (rows(&drawn.train), rows(&drawn.valid));
    let note = "the column names no row for validation: a tenth of the training rows was drawn";
    let split = Split {
        train,
        valid,
        test: split.test,
    };
    Ok((split, Some(note.to_string())))
}
