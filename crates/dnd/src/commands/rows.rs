//! What the commands that answer rows have in common: opening the input, the summary, the exit code.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dd_data::output::open_sink;
use dd_data::{Format, Part, ReadCount, RowOptions, Rows, open_counted};
use dd_train::{Manifest, RowModel, RowTask, answer_rows};

use crate::cli;
use crate::failure::{Failure, Outcome};
use crate::progress::{Count, say};

/// Exit code of a run in which some rows had no answer.
const SOME_FAILED: u8 = 3;

/// How often the bar is told of progress, in rows.
const BAR_ROWS: u64 = 64;

/// Opens the input; `-` reads SMILES from standard input.
pub(crate) fn open_rows(arguments: &cli::Rows) -> Result<Rows, Failure> {
    Ok(open_part(arguments, Part::ALL)?.0)
}

/// The rows of a part, and how much of the file has been read; nothing known of standard input.
fn open_part(arguments: &cli::Rows, part: Part) -> Result<(Rows, Option<ReadCount>), Failure> {
    let path = &arguments.input;
    let standard = path == Path::new("-");
    let format = if standard {
        Format::Smi
    } else {
        Format::of(path).map_err(Failure::misuse)?
    };
    let table = matches!(format, Format::Csv | Format::Tsv);
    let options = RowOptions {
        smiles_column: table.then(|| arguments.smiles_column.clone()),
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
pub(crate) fn answer(
    command: &str,
    arguments: &cli::Predict,
    model: &dyn RowModel,
    quiet: bool,
) -> Outcome {
    let output = output_of_part(&arguments.rows.output, arguments.shard);
    let task = arguments
        .skip_done
        .then(|| task(command, arguments))
        .transpose()?;
    if let Some(task) = &task
        && let Some(done) = Manifest::of_done(task, &output).map_err(Failure::misuse)?
    {
        if !quiet {
            say(&format!("{} is done", output.display()));
        }
        return Ok(summarize(done.rows, done.failed, quiet));
    }
    let (number, of) = arguments.shard;
    let part = Part::new(number as u64 - 1, of as u64).expect("the command line checks the part");
    let (rows, count) = open_part(&arguments.rows, part)?;
    let mut sink = open_sink(&output, &model.columns()).map_err(Failure::misuse)?;
    let on_error = match arguments.rows.on_error {
        cli::OnError::Stop => dd_train::OnError::Stop,
        cli::OnError::Skip => dd_train::OnError::Skip,
        cli::OnError::Report => dd_train::OnError::Report,
    };
    let bar = Count::rows(command, count.as_ref().map_or(0, ReadCount::total), quiet);
    let rows = (1..).zip(rows).map(|(read, row)| {
        if read % BAR_ROWS == 0 {
            bar.at_rows(read, count.as_ref().map_or(0, ReadCount::done));
        }
        row
    });
    let summary = answer_rows(rows, model, arguments.batch_tokens, on_error, sink.as_mut())
        .map_err(Failure::work)?;
    sink.finish().map_err(Failure::work)?;
    drop(bar);
    if let Some(task) = task {
        let manifest = Manifest { task, summary };
        manifest.write(&output).map_err(Failure::work)?;
    }
    Ok(summarize(summary.rows, summary.failed, quiet))
}

/// What is asked, for the manifest.
fn task(command: &str, arguments: &cli::Predict) -> Result<RowTask, Failure> {
    let rows = &arguments.rows;
    for path in [&rows.input, &rows.output] {
        if path == Path::new("-") {
            return Err(Failure::misuse(
                "--skip-done compares files: it needs an input and an output file",
            ));
        }
    }
    let (number, of) = arguments.shard;
    let options = vec![
        format!("smiles_column {}", rows.smiles_column),
        format!("on_error {:?}", rows.on_error),
        format!("batch_tokens {}", arguments.batch_tokens),
    ];
    let shard = format!("{number}/{of}");
    RowTask::new(command, (&rows.input, &shard), &arguments.model, options).map_err(Failure::misuse)
}

/// `OUT.csv` becomes `OUT-I-of-N.csv` when there are several parts.
fn output_of_part(output: &Path, (number, of): (usize, usize)) -> PathBuf {
    if of == 1 || output == Path::new("-") {
        return output.to_path_buf();
    }
    let digits = of.to_string().len();
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (text(output.file_stem()), text(output.extension()));
    output.with_file_name(format!("{stem}-{number:0digits$}-of-{of}.{extension}"))
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
