//! `dnd embed`: the representation of every row.

use dd_train::RowEmbedder;

use crate::cli::Predict;
use crate::commands::rows::answer;
use crate::failure::{Failure, Outcome};

/// Answers every row.
pub(crate) fn run(arguments: &Predict, quiet: bool) -> Outcome {
    let model = RowEmbedder::load_as(&arguments.model, arguments.element_type())
        .map_err(Failure::misuse)?;
    answer(&arguments.rows, &model, arguments.batch_tokens, quiet)
}
