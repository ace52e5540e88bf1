//! `dnd embed`: the representation of every row.

use dd_train::RowEmbedder;

use crate::cli::Predict;
use crate::commands::job::{Job, Start};
use crate::commands::rows::answer;
use crate::failure::{Failure, Outcome};

/// Answers every row.
pub(crate) fn run(arguments: &Predict, quiet: bool) -> Outcome {
    let job = match Job::start("embed", arguments, (&[], None), quiet)? {
        Start::Go(job) => job,
        Start::Done(outcome) => return outcome,
    };
    let model =
        RowEmbedder::load_as(&arguments.model, arguments.precision()).map_err(Failure::misuse)?;
    answer(job, arguments, &model)
}
