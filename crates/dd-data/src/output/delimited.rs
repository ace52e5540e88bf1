//! CSV and TSV.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Columns, OutputError, OutputRow, RowSink, check_width};

/// One line per row; a failed row has empty values.
pub(super) struct Delimited {
    path: PathBuf,
    writer: csv::Writer<Box<dyn Write>>,
    width: usize,
}

impl Delimited {
    pub(super) fn new(
        path: &Path,
        writer: Box<dyn Write>,
        delimiter: u8,
        columns: &Columns,
    ) -> Result<Self, OutputError> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(writer);
        let head = ["row", "input", "status"].map(String::from).into_iter();
        let tail = ["error.kind", "error.message", "error.span"].map(String::from);
        writer
            .write_record(head.chain(columns.names()).chain(tail))
            .map_err(|e| OutputError::write(path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            width: columns.width(),
        })
    }
}

impl RowSink for Delimited {
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError> {
        check_width(row, self.width)?;
        let mut fields = vec![row.row.to_string(), row.input.clone()];
        match &row.outcome {
            Ok(values) => {
                fields.push("ok".to_string());
                fields.extend(values.iter().map(ToString::to_string));
                fields.extend(std::iter::repeat_n(String::new(), 3));
            }
            Err(failure) => {
                fields.push("error".to_string());
                fields.extend(std::iter::repeat_n(String::new(), self.width));
                let span = failure
                    .span
                    .as_ref()
                    .map(|span| format!("{}-{}", span.start, span.end));
                fields.extend([
                    failure.kind.to_string(),
                    failure.message.clone(),
                    span.unwrap_or_default(),
                ]);
            }
        }
        self.writer
            .write_record(&fields)
            .map_err(|e| OutputError::write(&self.path, e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.writer
            .flush()
            .map_err(|e| OutputError::write(&self.path, e))
    }
}
