//! One pass over a part of the rows of a file: its bar, its output's name, and its manifest when it is done.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use dd_data::{InputRow, Part, ReadCount};
use dd_train::property::{EXPLANATIONS, smiles_column_of};
use dd_train::{Manifest, RowTask, Summary};

use crate::cli;
use crate::commands::rows::{open_part, summarize};
use crate::failure::{Failure, Outcome};
use crate::output::not_an_input;
use crate::progress::{Count, say};

/// How often the bar is told of progress, in rows.
const BAR_ROWS: u64 = 64;

/// A pass that has to be made.
pub(crate) struct Job {
    command: &'static str,
    output: PathBuf,
    /// The folder that is written besides, and its file that is complete when the folder is.
    beside: Option<(PathBuf, PathBuf)>,
    part: Part,
    /// Column of the SMILES in the table that the model has learned from.
    usual_column: Option<String>,
    task: Option<Box<RowTask>>,
    quiet: bool,
}

/// A pass, or the exit code of one that was made before.
pub(crate) enum Start {
    /// It has to be made.
    Go(Job),
    /// It is done.
    Done(Outcome),
}

impl Job {
    /// Looks whether the very task is done, if that is asked for; `options` are what else decides the output, `beside` is
    /// the folder that is written besides.
    pub(crate) fn start(
        command: &'static str,
        arguments: &cli::Predict,
        (options, beside): (&[String], Option<&Path>),
        quiet: bool,
    ) -> Result<Start, Failure> {
        let output = output_of_part(&arguments.rows.output, arguments.shard);
        not_an_input(&output, [arguments.rows.input.as_path()])?;
        let beside = beside.map(|folder| {
            let folder = output_of_part(folder, arguments.shard);
            let file = folder.join(EXPLANATIONS);
            (folder, file)
        });
        let task = arguments
            .skip_done
            .then(|| task(command, arguments, options).map(Box::new))
            .transpose()?;
        let done_at = |task: &RowTask, file: &Path| {
            let done = Manifest::of_done(task, file);
            done.map_err(Failure::misuse)
        };
        if let Some(task) = &task
            && let Some(done) = done_at(task, &output)?
            && match &beside {
                Some((_, file)) => done_at(task, file)?.is_some(),
                None => true,
            }
        {
            if !quiet {
                say(&format!("{} is done", output.display()));
            }
            return Ok(Start::Done(Ok(summarize(done.rows, done.failed, quiet))));
        }
        let (number, of) = arguments.shard;
        let part =
            Part::new(number as u64 - 1, of as u64).expect("the command line checks the part");
        Ok(Start::Go(Self {
            command,
            output,
            beside,
            part,
            usual_column: smiles_column_of(&arguments.model),
            task,
            quiet,
        }))
    }

    /// Where the answers go.
    pub(crate) fn output(&self) -> &Path {
        &self.output
    }

    /// The folder that is written besides.
    pub(crate) fn beside(&self) -> Option<&Path> {
        self.beside.as_ref().map(|(folder, _)| folder.as_path())
    }

    /// The rows of the part, under a bar.
    pub(crate) fn rows(
        &self,
        arguments: &cli::Rows,
    ) -> Result<impl Iterator<Item = dd_data::Result<InputRow>> + use<>, Failure> {
        let columns = (
            arguments.smiles_column.as_deref(),
            self.usual_column.as_deref(),
        );
        let (rows, count) = open_part(&arguments.input, columns, self.part)?;
        let bytes = count.as_ref().map_or(0, ReadCount::total);
        let bar = Count::rows(self.command, bytes, self.quiet);
        Ok((1..).zip(rows).map(move |(read, row)| {
            if read % BAR_ROWS == 0 {
                bar.at_rows(read, count.as_ref().map_or(0, ReadCount::done));
            }
            row
        }))
    }

    /// Writes down that it is done, and says how it went.
    pub(crate) fn finish(self, summary: Summary) -> Outcome {
        if let Some(task) = self.task {
            let beside = self.beside.iter().map(|(_, file)| file);
            for file in beside.chain([&self.output]) {
                Manifest::write((*task).clone(), summary, file).map_err(Failure::work)?;
            }
        }
        Ok(summarize(summary.rows, summary.failed, self.quiet))
    }
}

/// What is asked, for the manifest.
fn task(command: &str, arguments: &cli::Predict, options: &[String]) -> Result<RowTask, Failure> {
    let rows = &arguments.rows;
    for path in [&rows.input, &rows.output] {
        if path == Path::new("-") {
            return Err(Failure::misuse(
                "--skip-done compares files: it needs an input and an output file",
            ));
        }
    }
    let (number, of) = arguments.shard;
    let mut all = vec![
        format!("smiles_column {:?}", rows.smiles_column),
        format!("on_error {:?}", rows.on_error),
        format!("batch_tokens {}", arguments.batch_tokens),
        format!("double {}", arguments.double),
    ];
    all.extend(arguments.bf16.then(|| "bf16".to_string()));
    all.extend_from_slice(options);
    let shard = format!("{number}/{of}");
    RowTask::new(command, (&rows.input, &shard), &arguments.model, all).map_err(Failure::misuse)
}

/// `OUT.csv` becomes `OUT-I-of-N.csv` when there are several parts, and a folder `OUT` becomes `OUT-I-of-N`.
fn output_of_part(output: &Path, (number, of): (usize, usize)) -> PathBuf {
    if of == 1 || output == Path::new("-") {
        return output.to_path_buf();
    }
    let digits = of.to_string().len();
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (text(output.file_stem()), text(output.extension()));
    let dot = if extension.is_empty() { "" } else { "." };
    output.with_file_name(format!("{stem}-{number:0digits$}-of-{of}{dot}{extension}"))
}
