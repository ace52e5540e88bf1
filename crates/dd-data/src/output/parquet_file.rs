//! Parquet: columns `row`, `input`, `status`, the values (null on failure), `error_kind`, `error_message`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::file::OutputFile;
use super::parquet_schema::{Leaf, message, vector};
use super::{Columns, OutputError, OutputRow, RowSink, check_width};

/// Rows held before they are written as one row group.
const GROUP: usize = 8192;

/// A Parquet file written in groups of rows.
pub(super) struct ParquetFile {
    path: PathBuf,
    writer: SerializedFileWriter<OutputFile>,
    columns: Columns,
    pending: Vec<OutputRow>,
}

impl ParquetFile {
    pub(super) fn create(path: &Path, columns: &Columns) -> Result<Self, OutputError> {
        let fail = |e: &dyn std::fmt::Display| OutputError::write(path, e);
        let schema = schema(columns).map_err(|e| fail(&e))?;
        let file = OutputFile::create(path)?;
        let properties = Arc::new(WriterProperties::builder().build());
        let writer =
            SerializedFileWriter::new(file, Arc::new(schema), properties).map_err(|e| fail(&e))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            columns: columns.clone(),
            pending: Vec::new(),
        })
    }

    fn flush_group(&mut self) -> Result<(), OutputError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.pending);
        write_group(&mut self.writer, &rows, &self.columns)
            .map_err(|e| OutputError::write(&self.path, e))
    }
}

impl RowSink for ParquetFile {
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError> {
        check_width(row, self.columns.width())?;
        self.pending.push(row.clone());
        if self.pending.len() == GROUP {
            self.flush_group()
        } else {
            Ok(())
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.flush_group()?;
        let file = self.writer.into_inner();
        file.map_err(|e| OutputError::write(&self.path, e))?
            .complete()
    }
}

fn schema(columns: &Columns) -> Result<Type, ParquetError> {
    match columns {
        Columns::Scalars(names) => message(names.iter().map(|name| Leaf::Float.optional(name))),
        Columns::Vector { name, .. } => message(std::iter::once(vector(name))),
    }
}

type Written = parquet::errors::Result<()>;

fn write_group(
    writer: &mut SerializedFileWriter<OutputFile>,
    rows: &[OutputRow],
    columns: &Columns,
) -> Written {
    let mut group = writer.next_row_group()?;
    let mut next = |write: &mut dyn FnMut(
        &mut parquet::file::writer::SerializedColumnWriter<'_>,
    ) -> Written|
     -> Written {
        let mut column = group.next_column()?.ok_or_else(|| {
            parquet::errors::ParquetError::General("the schema has too few columns".into())
        })?;
        write(&mut column)?;
        column.close()
    };
    let text = |f: &dyn Fn(&OutputRow) -> Option<String>| -> (Vec<ByteArray>, Vec<i16>) {
        let values: Vec<Option<String>> = rows.iter().map(f).collect();
        let levels = values
            .iter()
            .map(|value| i16::from(value.is_some()))
            .collect();
        (
            values
                .into_iter()
                .flatten()
                .map(|value| ByteArray::from(value.into_bytes()))
                .collect(),
            levels,
        )
    };
    let numbers: Vec<i64> = rows.iter().map(|row| row.row as i64).collect();
    next(&mut |c| {
        c.typed::<Int64Type>()
            .write_batch(&numbers, None, None)
            .map(|_| ())
    })?;
    let (inputs, _) = text(&|row| Some(row.input.clone()));
    next(&mut |c| {
        c.typed::<ByteArrayType>()
            .write_batch(&inputs, None, None)
            .map(|_| ())
    })?;
    let (statuses, _) =
        text(&|row| Some(if row.outcome.is_ok() { "ok" } else { "error" }.to_string()));
    next(&mut |c| {
        c.typed::<ByteArrayType>()
            .write_batch(&statuses, None, None)
            .map(|_| ())
    })?;
    match columns {
        Columns::Scalars(names) => {
            for column in 0..names.len() {
                let values: Vec<f32> = rows
                    .iter()
                    .filter_map(|row| row.outcome.as_ref().ok())
                    .map(|v| v[column])
                    .collect();
                let levels: Vec<i16> = rows
                    .iter()
                    .map(|row| i16::from(row.outcome.is_ok()))
                    .collect();
                next(&mut |c| {
                    c.typed::<FloatType>()
                        .write_batch(&values, Some(&levels), None)
                        .map(|_| ())
                })?;
            }
        }
        Columns::Vector { .. } => {
            let (values, defined, repeated) = vectors(rows);
            next(&mut |c| {
                c.typed::<FloatType>()
                    .write_batch(&values, Some(&defined), Some(&repeated))
                    .map(|_| ())
            })?;
        }
    }
    let failures: [fn(&OutputRow) -> Option<String>; 2] = [
        |row| {
            row.outcome
                .as_ref()
                .err()
                .map(|failure| failure.kind.to_string())
        },
        |row| {
            row.outcome
                .as_ref()
                .err()
                .map(|failure| failure.message.clone())
        },
    ];
    for failure in failures {
        let (values, levels) = text(&failure);
        next(&mut |c| {
            c.typed::<ByteArrayType>()
                .write_batch(&values, Some(&levels), None)
                .map(|_| ())
        })?;
    }
    group.close().map(|_| ())
}

/// Values, definition levels and repetition levels of an optional list of required floats.
fn vectors(rows: &[OutputRow]) -> (Vec<f32>, Vec<i16>, Vec<i16>) {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match &row.outcome {
            Ok(vector) if !vector.is_empty() => {
                values.extend(vector);
                defined.extend(std::iter::repeat_n(2, vector.len()));
                repeated.push(0);
                repeated.extend(std::iter::repeat_n(1, vector.len() - 1));
            }
            Ok(_) => {
                defined.push(1);
                repeated.push(0);
            }
            Err(_) => {
                defined.push(0);
                repeated.push(0);
            }
        }
    }
    (values, defined, repeated)
}
