//! Opening files: format by extension, `.gz` transparently.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::error::{DataError, Result};

const BUFFER: usize = 1 << 16;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One SMILES a line, then blanks and a name.
    Smi,
    /// Comma-separated, with a header line.
    Csv,
    /// Tab-separated, with a header line.
    Tsv,
    /// MOL blocks with data fields; a single `.mol` is an SD file of one record.
    Sdf,
    /// Frames of symbols and coordinates.
    Xyz,
}

impl Format {
    /// The format that a file name states, with or without `.gz`.
    ///
    /// # Errors
    /// [`DataError::UnknownFormat`].
    pub fn of(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().to_ascii_lowercase())
            .unwrap_or_default();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("smi" | "smiles") => Ok(Self::Smi),
            Some("csv") => Ok(Self::Csv),
            Some("tsv") => Ok(Self::Tsv),
            Some("sdf" | "mol" | "sd") => Ok(Self::Sdf),
            Some("xyz") => Ok(Self::Xyz),
            _ => Err(DataError::UnknownFormat {
                path: path.to_path_buf(),
            }),
        }
    }

    /// Column separator of a table.
    pub(crate) fn delimiter(self) -> u8 {
        if self == Self::Tsv { b'\t' } else { b',' }
    }
}

/// Opens a file for reading; a `.gz` or `.tgz` is decompressed while it is read.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    Ok(open_counted(path)?.0)
}

/// How much of a file has been read.
#[derive(Debug, Clone)]
pub struct ReadCount {
    done: Arc<AtomicU64>,
    total: u64,
}

impl ReadCount {
    /// Bytes read so far, compressed ones if the file is.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes of the file; 0 for a pipe.
    pub fn total(&self) -> u64 {
        self.total
    }
}

struct Counted(File, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(bytes)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// [`open`], and a count of what has been read, for showing progress.
///
/// # Errors
/// As [`open`].
pub fn open_counted(path: &Path) -> Result<(Box<dyn BufRead + Send>, ReadCount)> {
    let fail = |error| DataError::file(path, error);
    let file = File::open(path).map_err(fail)?;
    let count = ReadCount {
        done: Arc::default(),
        total: file.metadata().map_err(fail)?.len(),
    };
    let file = Counted(file, Arc::clone(&count.done));
    let reader = BufReader::with_capacity(BUFFER, file);
    let compressed = path.extension().is_some_and(|extension| {
        ["gz", "tgz"]
            .iter()
            .any(|gz| extension.eq_ignore_ascii_case(gz))
    });
    let reader = if compressed {
        decompress(reader)
    } else {
        Box::new(reader) as Box<dyn BufRead + Send>
    };
    Ok((reader, count))
}

/// Decompresses a gzip stream of one or more members.
pub(crate) fn decompress(reader: impl BufRead + Send + 'static) -> Box<dyn BufRead + Send> {
    let decoder = MultiGzDecoder::new(reader);
    Box::new(BufReader::with_capacity(BUFFER, decoder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(of("a/b.csv.gz"), Some(Format::Csv));
        assert_eq!(of("B.SDF"), Some(Format::Sdf));
        assert_eq!(of("x.tar.gz"), None);
        assert_eq!(of("csv"), None);
    }
}
