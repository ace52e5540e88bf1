//! Answering every row of an input, in order, in bounded memory.
//!
//! Rows are read until their graphs fill a batch, the batch is run, and its rows are written together with the rows between
//! them that failed: one output row per input row, in input order, whatever fails.

use dd_data::output::{Columns, OutputRow, RowSink};
use dd_data::{InputRow, RowFault};
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

/// A model that answers molecules.
pub trait RowModel {
    /// What the values of an answer are.
    fn columns(&self) -> Columns;

    /// The graph that the model sees.
    ///
    /// # Errors
    /// Why this molecule cannot be answered.
    fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault>;

    /// The values of every graph, in order.
    ///
    /// # Errors
    /// When the model fails: no row's fault.
    fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>>;
}

/// What to do with a row that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// End with the row's fault.
    Stop,
    /// Leave the row out, and count it.
    Skip,
    /// Write the fault in the row's place.
    Report,
}

/// How many rows there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows read.
    pub rows: u64,
    /// Rows without an answer.
    pub failed: u64,
}

/// Reads, runs and writes all rows; `batch_tokens` bounds the tokens ([`MolGraph::num_tokens`]) of a batch of more than one
/// molecule.
///
/// # Errors
/// When the input breaks off (after the rows before are answered), the model fails, the output cannot be written, or a row
/// fails under [`OnError::Stop`].
pub fn answer_rows(
    rows: impl Iterator<Item = dd_data::Result<InputRow>>,
    model: &dyn RowModel,
    batch_tokens: usize,
    on_error: OnError,
    sink: &mut dyn RowSink,
) -> Result<Summary> {
    let mut pending = Pending::default();
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                pending.flush(model, on_error, sink)?;
                return Err(error.into());
            }
        };
        let graph = row.molecule.and_then(|molecule| model.featurize(&molecule));
        let ends = graph.is_err() && on_error == OnError::Stop;
        let tokens = graph.as_ref().map_or(0, MolGraph::num_tokens);
        if pending.tokens > 0 && pending.tokens + tokens > batch_tokens {
            pending.flush(model, on_error, sink)?;
        }
        pending.push(row.row, row.input, graph);
        if ends || pending.is_large() {
            pending.flush(model, on_error, sink)?;
        }
    }
    pending.flush(model, on_error, sink)?;
    Ok(pending.summary)
}

/// The fault of a row that a run ends with.
pub(crate) fn ends_with(row: u64, fault: &RowFault) -> TrainError {
    TrainError::Record {
        index: row as usize,
        reason: fault.message.clone(),
    }
}

/// Most rows held at once, whatever their size: a long run of faults must not pile up.
const MAX_PENDING: usize = 4096;
/// Most bytes of input held at once, and one row more.
pub(crate) const MAX_INPUT_BYTES: usize = 16 << 20;

#[derive(Default)]
struct Pending {
    rows: Vec<(u64, String, std::result::Result<(), RowFault>)>,
    graphs: Vec<MolGraph>,
    tokens: usize,
    input_bytes: usize,
    /// Of the rows that are no longer held.
    summary: Summary,
}

impl Pending {
    fn is_large(&self) -> bool {
        self.rows.len() >= MAX_PENDING || self.input_bytes >= MAX_INPUT_BYTES
    }

    fn push(&mut self, row: u64, input: String, graph: std::result::Result<MolGraph, RowFault>) {
        let outcome = graph.map(|graph| {
            self.tokens += graph.num_tokens();
            self.graphs.push(graph);
        });
        self.input_bytes += input.len();
        self.rows.push((row, input, outcome));
    }

    fn flush(
        &mut self,
        model: &dyn RowModel,
        on_error: OnError,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let graphs = std::mem::take(&mut self.graphs);
        (self.tokens, self.input_bytes) = (0, 0);
        let mut answers = if graphs.is_empty() {
            Vec::new().into_iter()
        } else {
            let batch = GraphBatch::collate(&graphs, &candle_core::Device::Cpu)?;
            model.run(&batch)?.into_iter()
        };
        for (row, input, outcome) in self.rows.drain(..) {
            self.summary.rows += 1;
            let outcome = match outcome {
                Ok(()) => {
                    let values = answers.next().ok_or_else(|| TrainError::Record {
                        index: row as usize,
                        reason: "the model gave fewer answers than there are graphs".into(),
                    })?;
                    let finite = values.iter().all(|value| value.is_finite());
                    finite.then_some(values).ok_or_else(RowFault::not_finite)
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = &outcome {
                self.summary.failed += 1;
                match on_error {
                    OnError::Stop => return Err(ends_with(row, fault)),
                    OnError::Skip => continue,
                    OnError::Report => {}
                }
            }
            sink.write(&OutputRow {
                row,
                input,
                outcome,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use dd_data::output::OutputError;
    use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};

    use super::*;

    struct Deaf;

    impl RowModel for Deaf {
        fn columns(&self) -> Columns {
            Columns::Scalars(Vec::new())
        }

        fn featurize(&self, _molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
            Err(RowFault::new("deaf", "no molecule is heard"))
        }

        fn run(&self, _batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
            Ok(Vec::new())
        }
    }

    /// Bytes of input that were read and not yet written.
    struct Held<'a>(&'a Cell<usize>);

    impl RowSink for Held<'_> {
        fn write(&mut self, row: &OutputRow) -> std::result::Result<(), OutputError> {
            self.0.set(self.0.get() - row.input.len());
            Ok(())
        }

        fn finish(self: Box<Self>) -> std::result::Result<(), OutputError> {
            Ok(())
        }
    }

    #[test]
    fn rows_before_the_point_where_the_input_breaks_off_are_answered() {
        let held = Cell::new(2);
        let rows = (0..3).map(|row| match row {
            2 => Err(dd_data::DataError::File {
                path: "cut.smi.gz".into(),
                source: std::io::ErrorKind::UnexpectedEof.into(),
            }),
            _ => Ok(InputRow {
                row,
                input: "C".into(),
                molecule: Err(RowFault::new("deaf", "no molecule is heard")),
            }),
        });
        let mut sink = Held(&held);
        assert!(answer_rows(rows, &Deaf, 8192, OnError::Report, &mut sink).is_err());
        assert_eq!(held.get(), 0);
    }

    /// Says of a molecule how many atoms it has, and of methane no number.
    struct Counts;

    impl RowModel for Counts {
        fn columns(&self) -> Columns {
            Columns::Scalars(vec!["atoms".into()])
        }

        fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
            let featurizer = OgbFeaturizer::new(OgbConfig::heavy_atoms());
            let graph = featurizer.featurize(molecule);
            graph.map_err(|error| RowFault::new("featurize", error.to_string()))
        }

        fn run(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>> {
            let atoms = batch.nodes.lengths().map(|count| match count {
                1 => f32::NAN,
                count => count as f32,
            });
            Ok(atoms.map(|count| vec![count]).collect())
        }
    }

    /// What was written of each row.
    #[derive(Default)]
    struct Written(Vec<(u64, std::result::Result<Vec<f32>, &'static str>)>);

    impl RowSink for &mut Written {
        fn write(&mut self, row: &OutputRow) -> std::result::Result<(), OutputError> {
            let outcome = row.outcome.clone().map_err(|fault| fault.kind);
            self.0.push((row.row, outcome));
            Ok(())
        }

        fn finish(self: Box<Self>) -> std::result::Result<(), OutputError> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_that_is_no_number_is_a_fault_of_its_row() {
        let answer = |on_error| {
            let rows = (0..).zip(["CC", "C", "CCC"]).map(|(row, text)| {
                Ok(InputRow {
                    row,
                    input: text.into(),
                    molecule: dd_mol::smiles::parse(text).map_err(RowFault::from),
                })
            });
            let mut written = Written::default();
            let summary = answer_rows(rows, &Counts, 8192, on_error, &mut &mut written);
            (summary.map(|s| (s.rows, s.failed)).ok(), written.0)
        };
        let (first, last) = ((0, Ok(vec![2.0])), (2, Ok(vec![3.0])));
        let fault = (1, Err("not-finite"));
        let report = vec![first.clone(), fault, last.clone()];
        assert_eq!(answer(OnError::Report), (Some((3, 1)), report));
        assert_eq!(
            answer(OnError::Skip),
            (Some((3, 1)), vec![first.clone(), last])
        );
        assert_eq!(answer(OnError::Stop), (None, vec![first]));
    }

    #[test]
    fn long_rows_without_an_answer_do_not_pile_up() {
        const MEGABYTE: usize = 1 << 20;
        for (on_error, most) in [
            (OnError::Report, MAX_INPUT_BYTES + MEGABYTE),
            (OnError::Skip, usize::MAX),
        ] {
            let held = Cell::new(0);
            let rows = (0..50).map(|row| {
                held.set(held.get() + MEGABYTE);
                assert!(held.get() <= most, "{}", held.get());
                Ok(InputRow {
                    row,
                    input: "C".repeat(MEGABYTE),
                    molecule: Err(RowFault::new("long", "it is too long")),
                })
            });
            let summary = answer_rows(rows, &Deaf, 8192, on_error, &mut Held(&held)).unwrap();
            assert_eq!((summary.rows, summary.failed), (50, 50));
            assert_eq!(held.get() == 0, on_error == OnError::Report);
        }
    }
}
