//! Draws a SMILES as SVG on standard output: `draw SMILES [NAME]`.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

use dd_mol::depict::{self, SvgOptions};
use dd_mol::smiles;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let molecule = smiles::parse(&words.join(" ")).map_err(|error| error.to_string())?;
    print!("{}", depict::svg(&molecule, &SvgOptions::default())?);
    Ok(())
}
