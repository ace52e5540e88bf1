//! A table that nobody described: which column holds the molecules, which hold labels, and why.
//!
//! The whole table is in memory: it is one that is learned from, not a stream.

mod cell;
mod labels;
mod molecules;

use std::path::{Path, PathBuf};

use crate::error::{DataError, Result, RowFault, hint};
use crate::file_dataset::FileDataset;
use crate::table::{TableReader, place_of};

pub use cell::{is_missing, yes_or_no};
pub use labels::{LabelColumn, LabelKind, LabelSurvey, joined_names};
pub use molecules::SmilesColumn;
pub(crate) use molecules::named_smiles;

/// A delimited table in memory, broken rows in their places.
#[derive(Debug, Clone)]
pub struct Survey {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<std::result::Result<Vec<String>, RowFault>>,
}

impl Survey {
    /// Reads a `.csv` or `.tsv` file, also `.gz`.
    ///
    /// # Errors
    /// When it cannot be read, has no header line, is no table, or none of its rows has as many cells as the header.
    pub fn read(path: &Path) -> Result<Self> {
        let table = TableReader::open(path)?;
        let columns = table.columns().to_vec();
        let rows = table.map(|row| Ok(row?.fields));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        match &rows[..] {
            [Err(fault), others @ ..] if others.iter().all(std::result::Result::is_err) => {
                Err(DataError::Header {
                    path: path.to_path_buf(),
                    reason: format!("no row fits it; row 0: {fault}{}", hint(&columns)),
                })
            }
            _ => Ok(Self {
                path: path.to_path_buf(),
                columns,
                rows,
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of data rows, the broken ones among them.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// Position of a column.
    ///
    /// # Errors
    /// [`DataError::MissingColumn`], which lists the columns that there are; [`DataError::RepeatedColumn`].
    pub fn column(&self, name: &str) -> Result<usize> {
        place_of(name, &self.columns, &self.path)
    }

    /// A cell without blanks around it; none in a broken row.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let fields = self.rows.get(row)?.as_ref().ok()?;
        fields.get(column).map(|text| text.trim())
    }

    /// The cells of a column, broken rows left out.
    fn cells(&self, column: usize) -> impl Iterator<Item = &str> + '_ {
        (0..self.rows.len()).filter_map(move |row| self.cell(row, column))
    }

    /// The molecules of one column with the labels of others. A row with a cell that is no label is broken, and says why.
    ///
    /// # Errors
    /// When a column is not there.
    pub fn dataset(&self, smiles_column: &str, labels: &[LabelColumn]) -> Result<FileDataset> {
        let smiles = self.column(smiles_column)?;
        let places = labels.iter().map(|label| self.column(&label.name));
        let places = places.collect::<Result<Vec<usize>>>()?;
        let row = |fields: &std::result::Result<Vec<String>, RowFault>| {
            let fields = fields.as_ref().map_err(Clone::clone)?;
            let labels = labels.iter().zip(&places);
            let values = labels.map(|(label, &place)| cell::value(label, fields[place].trim()));
            let values = values.collect::<std::result::Result<_, _>>()?;
            Ok((fields[smiles].trim().to_string(), values))
        };
        let names = labels.iter().map(|label| label.name.clone()).collect();
        let rows = self.rows.iter().map(row).collect();
        Ok(FileDataset::of_smiles(&self.path, names, rows))
    }
}

#[cfg(test)]
mod testing {
    use std::path::Path;

    use super::Survey;
    use crate::table::TableReader;

    /// A survey of a text.
    pub(super) fn survey(text: &str) -> Survey {
        let path = Path::new("t.csv");
        let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
        let table = TableReader::new(Box::new(bytes), path, b',').expect("a header");
        Survey {
            path: path.to_path_buf(),
            columns: table.columns().to_vec(),
            rows: table.map(|row| row.expect("memory").fields).collect(),
        }
    }
}
