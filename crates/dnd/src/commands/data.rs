//! `dnd data`: the embedded data set, and what is known of public ones.

use std::path::Path;
use std::process::ExitCode;

use dd_data::MOLECULE_NET;
use dd_data::embedded;

use crate::cli::Data;
use crate::commands::prepare;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, write};

/// Lists or exports.
pub(crate) fn run(arguments: &Data, quiet: bool) -> Outcome {
    match arguments {
        Data::List => {
            let dataset = embedded::small_organics(&[]).map_err(Failure::work)?;
            let molecules = dd_data::Dataset::len(&dataset);
            let mut text = format!(
                "embedded: small_organics, {molecules} molecules with GFN2-xTB geometry\n\
                 MoleculeNet, as tables of SMILES (docs/DATA.md):\n"
            );
            for set in MOLECULE_NET {
                text += &format!("  {:<16} {:?}\n", set.name, set.task);
            }
            answer(&text)?;
        }
        Data::Prepare(arguments) => return prepare::run(arguments, quiet),
        Data::Export { output } => {
            let text = embedded::small_organics_csv().map_err(Failure::work)?;
            let extension = output.extension().and_then(|extension| extension.to_str());
            if output == Path::new("-") {
                answer(&text)?;
            } else if extension == Some("csv") {
                write(output, &text)?;
            } else {
                return Err(Failure::misuse(format!(
                    "{}: the data set is written as .csv",
                    output.display()
                )));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
