//! Rows of numbers, words and flags: tables for people and spreadsheets.
//!
//! The same contract as [`RowSink`](super::RowSink): `row`, `input`, `status`, the values, and for an error its kind, message
//! and span. A value may be absent in a row that has an answer.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::OutputError;
use super::file::OutputFile;
use crate::error::RowFault;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f32),
    /// A whole number.
    Whole(u64),
    /// Words.
    Text(String),
    /// True or false.
    Flag(bool),
    /// Nothing.
    Absent,
}

/// One row.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Number of the input row, from 0.
    pub row: u64,
    /// The input text.
    pub input: String,
    /// Values in the order of the columns, or the failure.
    pub outcome: Result<Vec<Value>, RowFault>,
}

/// A file of records under construction, called `NAME.partial` until [`RecordSink::finish`] has completed it.
pub struct RecordSink {
    path: PathBuf,
    columns: Vec<String>,
    writer: Writer,
}

enum Writer {
    Delimited(Box<csv::Writer<OutputFile>>),
    Lines(OutputFile),
}

impl RecordSink {
    /// Opens a sink for `path`: `.csv`, `.tsv`, `.jsonl`; `-` is JSON lines on standard output.
    ///
    /// # Errors
    /// When the extension names another format (the formats of arrays hold numbers only), two columns have the same name, or
    /// the file cannot be created.
    pub fn open(path: &Path, columns: &[String]) -> Result<Self, OutputError> {
        let twice = columns
            .iter()
            .enumerate()
            .find(|(at, name)| columns[..*at].contains(name));
        if let Some((_, name)) = twice {
            let reason = format!("two columns would be called {name:?}");
            return Err(OutputError::write(path, reason));
        }
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let writer = match extension.as_deref() {
            _ if path == Path::new("-") => Writer::Lines(OutputFile::create(path)?),
            Some("jsonl") => Writer::Lines(OutputFile::create(path)?),
            Some(name @ ("csv" | "tsv")) => {
                let delimiter = if name == "tsv" { b'\t' } else { b',' };
                let mut builder = csv::WriterBuilder::new();
                let mut writer = builder
                    .delimiter(delimiter)
                    .from_writer(OutputFile::create(path)?);
                let head = ["row", "input", "status"].into_iter();
                let tail = ["error.kind", "error.message", "error.span"];
                let names = columns.iter().map(String::as_str);
                writer
                    .write_record(head.chain(names).chain(tail))
                    .map_err(|error| OutputError::write(path, error))?;
                Writer::Delimited(Box::new(writer))
            }
            _ => {
                return Err(OutputError::UnknownFormat {
                    path: path.to_path_buf(),
                    known: ".jsonl .csv .tsv (and .npy .parquet with --plain, which hold numbers only)",
                });
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            columns: columns.to_vec(),
            writer,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// When the row does not fit the columns or the disk does not take it.
    pub fn write(&mut self, row: &RecordRow) -> Result<(), OutputError> {
        if let Ok(values) = &row.outcome
            && values.len() != self.columns.len()
        {
            return Err(OutputError::Width {
                row: row.row,
                got: values.len(),
                expected: self.columns.len(),
            });
        }
        let written = match &mut self.writer {
            Writer::Delimited(writer) => writer
                .write_record(cells(row, self.columns.len()))
                .map_err(|error| error.to_string()),
            Writer::Lines(writer) => {
                let object = Json::Object(object(row, &self.columns));
                writeln!(writer, "{object}").map_err(|error| error.to_string())
            }
        };
        written.map_err(|reason| OutputError::write(&self.path, reason))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> Result<(), OutputError> {
        let file = match self.writer {
            Writer::Delimited(writer) => writer
                .into_inner()
                .map_err(|error| OutputError::write(&self.path, error.error()))?,
            Writer::Lines(file) => file,
        };
        file.complete()
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

fn object(row: &RecordRow, columns: &[String]) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("row".into(), json!(row.row));
    object.insert("input".into(), json!(row.input));
    match &row.outcome {
        Ok(values) => {
            object.insert("status".into(), json!("ok"));
            for (name, value) in columns.iter().zip(values) {
                let value = match value {
                    Value::Number(number) => json!(number),
                    Value::Whole(number) => json!(number),
                    Value::Text(text) => json!(text),
                    Value::Flag(flag) => json!(flag),
                    Value::Absent => Json::Null,
                };
                object.insert(name.clone(), value);
            }
        }
        Err(fault) => {
            object.insert("status".into(), json!("error"));
            object.insert("error".into(), json!(fault));
        }
    }
    object
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn written(name: &str) -> String {
        let folder = std::env::temp_dir().join(format!("dd-data-records-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        let columns = ["y", "near", "row_of", "inside"].map(String::from);
        let mut sink = RecordSink::open(&path, &columns).unwrap();
        let values = vec![
            Value::Number(0.1),
            Value::Text("C,C".into()),
            Value::Absent,
            Value::Flag(true),
        ];
        let fault = RowFault::new("parse", "no").at(0..1);
        for (row, outcome) in [Ok(values), Err(fault)].into_iter().enumerate() {
            let (row, input) = (row as u64, "CC".to_string());
            sink.write(&RecordRow {
                row,
                input,
                outcome,
            })
            .unwrap();
        }
        sink.finish().unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn every_row_is_there_with_what_it_has() {
        let head = "row,input,status,y,near,row_of,inside,error.kind,error.message,error.span\n";
        let rows = "0,CC,ok,0.1,\"C,C\",,true,,,\n1,CC,error,,,,,parse,no,0-1\n";
        assert_eq!(written("a.csv"), format!("{head}{rows}"));
        let lines = written("a.jsonl");
        assert!(lines.contains("\"row_of\":null") && lines.contains("\"inside\":true"));
        assert!(lines.contains("\"span\":[0,1]"));
    }

    #[test]
    fn arrays_and_equal_names_are_refused() {
        let open = |path: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            RecordSink::open(Path::new(path), &names)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(open("x.npy", &["y"]).contains("--plain"));
        assert!(open("x.csv", &["y", "y"]).contains("\"y\""));
    }
}
