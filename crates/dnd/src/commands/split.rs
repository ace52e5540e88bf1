//! `dnd split`: index lists of train, valid and test as JSON.

use std::path::Path;

use dd_data::{CountedRows, DataError, Fractions, OnError, SkipReport, Split, scaffold_of};

use crate::cli::{Split as Arguments, SplitMethod};
use crate::commands::rows::{exit_code, open_rows};
use crate::commands::training::report_skipped;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, is_json, not_an_input, write};
use crate::progress::say;

/// Writes the lists. Rows without a molecule are in no list; as in DeepChem, they count in the cut-offs of a scaffold split.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Outcome {
    let (input, output) = (&arguments.input, &arguments.output);
    let fractions = fractions(&arguments.fractions)?;
    not_an_input(output, [input.as_path()])?;
    is_json(output)?;
    let (mut scaffolds, mut skipped) = (Vec::new(), SkipReport::default());
    for row in open_rows(input, arguments.smiles_column.as_deref())? {
        let row = row.map_err(Failure::misuse)?;
        match { row.molecule }.and_then(|molecule| scaffold_of(&molecule, false)) {
            Ok(scaffold) => scaffolds.push(Some(scaffold)),
            Err(fault) => {
                scaffolds.push(None);
                let error = DataError::Row {
                    path: input.clone(),
                    row: row.row,
                    id: String::new(),
                    fault,
                };
                skipped
                    .account(error, OnError::Skip)
                    .map_err(Failure::misuse)?;
            }
        }
    }
    let num_rows = scaffolds.len();
    let split = match arguments.method {
        SplitMethod::Random => random(&scaffolds, fractions, arguments.seed),
        SplitMethod::Scaffold => Split::by_scaffold(&scaffolds, fractions, CountedRows::All),
    };
    let left_out = num_rows - split.train.len() - split.valid.len() - split.test.len();
    if left_out > 0 && !quiet {
        report_skipped(&skipped, quiet);
        say(&format!(
            "{left_out} of {num_rows} rows have no molecule and are in no list"
        ));
    }
    let text = serde_json::to_string(&split).map_err(Failure::work)? + "\n";
    if output == Path::new("-") {
        answer(&text)?;
    } else {
        write(output, &text)?;
    }
    Ok(exit_code(left_out as u64))
}

/// A random split of the rows that have a molecule.
fn random(scaffolds: &[Option<String>], fractions: Fractions, seed: u64) -> Split {
    let readable = (0..scaffolds.len()).filter(|&row| scaffolds[row].is_some());
    let readable: Vec<usize> = readable.collect();
    let places = Split::random(readable.len(), fractions, seed);
    let rows = |part: Vec<usize>| part.into_iter().map(|place| readable[place]).collect();
    Split {
        train: rows(places.train),
        valid: rows(places.valid),
        test: rows(places.test),
    }
}

fn fractions(shares: &[f64]) -> Result<Fractions, Failure> {
    let shares: [f64; 3] = shares.try_into().map_err(|_| {
        Failure::misuse(format!(
            "--fractions takes three shares, got {}",
            shares.len()
        ))
    })?;
    Fractions::try_from(shares).map_err(Failure::misuse)
}
