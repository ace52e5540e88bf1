//! Errors of files, rows, splits, caches and downloads.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Why one row of a file has no answer. The other rows have theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowFault {
    /// Short stable name of the kind of fault, for machine-readable reports.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// Byte range of the fault in the row's input, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_pair")]
    pub span: Option<Range<usize>>,
}

/// A range as `[start, end]`.
#[allow(clippy::ref_option, reason = "the signature that serde calls")]
fn as_pair<S: Serializer>(
    span: &Option<Range<usize>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    span.as_ref()
        .map(|span| (span.start, span.end))
        .serialize(serializer)
}

impl RowFault {
    /// A fault without a place.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            span: None,
        }
    }

    /// A model that gave no number.
    pub fn not_finite() -> Self {
        Self::new("not-finite", "the model's answer is not a finite number")
    }

    /// The same fault at a byte range of the input.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RowFault {}

impl From<dd_mol::smiles::SmilesError> for RowFault {
    fn from(error: dd_mol::smiles::SmilesError) -> Self {
        Self::new(error.kind.name(), error.to_string()).at(error.span)
    }
}

impl From<dd_mol::PerceptionError> for RowFault {
    fn from(error: dd_mol::PerceptionError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<dd_graph::GraphError> for RowFault {
    fn from(error: dd_graph::GraphError) -> Self {
        Self::new("features", error.to_string())
    }
}

/// What can go wrong between a file and a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be opened, read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file whose name does not say what it holds.
    #[error(
        "{path}: unknown format; known are .smi .csv .tsv .sdf .mol .xyz, each also .gz{}",
        what_it_is(path)
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file of another kind than its name says.
    #[error("{path}: {what}")]
    NotText {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// A table without a header line.
    #[error("{path}: the file is empty, a header line was expected")]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A header line that is none.
    #[error("{path}: header line: {reason}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that the table lacks.
    #[error("{path}: no column {column:?}; there are {}{}", available.join(", "), hint(available))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns that there are.
        available: Vec<String>,
    },
    /// A name that two columns of the table have.
    #[error("{path}: columns {} and {} are both called {column:?}: rename one of them", places[0] + 1, places[1] + 1)]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The places of the first two such columns, from 0.
        places: [usize; 2],
    },
    /// A table in which no column holds molecules.
    #[error(
        "{path}: no column holds SMILES ({} were looked at); name one with --smiles-column{}",
        available.join(", "),
        hint(available)
    )]
    NoSmiles {
        /// The file.
        path: PathBuf,
        /// The columns that there are.
        available: Vec<String>,
    },
    /// One row.
    #[error("{path}, row {row}{}: {fault}", named(id))]
    Row {
        /// The file.
        path: PathBuf,
        /// 0-based number of the data row.
        row: u64,
        /// Its name, possibly empty.
        id: String,
        /// What is wrong.
        fault: RowFault,
    },
    /// A record number beyond the data set.
    #[error("record {index} does not exist, the data set has {len}")]
    NoSuchRecord {
        /// The number.
        index: usize,
        /// Records that there are.
        len: usize,
    },
    /// Fractions that are no partition.
    #[error(
        "split fractions must not be negative, the first must be positive, and all sum to 1; got {0:?}"
    )]
    Fractions([f64; 3]),
    /// A split that does not fit the data set.
    #[error("{path}: {reason}")]
    Split {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A cache that cannot be trusted.
    #[error("{path}: not a valid cache of features: {reason}")]
    Cache {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file that holds no array of the expected kind.
    #[error("{path}: not an array of vectors: {reason}")]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A download that failed.
    #[error("{url}: {reason}")]
    Download {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A file with other content than expected.
    #[error("{path}: sha256 is {found}, expected {expected}")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Expected, hexadecimal.
        expected: String,
        /// Actual, hexadecimal.
        found: String,
    },
    /// A worker ended without an answer.
    #[error("a loader worker stopped unexpectedly")]
    WorkerLost,
}

impl DataError {
    /// Wraps an error of the system with the file's name.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_path_buf(),
            source,
        }
    }

    /// Short stable name of the kind: that of the row fault, or that of the error.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Row { fault, .. } => fault.kind,
            Self::File { .. } => "file",
            Self::UnknownFormat { .. } => "unknown-format",
            Self::NotText { .. } => "not-text",
            Self::NoHeader { .. } => "no-header",
            Self::Header { .. } => "header",
            Self::MissingColumn { .. } => "missing-column",
            Self::RepeatedColumn { .. } => "repeated-column",
            Self::NoSmiles { .. } => "no-smiles",
            Self::NoSuchRecord { .. } => "no-such-record",
            Self::Fractions(_) | Self::Split { .. } => "split",
            Self::Cache { .. } => "cache",
            Self::Array { .. } => "array",
            Self::Download { .. } => "download",
            Self::Checksum { .. } => "checksum",
            Self::WorkerLost => "worker",
        }
    }
}

/// What a path of no known format is, and what to do with a workbook.
fn what_it_is(path: &Path) -> &'static str {
    let is = |name: &str| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    if ["xlsx", "xlsm", "xls", "ods"].into_iter().any(is) {
        ". This is a workbook: save the table as .csv or .tsv"
    } else if path.is_dir() {
        ". This is a folder"
    } else if !path.exists() {
        ". There is no such file"
    } else {
        ""
    }
}

fn named(id: &str) -> String {
    if id.is_empty() {
        String::new()
    } else {
        format!(" ({id})")
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, DataError>;

/// What a header of one cell is often due to.
pub(crate) fn hint(columns: &[String]) -> &'static str {
    match columns {
        [one] if one.contains(';') => {
            ". The cells seem to be separated by semicolons: save the table with commas between cells and points in \
             numbers, or as .tsv"
        }
        [one] if one.contains('\t') => {
            ". The cells seem to be separated by tabs: give the table a name that ends with .tsv"
        }
        [one] if one.contains(',') => {
            ". The cells seem to be separated by commas: give the table a name that ends with .csv"
        }
        _ => "",
    }
}
