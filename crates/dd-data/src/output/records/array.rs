//! Records as a NumPy array `[rows, columns]` of float64: the columns that are numbers, in their order.
//!
//! A flag is 0 or 1, a set of classes 1 for `{0}`, 2 for `{1}`, 3 for both and 0 for neither; text is left out; what is absent
//! is NaN, and so is a failed row. `NAME.npy.columns.json` names the columns, `NAME.npy.errors.jsonl` lists the failures.

use std::io::{self, Write};
use std::path::Path;

use super::text::Lines;
use super::{Column, Kind, Record, RecordRow, Value};
use crate::output::OutputError;
use crate::output::file::OutputFile;
use crate::output::npy::{COLUMNS, Element, beside, header, remove_stale};

const ERRORS: &str = ".errors.jsonl";

/// An array whose row count is written when it is known.
pub(super) struct Array {
    file: OutputFile,
    names: Vec<String>,
    rows: u64,
    errors: Option<Box<Lines>>,
    path: std::path::PathBuf,
}

impl Array {
    pub(super) fn create(path: &Path, columns: &[Column]) -> Result<Self, OutputError> {
        let numbers = columns.iter().filter(|column| column.kind != Kind::Text);
        let names: Vec<String> = numbers.map(|column| column.name.clone()).collect();
        let mut file = OutputFile::create(path)?;
        file.write_all(&header(Element::F64, 0, names.len()))
            .map_err(|error| OutputError::write(path, error))?;
        Ok(Self {
            file,
            names,
            rows: 0,
            errors: None,
            path: path.to_path_buf(),
        })
    }
}

impl Record for Array {
    fn write(&mut self, row: &RecordRow, columns: &[Column]) -> io::Result<()> {
        self.rows += 1;
        let Ok(values) = &row.outcome else {
            if self.errors.is_none() {
                let file = OutputFile::create(&beside(&self.path, ERRORS));
                let file = file.map_err(io::Error::other)?;
                self.errors = Some(Box::new(Lines(file)));
            }
            if let Some(errors) = &mut self.errors {
                errors.write(row, columns)?;
            }
            let missing = f64::NAN.to_le_bytes().repeat(self.names.len());
            return self.file.write_all(&missing);
        };
        for (column, value) in columns.iter().zip(values) {
            let number = match value {
                _ if column.kind == Kind::Text => continue,
                Value::Number(number) => f64::from(*number),
                Value::Whole(number) => *number as f64,
                Value::Flag(flag) => f64::from(u8::from(*flag)),
                Value::Classes(classes) => f64::from(classes.bits()),
                Value::Text(_) | Value::Absent => f64::NAN,
            };
            let bytes = number.to_le_bytes();
            self.file.write_all(&bytes)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, path: &Path) -> Result<(), OutputError> {
        let fail = |error| OutputError::write(path, error);
        let header = header(Element::F64, self.rows, self.names.len());
        self.file
            .rewind()
            .and_then(|()| self.file.write_all(&header))
            .map_err(fail)?;
        match self.errors {
            Some(errors) => errors.finish(&beside(path, ERRORS))?,
            None => remove_stale(&beside(path, ERRORS))?,
        }
        let names = serde_json::to_string_pretty(&self.names).expect("names are JSON");
        let beside = beside(path, COLUMNS);
        let mut columns = OutputFile::create(&beside)?;
        let written = writeln!(columns, "{names}");
        written.map_err(|error| OutputError::write(&beside, error))?;
        columns.complete()?;
        self.file.complete()
    }
}
