//! `dnd split`: index lists of train, valid and test as JSON.

use std::path::Path;
use std::process::ExitCode;

use dd_data::{CountedRows, Fractions, Split, scaffold_of};

use crate::cli::{Split as Arguments, SplitMethod};
use crate::commands::rows::open_rows;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, not_an_input, write};
use crate::progress::say;

/// Writes the lists. Rows without a molecule are in no list; as in DeepChem, they count in the cut-offs of a scaffold split.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Outcome {
    let (input, output) = (&arguments.input, &arguments.output);
    let fractions = fractions(&arguments.fractions)?;
    not_an_input(output, [input.as_path()])?;
    let mut scaffolds = Vec::new();
    for row in open_rows(input, arguments.smiles_column.as_deref())? {
        let molecule = row.map_err(Failure::misuse)?.molecule;
        scaffolds.push(
            molecule
                .and_then(|molecule| scaffold_of(&molecule, false))
                .ok(),
        );
    }
    let num_rows = scaffolds.len();
    let split = match arguments.method {
        SplitMethod::Random => random(&scaffolds, fractions, arguments.seed),
        SplitMethod::Scaffold => Split::by_scaffold(&scaffolds, fractions, CountedRows::All),
    };
    let left_out = num_rows - split.train.len() - split.valid.len() - split.test.len();
    if left_out > 0 && !quiet {
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
    Ok(ExitCode::SUCCESS)
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
