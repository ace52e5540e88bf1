//! Rows of a file as labelled vectors: by a model, or from a file that `dnd embed` wrote.

use std::path::Path;

use dd_data::output::{OutputError, OutputRow, RowSink};
use dd_data::{InputRow, RowFault};
use dd_mol::smiles;
use dd_search::Label;
use dd_train::{OnError, RowEmbedder, answer_rows};

use crate::failure::Failure;

/// What became of each row, in order.
#[derive(Default)]
pub(super) struct Embedded {
    pub(super) labels: Vec<Label>,
    pub(super) outcomes: Vec<Result<Vec<f32>, RowFault>>,
}

impl RowSink for Embedded {
    fn write(&mut self, row: &OutputRow) -> Result<(), OutputError> {
        self.outcomes.push(row.outcome.clone());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Embeds all rows; `seen` hears how many were read.
pub(super) fn embed(
    rows: impl Iterator<Item = dd_data::Result<InputRow>>,
    model: &Path,
    batch_tokens: usize,
    seen: impl Fn(usize),
) -> Result<Embedded, Failure> {
    let model = RowEmbedder::load(model).map_err(Failure::misuse)?;
    let mut labels = Vec::new();
    let mut embedded = Embedded::default();
    let labelled = rows.inspect(|row| {
        if let Ok(row) = row {
            labels.push(label(row));
            seen(labels.len());
        }
    });
    answer_rows(
        labelled,
        &model,
        batch_tokens,
        OnError::Report,
        &mut embedded,
    )
    .map_err(Failure::rows)?;
    embedded.labels = labels;
    Ok(embedded)
}

/// A row by its SMILES and its name; a record of coordinates has its canonical SMILES.
pub(super) fn label(row: &InputRow) -> Label {
    let (input, name) = match &row.molecule {
        Ok(molecule) if row.input == molecule.name() => {
            (smiles::write(molecule), row.input.clone())
        }
        Ok(molecule) => (row.input.clone(), molecule.name().to_string()),
        Err(_) => (row.input.clone(), String::new()),
    };
    Label {
        row: row.row,
        input,
        name,
    }
}
