//! CSV and TSV.

use std::path::{Path, PathBuf};

use super::file::OutputFile;
use super::{Columns, OutputError, OutputRow, RowSink, check_width};

/// One line per row; a failed row has empty values.
pub(super) struct Delimited {
    path: PathBuf,
    writer: csv::Writer<OutputFile>,
    width: usize,
}

impl Delimited {
    pub(super) fn create(
        path: &Path,
        delimiter: u8,
        columns: &Columns,
    ) -> Result<Self, OutputError> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(OutputFile::create(path)?);
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

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        let file = self.writer.into_inner();
        file.map_err(|e| OutputError::write(&self.path, e.error()))?
            .complete()
    }
}
