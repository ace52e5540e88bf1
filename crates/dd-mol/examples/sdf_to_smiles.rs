//! Reads an SD file from standard input and prints one line per record: the canonical
//! SMILES and the title, or what is wrong with the record.
//!
//! `cargo run -p dd-mol --example sdf_to_smiles < ligands.sdf`
#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::SdfReader;
use dd_mol::smiles;

fn main() {
    let records = SdfReader::new(std::io::stdin().lock(), MolfileOptions::RDKIT);
    for record in records {
        match record {
            Ok(molecule) => println!("{} {}", smiles::write(&molecule), molecule.name()),
            Err(error) => println!("# {}", error.to_string().replace('\n', "\n# ")),
        }
    }
}
