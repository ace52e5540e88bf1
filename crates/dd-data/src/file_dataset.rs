//! Data sets in files: tables of SMILES, tables of conformers, SD files.
//!
//! The rows are read once and kept as text; a molecule is made when it is asked for. Rows that cannot be read keep their
//! place, so that record `i` is data row `i`, and answer with the reason.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::SdfReader;
use dd_mol::{Molecule, smiles};

use crate::error::{DataError, Result, RowFault};
use crate::record::{Dataset, Record};
use crate::source::open;
use crate::survey::is_missing;
use crate::table::{TableReader, TableRow};
use crate::text::text;
use crate::xyz_table::XyzRow;

/// Which columns of a table are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Column with the molecule's name, if any.
    pub id: Option<String>,
    /// Columns with labels; an empty cell is a missing label.
    pub targets: Vec<String>,
}

/// A data set read from one file.
#[derive(Debug, Clone)]
pub struct FileDataset {
    path: PathBuf,
    target_names: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    id: String,
    content: std::result::Result<(Source, Vec<f64>), RowFault>,
}

#[derive(Debug, Clone)]
enum Source {
    Smiles(String),
    Xyz([String; 4]),
    Sdf(String),
}

impl FileDataset {
    /// A `.csv` or `.tsv` table with a column of SMILES.
    ///
    /// ```no_run
    /// use dd_data::{Columns, Dataset, FileDataset};
    /// let columns = Columns { id: None, targets: vec!["expt".into()] };
    /// let freesolv = FileDataset::smiles_table("freesolv.csv.gz".as_ref(), "smiles", &columns)?;
    /// let first = freesolv.get(0)?;
    /// # Ok::<(), dd_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column.
    pub fn smiles_table(path: &Path, smiles_column: &str, columns: &Columns) -> Result<Self> {
        Self::read_smiles_table(TableReader::open(path)?, path, smiles_column, columns)
    }

    /// A table with the columns of [`XyzRow`]: molecules with hydrogens and a conformer.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column.
    pub fn xyz_table(path: &Path, columns: &Columns) -> Result<Self> {
        Self::read_xyz_table(TableReader::open(path)?, path, columns)
    }

    /// An SD file, hydrogens kept; targets are data fields of the records.
    ///
    /// # Errors
    /// When the file cannot be opened, reading breaks off, or no record has a field of a target's name.
    pub fn sdf(path: &Path, targets: &[String]) -> Result<Self> {
        Self::read_sdf(open(path)?, path, targets)
    }

    pub(crate) fn read_smiles_table(
        table: TableReader,
        path: &Path,
        smiles_column: &str,
        columns: &Columns,
    ) -> Result<Self> {
        let smiles = table.column(smiles_column)?;
        Self::read(table, path, columns, |fields| {
            // Blanks around a SMILES occur in published tables (delaney-processed.csv) and mean nothing.
            Source::Smiles(fields[smiles].trim().to_string())
        })
    }

    pub(crate) fn read_xyz_table(
        table: TableReader,
        path: &Path,
        columns: &Columns,
    ) -> Result<Self> {
        let mut places = [0; 4];
        for (place, name) in places.iter_mut().zip(XyzRow::COLUMNS) {
            *place = table.column(name)?;
        }
        Self::read(table, path, columns, |fields| {
            Source::Xyz(places.map(|place| fields[place].clone()))
        })
    }

    fn read(
        table: TableReader,
        path: &Path,
        columns: &Columns,
        source: impl Fn(&[String]) -> Source,
    ) -> Result<Self> {
        let id = columns.id.as_deref().map(|name| table.column(name));
        let id = id.transpose()?;
        let places = columns.targets.iter().map(|name| table.column(name));
        let places = places.collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        for row in table {
            let TableRow { fields, .. } = row?;
            let name = match (&fields, id) {
                (Ok(fields), Some(id)) => fields[id].clone(),
                _ => String::new(),
            };
            let content = fields.and_then(|fields| {
                let labels = columns.targets.iter().zip(&places);
                let targets = labels.map(|(name, &place)| label(name, &fields[place]));
                Ok((
                    source(&fields),
                    targets.collect::<std::result::Result<_, _>>()?,
                ))
            });
            rows.push(Row { id: name, content });
        }
        Ok(Self {
            path: path.to_path_buf(),
            target_names: columns.targets.clone(),
            rows,
        })
    }

    /// Rows of SMILES and labels that were read elsewhere, broken ones in their places.
    pub(crate) fn of_smiles(
        path: &Path,
        target_names: Vec<String>,
        rows: Vec<std::result::Result<(String, Vec<f64>), RowFault>>,
    ) -> Self {
        let row = |row: std::result::Result<(String, Vec<f64>), RowFault>| Row {
            id: String::new(),
            content: row.map(|(text, labels)| (Source::Smiles(text), labels)),
        };
        Self {
            path: path.to_path_buf(),
            target_names,
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn read_sdf(reader: Box<dyn BufRead + Send>, path: &Path, targets: &[String]) -> Result<Self> {
        let reader = text(reader, path)?;
        let mut reader = SdfReader::new(reader, MolfileOptions::KEEP_HYDROGENS);
        let mut rows = Vec::new();
        while let Some(text) = reader.next_text() {
            let content = match text {
                Ok(text) => Ok((Source::Sdf(text), Vec::new())),
                Err(error) => match error.kind {
                    dd_mol::sdf::SdfErrorKind::Io(source) => {
                        return Err(DataError::file(path, source));
                    }
                    kind => Err(RowFault::new(kind.name(), kind.to_string())),
                },
            };
            let id = match &content {
                Ok((Source::Sdf(text), _)) => text.lines().next().unwrap_or("").trim().to_string(),
                _ => String::new(),
            };
            rows.push(Row { id, content });
        }
        let mut dataset = Self {
            path: path.to_path_buf(),
            target_names: Vec::new(),
            rows,
        };
        dataset.check_fields(targets)?;
        dataset.target_names = targets.to_vec();
        Ok(dataset)
    }

    /// Refuses targets that are a field of no record of an SD file.
    fn check_fields(&self, targets: &[String]) -> Result<()> {
        let mut unseen: Vec<&String> = targets.iter().collect();
        let mut fields = BTreeSet::new();
        for row in &self.rows {
            if unseen.is_empty() {
                return Ok(());
            }
            let Ok(record) = self.record(0, row) else {
                continue;
            };
            let names = record.molecule.properties().iter().map(|(name, _)| name);
            unseen.retain(|target| !names.clone().any(|name| name == *target));
            fields.extend(names.cloned());
        }
        match unseen.first() {
            Some(target) => Err(DataError::MissingColumn {
                path: self.path.clone(),
                column: (*target).clone(),
                available: fields.into_iter().collect(),
            }),
            None => Ok(()),
        }
    }

    /// The SMILES of a row as written, for tables of SMILES.
    pub fn smiles(&self, index: usize) -> Option<&str> {
        match &self.rows.get(index)?.content {
            Ok((Source::Smiles(text), _)) => Some(text),
            _ => None,
        }
    }

    fn record(&self, index: usize, row: &Row) -> std::result::Result<Record, RowFault> {
        let (source, targets) = row.content.as_ref().map_err(Clone::clone)?;
        let mut targets = targets.clone();
        let molecule = match source {
            Source::Smiles(text) => smiles::parse(text)?,
            Source::Xyz([symbols, xyz_angstrom, bonds, charges]) => {
                let row_of = XyzRow {
                    symbols,
                    xyz_angstrom,
                    bonds,
                    charges,
                };
                row_of.molecule(&row.id)?
            }
            Source::Sdf(text) => {
                let molecule = sdf_molecule(text)?;
                for name in &self.target_names {
                    let field = molecule.properties().iter().find(|(key, _)| key == name);
                    targets.push(label(name, field.map_or("", |(_, value)| value))?);
                }
                molecule
            }
        };
        if molecule.num_atoms() == 0 {
            return Err(RowFault::new("empty", "the molecule has no atoms"));
        }
        Ok(Record {
            molecule,
            targets,
            id: row.id.clone(),
            row: index as u64,
        })
    }
}

impl Dataset for FileDataset {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn target_names(&self) -> &[String] {
        &self.target_names
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn get(&self, index: usize) -> Result<Record> {
        let len = self.rows.len();
        let row = self.rows.get(index);
        let row = row.ok_or(DataError::NoSuchRecord { index, len })?;
        self.record(index, row).map_err(|fault| DataError::Row {
            path: self.path.clone(),
            row: index as u64,
            id: row.id.clone(),
            fault,
        })
    }
}

/// The molecule of one record of an SD file.
pub(crate) fn sdf_molecule(text: &str) -> std::result::Result<Molecule, RowFault> {
    let mut reader = SdfReader::new(text.as_bytes(), MolfileOptions::KEEP_HYDROGENS);
    match reader.next() {
        Some(Ok(molecule)) => Ok(molecule),
        Some(Err(error)) => Err(RowFault::new(error.kind.name(), error.kind.to_string())),
        None => Err(RowFault::new("empty", "the record is empty")),
    }
}

/// A label: a finite number, or a word for a missing one.
fn label(column: &str, text: &str) -> std::result::Result<f64, RowFault> {
    let text = text.trim();
    if is_missing(text) {
        return Ok(f64::NAN);
    }
    let value = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        RowFault::new(
            "label",
            format!("column {column:?}: expected a number, got {shown:?}"),
        )
    })
}
