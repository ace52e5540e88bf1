//! Records as Parquet: `row`, `input`, `status`, the values (null where absent or failed), `error_kind`, `error_message`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{Column, Kind, Record, RecordRow, Value};
use crate::output::OutputError;
use crate::output::file::OutputFile;
use crate::output::parquet_schema::{Leaf, message};

/// Rows held before they are written as one row group.
const GROUP: usize = 8192;

/// A file written in groups of rows.
pub(super) struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<OutputFile>,
    columns: Vec<Column>,
    pending: Vec<RecordRow>,
}

impl Table {
    pub(super) fn create(path: &Path, columns: &[Column]) -> Result<Self, OutputError> {
        let fail = |error| OutputError::write(path, error);
        let schema = schema(columns).map_err(fail)?;
        let file = OutputFile::create(path)?;
        let properties = Arc::new(WriterProperties::builder().build());
        let writer = SerializedFileWriter::new(file, Arc::new(schema), properties);
        Ok(Self {
            path: path.to_path_buf(),
            writer: writer.map_err(fail)?,
            columns: columns.to_vec(),
            pending: Vec::new(),
        })
    }

    fn flush_group(&mut self) -> Result<(), parquet::errors::ParquetError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.pending);
        let mut group = self.writer.next_row_group()?;
        let every = |of: &dyn Fn(&RecordRow) -> String| -> Vec<Option<ByteArray>> {
            rows.iter()
                .map(|row| Some(ByteArray::from(of(row).into_bytes())))
                .collect()
        };
        let numbers: Vec<Option<i64>> = rows.iter().map(|row| Some(row.row as i64)).collect();
        write::<Int64Type>(&mut group, numbers, false)?;
        write::<ByteArrayType>(&mut group, every(&|row| row.input.clone()), false)?;
        let status = |row: &RecordRow| if row.outcome.is_ok() { "ok" } else { "error" };
        write::<ByteArrayType>(&mut group, every(&|row| status(row).to_string()), false)?;
        for (at, column) in self.columns.iter().enumerate() {
            let values = rows.iter().map(|row| row.outcome.as_ref().ok()?.get(at));
            match column.kind {
                Kind::Number => {
                    let values = values.map(|value| match value {
                        Some(Value::Number(number)) => Some(*number),
                        _ => None,
                    });
                    write::<FloatType>(&mut group, values.collect(), true)?;
                }
                Kind::Whole => {
                    let values = values.map(|value| match value {
                        Some(Value::Whole(number)) => Some(*number as i64),
                        _ => None,
                    });
                    write::<Int64Type>(&mut group, values.collect(), true)?;
                }
                Kind::Flag => {
                    let values = values.map(|value| match value {
                        Some(Value::Flag(flag)) => Some(*flag),
                        _ => None,
                    });
                    write::<BoolType>(&mut group, values.collect(), true)?;
                }
                Kind::Text | Kind::Classes => {
                    let values = values.map(|value| match value {
                        Some(Value::Text(text)) => Some(text.as_str().into()),
                        Some(Value::Classes(classes)) => Some(classes.words().into()),
                        _ => None,
                    });
                    write::<ByteArrayType>(&mut group, values.collect(), true)?;
                }
            }
        }
        let faults = || rows.iter().map(|row| row.outcome.as_ref().err());
        let kinds = faults().map(|fault| fault.map(|fault| fault.kind.into()));
        write::<ByteArrayType>(&mut group, kinds.collect(), true)?;
        let messages = faults().map(|fault| fault.map(|fault| fault.message.as_str().into()));
        write::<ByteArrayType>(&mut group, messages.collect(), true)?;
        group.close().map(|_| ())
    }
}

impl Record for Table {
    fn write(&mut self, row: &RecordRow, _: &[Column]) -> io::Result<()> {
        self.pending.push(row.clone());
        if self.pending.len() == GROUP {
            self.flush_group().map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, path: &Path) -> Result<(), OutputError> {
        let written = self.flush_group();
        written.map_err(|error| OutputError::write(&self.path, error))?;
        let file = self.writer.into_inner();
        file.map_err(|error| OutputError::write(path, error))?
            .complete()
    }
}

fn schema(columns: &[Column]) -> Result<Type, parquet::errors::ParquetError> {
    let value = |column: &Column| {
        let leaf = match column.kind {
            Kind::Number => Leaf::Float,
            Kind::Whole => Leaf::Whole,
            Kind::Flag => Leaf::Flag,
            Kind::Text | Kind::Classes => Leaf::Text,
        };
        leaf.optional(&column.name)
    };
    message(columns.iter().map(value))
}

/// One column of a row group.
fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, OutputFile>,
    values: Vec<Option<T::T>>,
    optional: bool,
) -> Result<(), parquet::errors::ParquetError> {
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    let mut column = group.next_column()?.ok_or_else(|| {
        parquet::errors::ParquetError::General("the schema has too few columns".into())
    })?;
    let levels = optional.then_some(levels.as_slice());
    column.typed::<T>().write_batch(&values, levels, None)?;
    column.close()
}
