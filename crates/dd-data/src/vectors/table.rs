//! Vectors of a Parquet file: its only list of float32.

use std::fs::File;
use std::path::Path;

use ndarray::Array2;
use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{DataError, Result};

/// Rows that are decoded together.
const BLOCK: usize = 8192;

/// Reads the vectors `[rows, width]`; a null is a row of NaN.
pub(super) fn read(path: &Path) -> Result<Array2<f32>> {
    let file = File::open(path).map_err(|error| DataError::file(path, error))?;
    vectors(file).map_err(|reason| DataError::Array {
        path: path.to_path_buf(),
        reason,
    })
}

/// A row's vector; none where the file has a null.
type Vector = Option<Vec<f32>>;

fn vectors(file: File) -> std::result::Result<Array2<f32>, String> {
    let text = |error: ParquetError| error.to_string();
    let reader = SerializedFileReader::new(file).map_err(text)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let is_list = |at: &usize| {
        let column = schema.column(*at);
        column.physical_type() == Physical::FLOAT && column.max_rep_level() == 1
    };
    let lists: Vec<usize> = (0..schema.num_columns()).filter(is_list).collect();
    let [column] = lists[..] else {
        return Err(format!(
            "it has {} columns of lists of float32, one is needed (dnd embed writes such a file)",
            lists.len()
        ));
    };
    // The level of a number that is there; below it the list is empty or null.
    let there = schema.column(column).max_def_level();
    let mut rows: Vec<Vector> = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(text)?;
        let ColumnReader::FloatColumnReader(mut column) =
            group.get_column_reader(column).map_err(text)?
        else {
            return Err("its vectors are no float32".into());
        };
        loop {
            let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
            let (records, _, _) = column
                .read_records(BLOCK, Some(&mut defined), Some(&mut repeated), &mut values)
                .map_err(text)?;
            if records == 0 {
                break;
            }
            let mut values = values.into_iter();
            for (defined, repeated) in defined.into_iter().zip(repeated) {
                if repeated == 0 {
                    rows.push(None);
                }
                if defined == there {
                    let row = rows.last_mut().ok_or("it begins within a list")?;
                    let value = values.next().ok_or("it has fewer numbers than places")?;
                    row.get_or_insert_default().push(value);
                }
            }
        }
    }
    let width = rows.iter().flatten().map(Vec::len).next().unwrap_or(0);
    let mut matrix = Array2::from_elem((rows.len(), width), f32::NAN);
    for (at, vector) in rows.iter().enumerate() {
        let Some(vector) = vector else { continue };
        if vector.len() != width {
            return Err(format!(
                "row {at} has {} numbers, others have {width}",
                vector.len()
            ));
        }
        matrix.row_mut(at).assign(&ndarray::aview1(vector));
    }
    Ok(matrix)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::RowFault;
    use crate::output::{Columns, OutputRow, open_sink};

    #[test]
    fn what_is_written_is_read_and_a_failed_row_is_nan() {
        let folder = std::env::temp_dir().join(format!("dd-data-vectors-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.parquet");
        let columns = Columns::Vector {
            name: "embedding".into(),
            width: 2,
        };
        let mut sink = open_sink(&path, &columns).unwrap();
        // More than a row group and a block.
        let count = 10_000;
        for row in 0..count {
            let outcome = match row % 7 {
                3 => Err(RowFault::new("parse", "no")),
                _ => Ok(vec![row as f32, -0.5]),
            };
            let input = String::new();
            sink.write(&OutputRow {
                row,
                input,
                outcome,
            })
            .unwrap();
        }
        sink.finish().unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.dim(), (count as usize, 2));
        for (at, row) in found.rows().into_iter().enumerate() {
            if at % 7 == 3 {
                assert!(row.iter().all(|value| value.is_nan()));
            } else {
                assert_eq!(row.to_vec(), [at as f32, -0.5]);
            }
        }
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read(&path), Err(DataError::Array { .. })));
        let scalars = Columns::Scalars(vec!["y".into()]);
        open_sink(&path, &scalars).unwrap().finish().unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("0 columns of lists"), "{refused}");
    }
}
