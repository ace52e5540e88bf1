//! Geometries in an SD file, molecules in a table: the shape in which PCQM4Mv2 is published.
//!
//! `pcqm4m-v2-train.sdf.tar.gz` holds one SD file of 3,378,606 records, in the order of the first rows of a table of SMILES.
//! The atoms of a record stand in another order than those of its SMILES. [`PairedArchive`] reads both as streams and gives
//! one [`Record`] per row: the molecule of the SMILES with the positions of the record, atom by atom
//! ([`Agreement`] says how far the two agree). Nothing is unpacked, and memory does not depend on the size of the archive.
//!
//! # What does not match
//! Every row and every record is answered. A row whose record is broken or another molecule is a [`DataError::Row`] with the
//! reason. Where a row or a record is missing, the rest is put in step again by what the next molecules are made of, and what
//! has no partner is an error of kind `no-record` or `no-row`. Rows after the last record are counted, not reported one by
//! one: the table of PCQM4Mv2 has 368,014 of them.

mod alignment;
mod composition;
mod graft;
mod matching;
mod reader;
mod report;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use dd_mol::Molecule;

use crate::error::{DataError, Result, RowFault};
use crate::ordered::Ordered;
use crate::record::Record;
use alignment::Step;
use reader::{Input, Message, Pair, RecordText, RowText};

pub use matching::Agreement;
pub use report::PairReport;

/// An archive of geometries and the table of its molecules, opened.
///
/// ```no_run
/// use dd_data::PairedArchive;
/// let pairs = PairedArchive::open(
///     "pcqm4m-v2-train.sdf.tar.gz".as_ref(),
///     "data.csv.gz".as_ref(),
///     "smiles",
///     None,
/// )?;
/// let mut records = pairs.records(2);
/// for record in records.by_ref() {
///     println!("{:?}", record.map(|record| record.molecule.num_atoms()));
/// }
/// println!("{}", records.report());
/// # Ok::<(), dd_data::DataError>(())
/// ```
pub struct PairedArchive {
    messages: Receiver<Message>,
    paths: Paths,
}

#[derive(Clone)]
struct Paths {
    archive: PathBuf,
    table: PathBuf,
}

impl PairedArchive {
    /// Opens `archive` (`.sdf` in a `.tar`, or alone; each may be gzipped) and `table` (`.csv` or `.tsv`, may be gzipped).
    ///
    /// # Errors
    /// When a file cannot be opened or the table lacks a column.
    pub fn open(
        archive: &Path,
        table: &Path,
        smiles_column: &str,
        id_column: Option<&str>,
    ) -> Result<Self> {
        let messages = reader::start(&Input {
            archive: archive.to_path_buf(),
            table: table.to_path_buf(),
            smiles_column: smiles_column.to_string(),
            id_column: id_column.map(str::to_string),
        })?;
        Ok(Self {
            messages,
            paths: Paths {
                archive: archive.to_path_buf(),
                table: table.to_path_buf(),
            },
        })
    }

    /// The records, in order, made by `workers` threads (by the caller's, when there are none).
    pub fn records(self, workers: usize) -> PairedItems<Record> {
        self.map(workers, Ok)
    }

    /// What `make` makes of the records, in order.
    pub fn map<T: Send + 'static>(
        self,
        workers: usize,
        make: impl Fn(Record) -> std::result::Result<T, RowFault> + Send + Sync + 'static,
    ) -> PairedItems<T> {
        let feed = Feed::new(self.messages);
        let paths = self.paths;
        let tables = paths.clone();
        let job = move |position: usize| {
            feed.take(position).map(|message| {
                let answers = message?.into_iter().map(|pair| answer(pair, &paths, &make));
                Ok(answers.collect::<Vec<_>>())
            })
        };
        PairedItems {
            batches: Ordered::new(usize::MAX, workers, 4 * workers, Arc::new(job)),
            ready: VecDeque::new(),
            report: PairReport::default(),
            unmatched: None,
            table: tables.table,
            finished: false,
        }
    }
}

/// Whether a file is one for [`PairedArchive`] alone: a tar archive.
pub fn is_archive(path: &Path) -> bool {
    reader::is_tar(path)
}

/// Hands out the messages one by one, in order.
struct Feed {
    state: Mutex<(Receiver<Message>, usize)>,
    turn: Condvar,
}

impl Feed {
    fn new(messages: Receiver<Message>) -> Self {
        Self {
            state: Mutex::new((messages, 0)),
            turn: Condvar::new(),
        }
    }

    /// Message number `position`; `None` after the last. Positions are asked for in order, if by several threads.
    fn take(&self, position: usize) -> Option<Message> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .turn
            .wait_while(state, |(_, next)| *next != position)
            .unwrap_or_else(PoisonError::into_inner);
        let message = state.0.recv().ok();
        state.1 += 1;
        self.turn.notify_all();
        message
    }
}

/// The answer to one row or record.
enum Answer<T> {
    Made(Box<T>, u64, Agreement),
    Failed(DataError),
    /// A row without a record.
    Row(u64),
}

fn answer<T>(
    pair: Pair,
    paths: &Paths,
    make: impl Fn(Record) -> std::result::Result<T, RowFault>,
) -> Answer<T> {
    match pair {
        Step::Second(row) => Answer::Row(row.row),
        Step::First(record) => Answer::Failed(DataError::Row {
            path: paths.archive.clone(),
            row: record.number,
            id: String::new(),
            fault: RowFault::new("no-row", "the table has no row for this record"),
        }),
        Step::Both(record, row) => {
            let number = record.number;
            let (at, id) = (row.row, row.id.clone());
            let made = together(record, row).and_then(|(molecule, agreement)| {
                let record = Record {
                    molecule,
                    targets: Vec::new(),
                    id: id.clone(),
                    row: at,
                };
                Ok((make(record)?, agreement))
            });
            match made {
                Ok((value, agreement)) => Answer::Made(Box::new(value), at, agreement),
                Err(mut fault) => {
                    if number != at {
                        fault.message = format!("with record {number}: {}", fault.message);
                    }
                    Answer::Failed(DataError::Row {
                        path: paths.table.clone(),
                        row: at,
                        id,
                        fault,
                    })
                }
            }
        }
    }
}

fn together(
    record: RecordText,
    row: RowText,
) -> std::result::Result<(Molecule, Agreement), RowFault> {
    let smiles = row.smiles?;
    if smiles.is_empty() {
        return Err(RowFault::new("empty", "the SMILES is empty"));
    }
    graft::grafted(&smiles, &record.text?)
}

/// One result per row or record, in order.
pub struct PairedItems<T> {
    batches: Ordered<Option<Result<Vec<Answer<T>>>>>,
    ready: VecDeque<Answer<T>>,
    report: PairReport,
    /// The last rows without a record: the first of them, and how many.
    unmatched: Option<(u64, u64)>,
    table: PathBuf,
    finished: bool,
}

impl<T> PairedItems<T> {
    /// What has been read so far; complete after the last item.
    pub fn report(&self) -> &PairReport {
        &self.report
    }
}

impl<T: Send + 'static> Iterator for PairedItems<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.ready.front() {
                Some(Answer::Row(row)) => {
                    let (_, count) = self.unmatched.get_or_insert((*row, 0));
                    *count += 1;
                    self.ready.pop_front();
                    continue;
                }
                Some(_) => {}
                None if self.finished => return None,
                None => {
                    match self.batches.next() {
                        Some(Some(Some(Ok(batch)))) => self.ready.extend(batch),
                        ended => {
                            self.finished = true;
                            let rows = self.unmatched.take();
                            self.report.surplus_rows = rows.map_or(0, |(_, count)| count);
                            return match ended {
                                Some(Some(Some(Err(error)))) => Some(Err(error)),
                                Some(None) => Some(Err(DataError::WorkerLost)),
                                _ => None,
                            };
                        }
                    }
                    continue;
                }
            }
            // A record follows, so the rows before it should have had one.
            if let Some((row, count)) = self.unmatched.take() {
                self.unmatched = (count > 1).then_some((row + 1, count - 1));
                return Some(Err(DataError::Row {
                    path: self.table.clone(),
                    row,
                    id: String::new(),
                    fault: RowFault::new("no-record", "the archive has no record for this row"),
                }));
            }
            return match self.ready.pop_front() {
                Some(Answer::Made(value, row, agreement)) => {
                    self.report.count(row, agreement);
                    Some(Ok(*value))
                }
                Some(Answer::Failed(error)) => Some(Err(error)),
                Some(Answer::Row(_)) | None => None,
            };
        }
    }
}
