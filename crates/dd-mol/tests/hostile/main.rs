//! Inputs made to break readers: deep, wide, long and entangled. Each is answered in near
//! linear time or refused by a limit that can be set, and nothing recurses on the input:
//! everything here runs, and is dropped, on a stack of 256 KiB.

mod graphs;
mod records;
mod rings;
mod text;

use dd_mol::smiles::{self, SmilesError};
use dd_mol::{
    Molecule, MoleculeBuilder, PerceptionError, Sanitize, murcko_scaffold, murcko_scaffold_smiles,
};

/// Runs on a stack on which a few thousand nested calls would not fit.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let thread = thread.spawn(work).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Ranks, writes and cuts a molecule down to its scaffold; returns its numbers of atoms,
/// of rings and of scaffold atoms.
fn sizes(molecule: &Molecule) -> (usize, usize, usize) {
    let canonical = smiles::write(molecule);
    assert!(canonical.len() >= molecule.num_atoms());
    let scaffold = murcko_scaffold(molecule).expect("a scaffold");
    let text = murcko_scaffold_smiles(molecule, true).expect("a scaffold");
    assert_eq!(text.is_empty(), scaffold.num_atoms() == 0);
    let copy = molecule.clone();
    (copy.num_atoms(), copy.rings().count(), scaffold.num_atoms())
}

fn of_text(text: &str) -> (usize, usize, usize) {
    let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
    sizes(&molecule)
}

fn fault(text: &str) -> SmilesError {
    let error = smiles::parse(text).expect_err("must be refused");
    assert!(error.span.end <= text.len());
    assert!(error.to_string().len() < 1_000);
    error
}

fn refusal(builder: MoleculeBuilder) -> PerceptionError {
    builder
        .finish(&Sanitize::RDKIT)
        .expect_err("must be refused")
}
