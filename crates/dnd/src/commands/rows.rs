//! What the commands that answer rows have in common: opening the input, the summary, the exit code.

use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use dd_data::output::open_sink;
use dd_data::{Format, Part, ReadCount, RowOptions, Rows, open_counted};
use dd_train::{RowModel, answer_rows};

use crate::cli;
use crate::commands::job::Job;
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// Exit code of a run in which some rows had no answer.
const SOME_FAILED: u8 = 3;

/// Opens the input; `-` reads SMILES from standard input.
pub(crate) fn open_rows(path: &Path, smiles_column: Option<&str>) -> Result<Rows, Failure> {
    Ok(open_part(path, (smiles_column, None), Part::ALL)?.0)
}

/// The rows of a part (`smiles_column`: the one asked for and the usual one), and how much of the file has been read; nothing known of standard input.
pub(crate) fn open_part(
    path: &Path,
    (smiles_column, usual_column): (Option<&str>, Option<&str>),
    part: Part,
) -> Result<(Rows, Option<ReadCount>), Failure> {
    let standard = path == Path::new("-");
    let format = if standard {
        Format::Smi
    } else {
        Format::of(path).map_err(Failure::misuse)?
    };
    let table = matches!(format, Format::Csv | Format::Tsv);
    let options = RowOptions {
        smiles_column: smiles_column.filter(|_| table).map(str::to_string),
        usual_column: usual_column.map(str::to_string),
        part,
        ..RowOptions::GRAPH
    };
    let (reader, count) = if standard {
        (Box::new(BufReader::new(std::io::stdin())) as Box<_>, None)
    } else {
        let (reader, count) = open_counted(path).map_err(Failure::misuse)?;
        (reader, Some(count))
    };
    let rows = Rows::from_reader(reader, path, format, options).map_err(Failure::misuse)?;
    Ok((rows, count))
}

/// Answers every row with a model.
pub(crate) fn answer(job: Job, arguments: &cli::Predict, model: &dyn RowModel) -> Outcome {
    let mut sink = open_sink(job.output(), &model.columns()).map_err(Failure::misuse)?;
    let policy = on_error(&arguments.rows);
    let rows = job.rows(&arguments.rows)?;
    let summary = answer_rows(rows, model, arguments.batch_tokens, policy, sink.as_mut())
        .map_err(Failure::rows)?;
    sink.finish().map_err(Failure::output)?;
    job.finish(summary)
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
    exit_code(failed)
}

/// 0 when all rows had an answer, 3 when some had not.
pub(crate) fn exit_code(failed: u64) -> ExitCode {
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_FAILED)
    }
}
