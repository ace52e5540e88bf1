//! NumPy arrays read back: the vectors that the programs write.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use ndarray::Array2;

use crate::error::{DataError, Result};

/// Longest header that is read; those of plain arrays have 128 bytes.
const MAX_HEADER: usize = 1 << 16;

/// Reads a matrix `[rows, width]` of little-endian float32 in C order, as `dnd embed` writes it to `.npy`.
///
/// Format: NumPy enhancement proposal 1, versions 1 to 3. Memory stays in proportion to the file.
///
/// # Errors
/// When the file cannot be read, is no array, holds other numbers, or is shorter or longer than its header says.
pub fn read_npy(path: &Path) -> Result<Array2<f32>> {
    let file = File::open(path).map_err(|error| DataError::file(path, error))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    parse_npy(&mut reader).map_err(|fault| match fault {
        Fault::Io(error) if error.kind() == ErrorKind::UnexpectedEof => DataError::Array {
            path: path.to_path_buf(),
            reason: "it ends within its header".into(),
        },
        Fault::Io(error) => DataError::file(path, error),
        Fault::Array(reason) => DataError::Array {
            path: path.to_path_buf(),
            reason,
        },
    })
}

enum Fault {
    Io(std::io::Error),
    Array(String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn parse_npy(reader: &mut dyn Read) -> std::result::Result<Array2<f32>, Fault> {
    let mut mark = [0; 8];
    reader.read_exact(&mut mark)?;
    if mark[..6] != *b"\x93NUMPY" {
        return Err(Fault::Array("it does not begin as a NumPy array".into()));
    }
    let mut length = [0; 4];
    let length_bytes = if mark[6] == 1 { 2 } else { 4 };
    reader.read_exact(&mut length[..length_bytes])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(Fault::Array(format!("its header has {length} bytes")));
    }
    let mut header = vec![0; length];
    reader.read_exact(&mut header)?;
    let header = String::from_utf8_lossy(&header);
    let shape = shape(&header).map_err(Fault::Array)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let expected = shape.0.checked_mul(shape.1).and_then(|n| n.checked_mul(4));
    if expected != Some(bytes.len()) {
        return Err(Fault::Array(format!(
            "it has {} bytes of numbers for {} rows of {}",
            bytes.len(),
            shape.0,
            shape.1
        )));
    }
    let words = bytes.chunks_exact(4);
    let numbers = words.map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    Array2::from_shape_vec(shape, numbers.collect())
        .map_err(|error| Fault::Array(error.to_string()))
}

/// Rows and width of a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`.
fn shape(header: &str) -> std::result::Result<(usize, usize), String> {
    let words: String = header.chars().filter(|c| !c.is_whitespace()).collect();
    for expected in ["'descr':'<f4'", "'fortran_order':False"] {
        if !words.contains(expected) {
            return Err(format!("its header lacks {expected}: {}", header.trim()));
        }
    }
    let inside = words
        .split_once("'shape':(")
        .and_then(|(_, rest)| rest.split_once(')'));
    let sizes = inside.and_then(|(inside, _)| {
        let parts = inside.split(',').filter(|part| !part.is_empty());
        let sizes = parts.map(|part| part.parse::<usize>().ok());
        sizes.collect::<Option<Vec<_>>>()
    });
    match sizes.as_deref() {
        Some(&[rows, width]) => Ok((rows, width)),
        _ => Err(format!(
            "its header has no shape of two sizes: {}",
            header.trim()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Columns, OutputRow, open_sink};

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("dd-data-npy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be made");
        let path = folder.join("a.npy");
        let columns = Columns::Vector {
            name: "embedding".into(),
            width: 2,
        };
        let mut sink = open_sink(&path, &columns).expect("npy is known");
        for row in 0..3 {
            let row = OutputRow {
                row,
                input: String::new(),
                outcome: Ok(vec![row as f32, -0.5]),
            };
            sink.write(&row).expect("the row fits");
        }
        sink.finish().expect("the disk takes it");
        let read = read_npy(&path).expect("it is an array");
        assert_eq!(read, ndarray::array![[0.0, -0.5], [1.0, -0.5], [2.0, -0.5]]);
        let whole = std::fs::read(&path).expect("the file is there");
        for length in [0, 7, 9, 50, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("the disk takes it");
            assert!(matches!(read_npy(&path), Err(DataError::Array { .. })));
        }
        for (from, to) in [("<f4", "<f8"), ("False", "True "), ("(3, 2)", "(3, 9)")] {
            let text: Vec<u8> = String::from_utf8_lossy(&whole[..128])
                .replace(from, to)
                .into();
            let mut changed = whole.clone();
            // The mark is no UTF-8; the header is ASCII.
            let header = &text[text.len() - 118..];
            changed[10..128].copy_from_slice(header);
            std::fs::write(&path, &changed).expect("the disk takes it");
            assert!(read_npy(&path).is_err(), "{from}");
        }
    }
}
