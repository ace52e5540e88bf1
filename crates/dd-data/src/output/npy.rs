//! NumPy arrays: `[rows, width]` in float32.
//!
//! The format has no place for text, so a failed row is a row of NaN, and the failures are listed beside the array in
//! `NAME.npy.errors.jsonl`. Format: NumPy enhancement proposal 1, version 1.0.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::jsonl::JsonLines;
use super::{Columns, OutputError, OutputRow, RowSink, check_width, create};

const HEADER_BYTES: usize = 128;

/// An array whose row count is written when it is known.
pub(super) struct Npy {
    path: PathBuf,
    writer: BufWriter<File>,
    columns: Columns,
    rows: u64,
    errors: Option<Box<JsonLines>>,
}

impl Npy {
    pub(super) fn create(path: &Path, columns: &Columns) -> Result<Self, OutputError> {
        let file = File::create(path).map_err(|e| OutputError::write(path, e))?;
        let mut writer = BufWriter::new(file);
        writer
            .write_all(&header(0, columns.width()))
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
                let mut name = self.path.clone().into_os_string();
                name.push(".errors.jsonl");
                let path = PathBuf::from(name);
                self.errors = Some(Box::new(JsonLines::new(
                    &path,
                    create(&path)?,
                    &self.columns,
                )));
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
        let header = header(self.rows, self.columns.width());
        self.writer
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.writer.write_all(&header))
            .and_then(|()| self.writer.flush())
            .map_err(|e| OutputError::write(&self.path, e))?;
        self.errors.map_or(Ok(()), RowSink::finish)
    }
}

fn header(rows: u64, width: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(((HEADER_BYTES - 10) as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(HEADER_BYTES - 1, b' ');
    bytes.push(b'\n');
    bytes
}
