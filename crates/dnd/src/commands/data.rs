//! `dnd data`: the embedded data set, and what is known of public ones.

use std::path::Path;
use std::process::ExitCode;

use dd_data::MOLECULE_NET;
use dd_data::embedded;

use crate::cli::Data;
use crate::commands::prepare;
use crate::failure::{Failure, Outcome};

/// Lists or exports.
#[allow(clippy::print_stdout, reason = "listing is what this command does")]
pub(crate) fn run(arguments: &Data, quiet: bool) -> Outcome {
    match arguments {
        Data::List => {
            let dataset = embedded::small_organics(&[]).map_err(Failure::work)?;
            println!(
                "embedded: small_organics, {} molecules with GFN2-xTB geometry",
                dd_data::Dataset::len(&dataset)
            );
            println!("MoleculeNet, as tables of SMILES (docs/DATA.md):");
            for set in MOLECULE_NET {
                println!("  {:<16} {:?}", set.name, set.task);
            }
        }
        Data::Prepare(arguments) => return prepare::run(arguments, quiet),
        Data::Export { output } => {
            let text = embedded::small_organics_csv().map_err(Failure::work)?;
            if output == Path::new("-") {
                print!("{text}");
            } else {
                std::fs::write(output, text)
                    .map_err(|error| Failure::misuse(format!("{}: {error}", output.display())))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
