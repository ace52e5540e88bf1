//! `dnd evaluate --predictions`: predictions against labels.

use std::path::Path;
use std::process::ExitCode;

use dd_data::{DataError, TableReader, TableRow, is_missing, joined_names, yes_or_no};
use dd_eval::{Metric, readable};

use crate::cli::{Evaluate, TaskKind};
use crate::failure::{Failure, Outcome};
use crate::output::answer;

/// The column in which `dnd predict` counts the rows of its input.
const ROW: &str = "row";

/// Prints one line per target and metric; a metric without a value says why.
pub(crate) fn run(arguments: &Evaluate) -> Outcome {
    let metrics: &[Metric] = match arguments.task {
        TaskKind::Regression => &[Metric::Mae, Metric::Rmse, Metric::R2, Metric::Pearson],
        TaskKind::Binary => &[Metric::RocAuc, Metric::AveragePrecision, Metric::Brier],
    };
    let (Some(predictions), Some(labels)) = (&arguments.predictions, &arguments.labels) else {
        return Err(Failure::misuse("--predictions and --labels go together"));
    };
    let labels = Table::read(labels)?;
    let predictions = Table::read(predictions)?;
    let targets = joined_names(&arguments.target_columns, &labels.columns);
    for target in &targets {
        predictions.place(target)?;
        labels.place(target)?;
    }
    let predictions = predictions.beside(&labels)?;
    let mut scored = 0;
    for target in &targets {
        let predictions = predictions.numbers(target, |_| None)?;
        let words = match arguments.task {
            TaskKind::Regression => |_: &str| None,
            TaskKind::Binary => yes_or_no,
        };
        let labels = labels.numbers(target, words)?;
        // A row without a prediction cannot be scored: it is left out like one without a label, and counted.
        let [without, unlabelled] =
            [&predictions, &labels].map(|values| values.iter().filter(|v| v.is_nan()).count());
        let known = |(label, prediction): (&f64, &f64)| {
            if prediction.is_nan() {
                f64::NAN
            } else {
                *label
            }
        };
        let masked: Vec<f64> = labels.iter().zip(&predictions).map(known).collect();
        let filled: Vec<f64> = predictions
            .iter()
            .map(|p| if p.is_nan() { 0.0 } else { *p })
            .collect();
        for metric in metrics {
            match metric.evaluate(&masked, &filled) {
                Ok(value) => {
                    scored += 1;
                    answer(&format!(
                        "{target} {}: {}\n",
                        metric.name(),
                        readable(value, 4)
                    ))?;
                }
                Err(reason) => answer(&format!("{target} {}: {reason}\n", metric.name()))?,
            }
        }
        let of_labels = match unlabelled {
            0 => String::new(),
            count => format!(", {count} without a label"),
        };
        answer(&format!(
            "{target}: {without} of {} rows without a prediction{of_labels}\n",
            predictions.len()
        ))?;
    }
    if scored == 0 {
        return Err(Failure::work("no metric has a value"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A table in memory.
struct Table<'a> {
    path: &'a Path,
    columns: Vec<String>,
    /// Cells of each row; `None` for one that is not there.
    rows: Vec<Option<Vec<String>>>,
}

impl<'a> Table<'a> {
    fn read(path: &'a Path) -> Result<Self, Failure> {
        let table = TableReader::open(path).map_err(Failure::misuse)?;
        let columns = table.columns().to_vec();
        let mut rows = Vec::new();
        for row in table {
            let TableRow { row, fields } = row.map_err(Failure::misuse)?;
            rows.push(Some(match fields {
                Ok(fields) => fields,
                // A blank line is the empty cell of a table of one column.
                Err(fault) if columns.len() == 1 && fault.kind == "empty" => vec![String::new()],
                Err(fault) => return Err(fail(path, row, &fault.message)),
            }));
        }
        Ok(Self {
            path,
            columns,
            rows,
        })
    }

    /// The rows in the places of those of `labels`: by the column that counts them, when there is one.
    fn beside(mut self, labels: &Self) -> Result<Self, Failure> {
        let count = labels.rows.len();
        let Some(place) = self.columns.iter().position(|column| column == ROW) else {
            if self.rows.len() == count {
                return Ok(self);
            }
            return Err(Failure::misuse(format!(
                "{} rows of predictions for {count} rows of labels",
                self.rows.len()
            )));
        };
        let mut rows = vec![None; count];
        for (line, cells) in (0..).zip(std::mem::take(&mut self.rows)) {
            let cells = cells.unwrap_or_default();
            let number = cells[place].trim();
            let free = number.parse().ok().and_then(|at: usize| rows.get_mut(at));
            match free {
                Some(free @ None) => *free = Some(cells),
                Some(Some(_)) => {
                    let reason = format!("row {number} of the input is there twice");
                    return Err(fail(self.path, line, &reason));
                }
                None => {
                    let reason =
                        format!("column '{ROW}': {number:?} is none of {count} rows of labels");
                    return Err(fail(self.path, line, &reason));
                }
            }
        }
        self.rows = rows;
        Ok(self)
    }

    /// The only column of a name.
    fn place(&self, name: &str) -> Result<usize, Failure> {
        let mut places = (0..self.columns.len()).filter(|&at| self.columns[at] == name);
        let (path, column) = (self.path.to_path_buf(), name.to_string());
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(first), Some(second)) => Err(Failure::misuse(DataError::RepeatedColumn {
                path,
                column,
                places: [first, second],
            })),
            (None, _) => Err(Failure::misuse(DataError::MissingColumn {
                path,
                column,
                available: self.columns.clone(),
            })),
        }
    }

    /// A column of numbers; a missing one is NaN.
    fn numbers(&self, name: &str, word: fn(&str) -> Option<f64>) -> Result<Vec<f64>, Failure> {
        let place = self.place(name)?;
        let number = |(row, cells): (u64, &Option<Vec<String>>)| {
            let text = cells.as_ref().map_or("", |cells| cells[place].trim());
            if is_missing(text) {
                return Ok(f64::NAN);
            }
            { text.parse().ok() }.or_else(|| word(text)).ok_or_else(|| {
                let reason = format!("column '{name}': '{text}' is no number");
                fail(self.path, row, &reason)
            })
        };
        (0..).zip(&self.rows).map(number).collect()
    }
}

fn fail(path: &Path, row: u64, reason: &str) -> Failure {
    Failure::misuse(format!("{}, row {row}: {reason}", path.display()))
}
