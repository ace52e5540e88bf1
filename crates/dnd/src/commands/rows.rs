//! What the commands that answer rows have in common: opening the input, the summary, the exit code.

use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use dd_data::output::open_sink;
use dd_data::{Format, RowOptions, Rows};
use dd_train::{RowModel, answer_rows};

use crate::cli;
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// Exit code of a run in which some rows had no answer.
const SOME_FAILED: u8 = 3;

/// Opens the input; `-` reads SMILES from standard input.
pub(crate) fn open_rows(arguments: &cli::Rows) -> Result<Rows, Failure> {
    let table = matches!(Format::of(&arguments.input), Ok(Format::Csv | Format::Tsv));
    let options = RowOptions {
        smiles_column: arguments.smiles_column.clone().filter(|_| table),
        ..RowOptions::GRAPH
    };
    if arguments.input == Path::new("-") {
        let input = Box::new(BufReader::new(std::io::stdin()));
        return Rows::from_reader(input, &arguments.input, Format::Smi, options)
            .map_err(Failure::misuse);
    }
    Rows::open(&arguments.input, options).map_err(Failure::misuse)
}

/// Answers every row with a model.
pub(crate) fn answer(
    arguments: &cli::Rows,
    model: &dyn RowModel,
    batch_tokens: usize,
    quiet: bool,
) -> Outcome {
    let rows = open_rows(arguments)?;
    let mut sink = open_sink(&arguments.output, &model.columns()).map_err(Failure::misuse)?;
    let summary = answer_rows(
        rows,
        model,
        batch_tokens,
        on_error(arguments),
        sink.as_mut(),
    )
    .map_err(Failure::work)?;
    sink.finish().map_err(Failure::work)?;
    Ok(summarize(summary.rows, summary.failed, quiet))
}

/// What to do with a row that has no answer.
pub(crate) fn on_error(arguments: &cli::Rows) -> dd_train::OnError {
    match arguments.on_error {
        cli::OnError::Stop => dd_train::OnError::Stop,
        cli::OnError::Skip => dd_train::OnError::Skip,
        cli::OnError::Report => dd_train::OnError::Report,
    }
}

/// Says how many rows had an answer, and gives the exit code: 0 when all had, 3 when some had not.
pub(crate) fn summarize(rows: u64, failed: u64, quiet: bool) -> ExitCode {
    if !quiet {
        say(&format!(
            "{rows} rows: {} ok, {failed} failed",
            rows - failed
        ));
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_FAILED)
    }
}
