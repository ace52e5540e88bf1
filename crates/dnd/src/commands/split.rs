//! `dnd split`: index lists of train, valid and test as JSON.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use dd_data::{Columns, CountedRows, Dataset, FileDataset, Fractions, Split, scaffold_of};

use crate::cli::{Split as Arguments, SplitMethod};
use crate::failure::{Failure, Outcome};
use crate::progress::say;
use crate::standard_output::answer;

/// Writes the lists. Rows without a molecule count in the cut-offs and are in no list, as in DeepChem.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let columns = Columns::default();
    let dataset: Arc<dyn Dataset> = Arc::new(
        FileDataset::smiles_table(&arguments.input, &arguments.smiles_column, &columns)
            .map_err(Failure::misuse)?,
    );
    let fractions = fractions(&arguments.fractions)?;
    let split = match arguments.method {
        SplitMethod::Random => Split::random(dataset.len(), fractions, arguments.seed),
        SplitMethod::Scaffold => {
            let scaffold = |row| scaffold_of(&dataset.get(row).ok()?.molecule, false).ok();
            let scaffolds: Vec<_> = (0..dataset.len()).map(scaffold).collect();
            Split::by_scaffold(&scaffolds, fractions, CountedRows::All)
        }
    };
    let placed = split.train.len() + split.valid.len() + split.test.len();
    if placed < dataset.len() {
        let left_out = dataset.len() - placed;
        say(&format!(
            "{left_out} of {} rows have no molecule and are in no list",
            dataset.len()
        ));
    }
    let text = serde_json::to_string(&split).map_err(Failure::work)?;
    write_text(&arguments.output, &text)?;
    Ok(ExitCode::SUCCESS)
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

fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        return answer(&format!("{text}\n"));
    }
    std::fs::write(path, text)
        .map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))
}
