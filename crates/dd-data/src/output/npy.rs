//! NumPy arrays: `[rows, width]` in float32.
//!
//! The format has no place for text, so a failed row is a row of NaN, and the failures are listed beside the array in
//! `NAME.npy.errors.jsonl`. Format: NumPy enhancement proposal 1, version 1.0.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::file::OutputFile;
use super::jsonl::JsonLines;
use super::{Columns, OutputError, OutputRow, RowSink, check_width};

const HEADER_BYTES: usize = 128;
const ERRORS: &str = ".errors.jsonl";
/// Names of the columns, which only arrays of records have.
pub(super) const COLUMNS: &str = ".columns.json";

/// An array whose row count is written when it is known.
pub(super) struct Npy {
    path: PathBuf,
    writer: OutputFile,
    columns: Columns,
    rows: u64,
    errors: Option<Box<JsonLines>>,
}

impl Npy {
    pub(super) fn create(path: &Path, columns: &Columns) -> Result<Self, OutputError> {
        let mut writer = OutputFile::create(path)?;
        writer
            .write_all(&header(Element::F32, 0, columns.width()))
            .map_err(|e| OutputError::write(path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            columns: columns.clone(),
            rows: 0,
            errors: None,
        })
    }
}

impl RowSink for Npy {
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError> {
        check_width(row, self.columns.width())?;
        if row.outcome.is_err() {
            if self.errors.is_none() {
                let path = beside(&self.path, ERRORS);
                self.errors = Some(Box::new(JsonLines::create(&path, &self.columns)?));
            }
            if let Some(errors) = &mut self.errors {
                errors.write(row)?;
            }
        }
        let missing = vec![f32::NAN; self.columns.width()];
        for value in row.outcome.as_ref().unwrap_or(&missing) {
            self.writer
                .write_all(&value.to_le_bytes())
                .map_err(|e| OutputError::write(&self.path, e))?;
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        let header = header(Element::F32, self.rows, self.columns.width());
        self.writer
            .rewind()
            .and_then(|()| self.writer.write_all(&header))
            .map_err(|e| OutputError::write(&self.path, e))?;
        match self.errors {
            Some(errors) => errors.finish()?,
            None => remove_stale(&beside(&self.path, ERRORS))?,
        }
        remove_stale(&beside(&self.path, COLUMNS))?;
        self.writer.complete()
    }
}

/// The name of an array and more.
pub(super) fn beside(array: &Path, end: &str) -> PathBuf {
    let mut name = array.to_path_buf().into_os_string();
    name.push(end);
    PathBuf::from(name)
}

/// Removes what an earlier run has left beside its array, if it has: it is not this one's.
pub(super) fn remove_stale(path: &Path) -> Result<(), OutputError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(OutputError::write(path, error)),
        _ => Ok(()),
    }
}

/// What an array holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    /// float32.
    F32,
    /// float64.
    F64,
}

/// The header of an array `[rows, width]`.
pub(super) fn header(element: Element, rows: u64, width: usize) -> Vec<u8> {
    let element = match element {
        Element::F32 => "<f4",
        Element::F64 => "<f8",
    };
    let text =
        format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(((HEADER_BYTES - 10) as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(HEADER_BYTES - 1, b' ');
    bytes.push(b'\n');
    bytes
}
