//! Texts of records and rows of a table, side by side, read by a thread of its own through a queue of bounded length.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::{SdfErrorKind, SdfReader};

use super::alignment::{Aligner, Member, Step};
use super::composition::Composition;
use crate::archive::whole;
use crate::error::{DataError, Result, RowFault};
use crate::source::open;
use crate::table::TableReader;

/// Steps in one message: enough to make the exchange between threads cheap.
const STEPS_PER_MESSAGE: usize = 32;
/// Messages that wait to be taken.
const QUEUE: usize = 8;

/// A record of the archive: its number, and its text.
pub(super) struct RecordText {
    pub(super) number: u64,
    pub(super) text: std::result::Result<String, RowFault>,
}

/// A row of the table.
pub(super) struct RowText {
    pub(super) row: u64,
    pub(super) smiles: std::result::Result<String, RowFault>,
    pub(super) id: String,
}

/// Records and rows that belong together, as far as their order tells.
pub(super) type Pair = Step<RecordText, RowText>;
/// The next pairs, or why there are no more.
pub(super) type Message = Result<Vec<Pair>>;

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) archive: PathBuf,
    pub(super) table: PathBuf,
    pub(super) smiles_column: String,
    pub(super) id_column: Option<String>,
}

/// Starts reading.
///
/// # Errors
/// When a file cannot be opened or the table lacks a column. What goes wrong later is the last message.
pub(super) fn start(input: &Input) -> Result<Receiver<Message>> {
    let table = TableReader::open(&input.table)?;
    let smiles = table.column(&input.smiles_column)?;
    let id = match &input.id_column {
        Some(name) => Some(table.column(name)?),
        None => None,
    };
    let archive = open(&input.archive)?;
    let path = input.archive.clone();
    let (sender, receiver) = sync_channel(QUEUE);
    thread::spawn(move || {
        let rows = table.map(move |row| {
            let row = row?;
            let number = row.row;
            Ok(match row.fields {
                Ok(fields) => RowText {
                    row: number,
                    smiles: Ok(fields[smiles].trim().to_string()),
                    id: id.map_or_else(String::new, |id| fields[id].clone()),
                },
                Err(fault) => RowText {
                    row: number,
                    smiles: Err(fault),
                    id: String::new(),
                },
            })
        });
        if let Err(error) = read(archive, &path, rows, &sender) {
            // A consumer that has gone does not want to know.
            let _ = sender.send(Err(error));
        }
    });
    Ok(receiver)
}

/// Reads the archive's first SD file, or the SD file that the archive itself is.
fn read(
    reader: Box<dyn BufRead + Send>,
    path: &Path,
    rows: impl Iterator<Item = Result<RowText>>,
    sender: &SyncSender<Message>,
) -> Result<()> {
    let system = |error| DataError::file(path, error);
    if !is_tar(path) {
        return pair(reader, path, rows, sender);
    }
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(system)? {
        let entry = entry.map_err(system)?;
        let name = entry.path_bytes().to_ascii_lowercase();
        if entry.header().entry_type().is_file() && name.ends_with(b".sdf") {
            return pair(whole(entry), path, rows, sender);
        }
    }
    Err(system(io::Error::new(
        io::ErrorKind::NotFound,
        "the archive holds no .sdf file",
    )))
}

/// Whether a file name says that the file is a tar archive.
pub(super) fn is_tar(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn pair(
    reader: impl BufRead,
    path: &Path,
    rows: impl Iterator<Item = Result<RowText>>,
    sender: &SyncSender<Message>,
) -> Result<()> {
    // The first error of either sequence ends it, and is told when the other has been paired as far as it goes.
    let failed = RefCell::new(None);
    let mut reader = SdfReader::new(reader, MolfileOptions::KEEP_HYDROGENS);
    let mut number = 0;
    let records = std::iter::from_fn(|| {
        let text = match reader.next_text()? {
            Ok(text) => Ok(text),
            Err(error) => match error.kind {
                SdfErrorKind::Io(source) => {
                    failed
                        .borrow_mut()
                        .get_or_insert(DataError::file(path, source));
                    return None;
                }
                kind => Err(RowFault::new(kind.name(), kind.to_string())),
            },
        };
        let composition = text.as_deref().ok().and_then(Composition::of_record);
        let value = RecordText { number, text };
        number += 1;
        Some(Member { value, composition })
    });
    let rows = rows.map_while(|row| match row {
        Ok(value) => {
            let composition = value.smiles.as_deref().ok().map(Composition::of_smiles);
            Some(Member { value, composition })
        }
        Err(error) => {
            failed.borrow_mut().get_or_insert(error);
            None
        }
    });
    let mut steps = Aligner::new(records, rows);
    loop {
        let mut batch: Vec<Pair> = steps.by_ref().take(STEPS_PER_MESSAGE).collect();
        if failed.borrow().is_some() {
            // What has no partner may have lost it to the failure.
            batch.retain(|step| matches!(step, Step::Both(..)));
            let _ = sender.send(Ok(batch));
            return failed.into_inner().map_or(Ok(()), Err);
        }
        if batch.is_empty() || sender.send(Ok(batch)).is_err() {
            return Ok(());
        }
    }
}
