//! SD files inside `.tar.gz` archives, read as a stream: QM9 (`gdb9.tar.gz`) and PCQM4Mv2.
//!
//! Nothing is unpacked to disk, and no more than one record is in memory.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::Path;

use dd_mol::Molecule;
use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::{SdfErrorKind, SdfReader};

use crate::error::{DataError, Result, RowFault};
use crate::source::open;

/// The bytes of a member; a file that ends before they do is cut short.
pub(crate) fn whole<R: Read>(entry: tar::Entry<'_, R>) -> impl BufRead {
    let missing = entry.size();
    BufReader::with_capacity(1 << 16, Whole { entry, missing })
}

struct Whole<R> {
    entry: R,
    missing: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.entry.read(bytes)?;
        if count == 0 && self.missing > 0 && !bytes.is_empty() {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!(
                    "the archive is cut short: {} bytes are missing",
                    self.missing
                ),
            ));
        }
        self.missing = self.missing.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Visits the records of the first SD file in an archive, in order, until `visit` breaks off.
///
/// `visit` gets the 0-based number of the record and its molecule with hydrogens as stored, or why it has none. Returns the
/// number of records visited.
///
/// # Errors
/// When the archive cannot be read, is cut short, or holds no SD file.
pub fn visit_sdf_archive(
    path: &Path,
    mut visit: impl FnMut(u64, std::result::Result<Molecule, RowFault>) -> ControlFlow<()>,
) -> Result<u64> {
    let system = |error| DataError::file(path, error);
    let mut archive = tar::Archive::new(open(path)?);
    for entry in archive.entries().map_err(system)? {
        let entry = entry.map_err(system)?;
        let name = entry.path_bytes().to_ascii_lowercase();
        if !entry.header().entry_type().is_file() || !name.ends_with(b".sdf") {
            continue;
        }
        let records = SdfReader::new(whole(entry), MolfileOptions::KEEP_HYDROGENS);
        let mut count = 0;
        for record in records {
            let record = match record {
                Ok(molecule) => Ok(molecule),
                Err(error) => match error.kind {
                    SdfErrorKind::Io(source) => return Err(system(source)),
                    kind => Err(RowFault::new(kind.name(), kind.to_string())),
                },
            };
            let flow = visit(count, record);
            count += 1;
            if flow.is_break() {
                break;
            }
        }
        return Ok(count);
    }
    Err(system(std::io::Error::new(
        std::io::ErrorKind::NotFound,
        "the archive holds no .sdf file",
    )))
}
