//! `dnd embed`: the representation of every row.

use dd_train::RowEmbedder;

use crate::cli::Predict;
use crate::commands::rows::answer;
use crate::failure::{Failure, Outcome};

/// Answers every row.
pub(crate) fn run(arguments: &Predict, quiet: bool) -> Outcome {
    let model = RowEmbedder::load(&arguments.model).map_err(Failure::misuse)?;
    answer("embed", arguments, &model, quiet)
}
