//! JSON lines.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::file::OutputFile;
use super::{Columns, OutputError, OutputRow, RowSink, check_width};

/// One JSON object per row.
pub(super) struct JsonLines {
    path: PathBuf,
    writer: OutputFile,
    columns: Columns,
}

impl JsonLines {
    pub(super) fn create(path: &Path, columns: &Columns) -> Result<Self, OutputError> {
        Ok(Self {
            path: path.to_path_buf(),
            writer: OutputFile::create(path)?,
            columns: columns.clone(),
        })
    }
}

impl RowSink for JsonLines {
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError> {
        check_width(row, self.columns.width())?;
        let mut object = Map::new();
        object.insert("row".into(), json!(row.row));
        object.insert("input".into(), json!(row.input));
        match &row.outcome {
            Ok(values) => {
                object.insert("status".into(), json!("ok"));
                match &self.columns {
                    Columns::Vector { name, .. } => {
                        object.insert(name.clone(), json!(values));
                    }
                    Columns::Scalars(names) => {
                        for (name, value) in names.iter().zip(values) {
                            object.insert(name.clone(), json!(value));
                        }
                    }
                }
            }
            Err(failure) => {
                object.insert("status".into(), json!("error"));
                object.insert("error".into(), json!(failure));
            }
        }
        writeln!(self.writer, "{}", Value::Object(object))
            .map_err(|e| OutputError::io(&self.path, e))
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        self.writer.complete()
    }
}
