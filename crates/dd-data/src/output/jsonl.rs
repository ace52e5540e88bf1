//! JSON lines.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Columns, OutputError, OutputRow, RowSink, check_width};

/// One JSON object per row.
pub(super) struct JsonLines {
    path: PathBuf,
    writer: Box<dyn Write>,
    columns: Columns,
}

impl JsonLines {
    pub(super) fn new(path: &Path, writer: Box<dyn Write>, columns: &Columns) -> Self {
        Self {
            path: path.to_path_buf(),
            writer,
            columns: columns.clone(),
        }
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
            .map_err(|e| OutputError::write(&self.path, e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.writer
            .flush()
            .map_err(|e| OutputError::write(&self.path, e))
    }
}
