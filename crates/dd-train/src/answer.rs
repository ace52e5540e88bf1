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

/// Reads, runs and writes all rows; `batch_tokens` bounds the nodes and directed edges of a batch.
///
/// # Errors
/// When the input breaks off, the model fails, the output cannot be written, or a row fails under [`OnError::Stop`].
pub fn answer_rows(
    rows: impl Iterator<Item = dd_data::Result<InputRow>>,
    model: &dyn RowModel,
    batch_tokens: usize,
    on_error: OnError,
    sink: &mut dyn RowSink,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut pending = Pending::default();
    for row in rows {
        let row = row?;
        summary.rows += 1;
        let graph = row.molecule.and_then(|molecule| model.featurize(&molecule));
        if let Err(fault) = &graph {
            summary.failed += 1;
            if on_error == OnError::Stop {
                pending.flush(model, on_error, sink)?;
                return Err(TrainError::Record {
                    index: row.row as usize,
                    reason: format!("{}: {}", row.input, fault.message),
                });
            }
        }
        pending.push(row.row, row.input, graph);
        if pending.tokens >= batch_tokens || pending.rows.len() >= MAX_PENDING {
            pending.flush(model, on_error, sink)?;
        }
    }
    pending.flush(model, on_error, sink)?;
    Ok(summary)
}

/// Most rows held at once, whatever their size: a long run of faults must not pile up.
const MAX_PENDING: usize = 4096;

#[derive(Default)]
struct Pending {
    rows: Vec<(u64, String, std::result::Result<(), RowFault>)>,
    graphs: Vec<MolGraph>,
    tokens: usize,
}

impl Pending {
    fn push(&mut self, row: u64, input: String, graph: std::result::Result<MolGraph, RowFault>) {
        let outcome = graph.map(|graph| {
            self.tokens += graph.num_nodes() + graph.num_edges();
            self.graphs.push(graph);
        });
        self.rows.push((row, input, outcome));
    }

    fn flush(
        &mut self,
        model: &dyn RowModel,
        on_error: OnError,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let graphs = std::mem::take(&mut self.graphs);
        self.tokens = 0;
        let mut answers = if graphs.is_empty() {
            Vec::new().into_iter()
        } else {
            let batch = GraphBatch::collate(&graphs, &candle_core::Device::Cpu)?;
            model.run(&batch)?.into_iter()
        };
        for (row, input, outcome) in self.rows.drain(..) {
            let outcome = match outcome {
                Ok(()) => Ok(answers.next().ok_or_else(|| TrainError::Record {
                    index: row as usize,
                    reason: "the model gave fewer answers than there are graphs".into(),
                })?),
                Err(_) if on_error == OnError::Skip => continue,
                Err(fault) => Err(fault),
            };
            sink.write(&OutputRow {
                row,
                input,
                outcome,
            })?;
        }
        Ok(())
    }
}
