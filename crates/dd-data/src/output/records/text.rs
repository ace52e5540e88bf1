//! Records as CSV, TSV and JSON lines.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::{Column, Record, RecordRow, Value};
use crate::output::OutputError;
use crate::output::file::OutputFile;

/// One line per row; a failed row has empty values.
pub(super) struct Delimited(csv::Writer<OutputFile>);

impl Delimited {
    pub(super) fn create(
        path: &Path,
        delimiter: u8,
        columns: &[Column],
    ) -> Result<Self, OutputError> {
        let mut builder = csv::WriterBuilder::new();
        let mut writer = builder
            .delimiter(delimiter)
            .from_writer(OutputFile::create(path)?);
        let head = ["row", "input", "status"].into_iter();
        let tail = ["error.kind", "error.message", "error.span"];
        let names = columns.iter().map(|column| column.name.as_str());
        writer
            .write_record(head.chain(names).chain(tail))
            .map_err(|error| OutputError::write(path, error))?;
        Ok(Self(writer))
    }
}

impl Record for Delimited {
    fn write(&mut self, row: &RecordRow, columns: &[Column]) -> io::Result<()> {
        let written = self.0.write_record(cells(row, columns.len()));
        written.map_err(io::Error::from)
    }

    fn finish(self: Box<Self>, path: &Path) -> Result<(), OutputError> {
        let file = self.0.into_inner();
        file.map_err(|error| OutputError::write(path, error.error()))?
            .complete()
    }
}

/// One JSON object per row.
pub(super) struct Lines(pub(super) OutputFile);

impl Record for Lines {
    fn write(&mut self, row: &RecordRow, columns: &[Column]) -> io::Result<()> {
        let object = Json::Object(object(row, columns));
        writeln!(self.0, "{object}")
    }

    fn finish(self: Box<Self>, _: &Path) -> Result<(), OutputError> {
        self.0.complete()
    }
}

fn cells(row: &RecordRow, width: usize) -> Vec<String> {
    let mut cells = vec![row.row.to_string(), row.input.clone()];
    match &row.outcome {
        Ok(values) => {
            cells.push("ok".into());
            cells.extend(values.iter().map(|value| match value {
                Value::Number(number) => number.to_string(),
                Value::Whole(number) => number.to_string(),
                Value::Text(text) => text.clone(),
                Value::Flag(flag) => flag.to_string(),
                Value::Classes(classes) => classes.words().to_string(),
                Value::Absent => String::new(),
            }));
            cells.extend(std::iter::repeat_n(String::new(), 3));
        }
        Err(fault) => {
            cells.push("error".into());
            cells.extend(std::iter::repeat_n(String::new(), width));
            let span = fault.span.as_ref();
            let span = span.map(|span| format!("{}-{}", span.start, span.end));
            let message = fault.message.clone();
            cells.extend([fault.kind.to_string(), message, span.unwrap_or_default()]);
        }
    }
    cells
}

pub(super) fn object(row: &RecordRow, columns: &[Column]) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("row".into(), json!(row.row));
    object.insert("input".into(), json!(row.input));
    match &row.outcome {
        Ok(values) => {
            object.insert("status".into(), json!("ok"));
            for (column, value) in columns.iter().zip(values) {
                let value = match value {
                    Value::Number(number) => json!(number),
                    Value::Whole(number) => json!(number),
                    Value::Text(text) => json!(text),
                    Value::Flag(flag) => json!(flag),
                    Value::Classes(classes) => json!(classes.words()),
                    Value::Absent => Json::Null,
                };
                object.insert(column.name.clone(), value);
            }
        }
        Err(fault) => {
            object.insert("status".into(), json!("error"));
            object.insert("error".into(), json!(fault));
        }
    }
    object
}
