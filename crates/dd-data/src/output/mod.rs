//! Output of the row contract: one row per input row, in input order, whatever fails.
//!
//! Each row has `row` (0-based), `input`, `status` (`ok` or `error`), its values, and for an error `error.kind`,
//! `error.message` and `error.span` (byte range in the input, where there is one). The format follows the extension:
//! `.jsonl`, `.csv`, `.tsv`, `.npy`, `.parquet`.

mod delimited;
mod file;
mod jsonl;
mod npy;
#[cfg(feature = "parquet")]
mod parquet_file;
#[cfg(feature = "parquet")]
mod parquet_schema;
mod records;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::RowFault;

pub use file::OutputFile;
pub use records::{ClassSet, Column, Kind, RecordRow, RecordSink, Value};

/// One row of output.
#[derive(Debug, Clone)]
pub struct OutputRow {
    /// Number of the input row, from 0.
    pub row: u64,
    /// The input text.
    pub input: String,
    /// Values in the order of the columns, or the failure.
    pub outcome: Result<Vec<f32>, RowFault>,
}

/// What the values of a row are.
#[derive(Debug, Clone)]
pub enum Columns {
    /// One named number each: predictions.
    Scalars(Vec<String>),
    /// One vector: an embedding.
    Vector {
        /// Name of the vector.
        name: String,
        /// Its length.
        width: usize,
    },
}

impl Columns {
    /// Number of values of a row.
    pub fn width(&self) -> usize {
        match self {
            Self::Scalars(names) => names.len(),
            Self::Vector { width, .. } => *width,
        }
    }

    /// One name per value: a vector's are numbered.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Scalars(names) => names.clone(),
            Self::Vector { name, width } => (0..*width).map(|i| format!("{name}_{i}")).collect(),
        }
    }
}

/// What can go wrong when rows are written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The extension names no known format.
    #[error("{path}: no output format for this extension; known are {known}")]
    UnknownFormat {
        /// The path given.
        path: PathBuf,
        /// The extensions that work.
        known: &'static str,
    },
    /// Writing failed.
    #[error("{path}: {reason}")]
    Write {
        /// The path given.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Whoever reads standard output has closed it.
    #[error("standard output is closed")]
    Closed,
    /// Two columns of one name, or one with a name that the output has for something else.
    #[error("the output would have two columns called {name:?}: rename the target")]
    Name {
        /// The name.
        name: String,
    },
    /// A row has another number of values than there are columns.
    #[error("row {row}: {got} values for {expected} columns")]
    Width {
        /// The row.
        row: u64,
        /// Values of the row.
        got: usize,
        /// Columns.
        expected: usize,
    },
}

impl OutputError {
    fn unknown(path: &Path) -> Self {
        Self::UnknownFormat {
            path: path.to_path_buf(),
            known: if cfg!(feature = "parquet") {
                ".jsonl .csv .tsv .npy .parquet"
            } else {
                ".jsonl .csv .tsv .npy"
            },
        }
    }

    /// Writing to `path` failed in the system.
    pub fn io(path: &Path, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::write(path, error)
    }

    pub(crate) fn write(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

/// A file of rows under construction. It has another name until [`RowSink::finish`] has completed it, so that what has its
/// name is whole.
pub trait RowSink {
    /// Writes one row.
    ///
    /// # Errors
    /// When the row does not fit the columns or the disk does not take it.
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError>;

    /// Completes the file.
    ///
    /// # Errors
    /// When the disk does not take it.
    fn finish(self: Box<Self>) -> Result<(), OutputError>;
}

/// Opens a sink for `path`; `-` is JSON lines on standard output.
///
/// # Errors
/// When the extension names no format, a name cannot be used, or the file cannot be created.
pub fn open_sink(path: &Path, columns: &Columns) -> Result<Box<dyn RowSink>, OutputError> {
    check_names(columns.names().iter().map(String::as_str))?;
    if path == Path::new("-") {
        return Ok(Box::new(jsonl::JsonLines::create(path, columns)?));
    }
    let extension = path
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    match extension.as_str() {
        "jsonl" => Ok(Box::new(jsonl::JsonLines::create(path, columns)?)),
        "csv" => Ok(Box::new(delimited::Delimited::create(path, b',', columns)?)),
        "tsv" => Ok(Box::new(delimited::Delimited::create(
            path, b'\t', columns,
        )?)),
        "npy" => Ok(Box::new(npy::Npy::create(path, columns)?)),
        #[cfg(feature = "parquet")]
        "parquet" => Ok(Box::new(parquet_file::ParquetFile::create(path, columns)?)),
        _ => Err(OutputError::unknown(path)),
    }
}

/// Names that rows have besides their values.
const OWN_NAMES: [&str; 9] = [
    "row",
    "input",
    "status",
    "error",
    "error.kind",
    "error.message",
    "error.span",
    // As Parquet has them.
    "error_kind",
    "error_message",
];

/// Checks that columns of values can be told from each other and from what every row has.
///
/// # Errors
/// [`OutputError::Name`] names the first that cannot.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), OutputError> {
    let mut seen: BTreeSet<&str> = OWN_NAMES.into();
    match names.into_iter().find(|name| !seen.insert(name)) {
        Some(name) => Err(OutputError::Name {
            name: name.to_string(),
        }),
        None => Ok(()),
    }
}

fn check_width(row: &OutputRow, expected: usize) -> Result<(), OutputError> {
    match &row.outcome {
        Ok(values) if values.len() != expected => Err(OutputError::Width {
            row: row.row,
            got: values.len(),
            expected,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<OutputRow> {
        let failure = RowFault::new("parse", "unclosed ring, \"1\"").at(1..2);
        vec![
            OutputRow {
                row: 0,
                input: "CCO".into(),
                outcome: Ok(vec![1.5, -2.0]),
            },
            OutputRow {
                row: 1,
                input: "C1,C".into(),
                outcome: Err(failure),
            },
            OutputRow {
                row: 2,
                input: "C".into(),
                outcome: Ok(vec![0.25, 3.0]),
            },
        ]
    }

    fn written(name: &str, columns: &Columns) -> Vec<u8> {
        let folder = std::env::temp_dir().join(format!("dd-data-output-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be made");
        let path = folder.join(name);
        let _ = std::fs::remove_file(&path);
        let mut sink = open_sink(&path, columns).expect("the format is known");
        for row in rows() {
            sink.write(&row).expect("the row fits");
        }
        assert!(!path.exists(), "nothing has the name before it is whole");
        sink.finish().expect("the disk takes it");
        std::fs::read(&path).expect("the file is there")
    }

    #[test]
    fn json_lines_keep_every_row() {
        let columns = Columns::Vector {
            name: "embedding".into(),
            width: 2,
        };
        let text = String::from_utf8(written("a.jsonl", &columns)).expect("JSON is UTF-8");
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(lines[0]["embedding"], serde_json::json!([1.5, -2.0]));
        assert_eq!(lines[1]["status"], "error");
        assert_eq!(lines[1]["error"]["span"], serde_json::json!([1, 2]));
        assert_eq!(lines[2]["row"], 2);
    }

    #[test]
    fn csv_quotes_and_leaves_failed_values_empty() {
        let columns = Columns::Scalars(vec!["gap".into(), "dipole".into()]);
        let text = String::from_utf8(written("b.csv", &columns)).expect("CSV is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "row,input,status,gap,dipole,error.kind,error.message,error.span"
        );
        assert_eq!(lines[1], "0,CCO,ok,1.5,-2,,,");
        assert_eq!(
            lines[2],
            "1,\"C1,C\",error,,,parse,\"unclosed ring, \"\"1\"\"\",1-2"
        );
    }

    #[test]
    fn npy_has_a_row_of_nan_for_a_failure() {
        let columns = Columns::Vector {
            name: "embedding".into(),
            width: 2,
        };
        let bytes = written("c.npy", &columns);
        let header = String::from_utf8_lossy(&bytes[..128]).into_owned();
        assert!(header.contains("'shape': (3, 2)"), "{header}");
        let values: Vec<f32> = bytes[128..]
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        assert_eq!(values[..2], [1.5, -2.0]);
        assert!(values[2].is_nan() && values[3].is_nan());
        assert_eq!(values[4..], [0.25, 3.0]);
    }

    #[test]
    fn no_column_takes_the_name_of_one_that_every_row_has() {
        assert!(check_names(["gap", "kind"]).is_ok());
        for name in ["row", "error.kind", "error_kind", "error_message"] {
            assert!(check_names([name]).is_err(), "{name}");
        }
        assert!(check_names(["gap", "gap"]).is_err());
    }

    #[test]
    fn an_unknown_extension_lists_the_known_ones() {
        let columns = Columns::Scalars(vec![]);
        let error = open_sink(Path::new("x.docx"), &columns)
            .err()
            .expect("docx is no format");
        assert!(error.to_string().contains(".jsonl .csv"), "{error}");
    }
}
