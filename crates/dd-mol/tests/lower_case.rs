//! Aromatic elements whose symbols have no lower case are written in a Kekulé form.

mod order;

use dd_mol::smiles::{self, WriteOptions};
use dd_mol::{Molecule, murcko_scaffold_smiles};
use order::shuffled;

fn parse(text: &str) -> Molecule {
    smiles::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn aromatic(molecule: &Molecule) -> usize {
    molecule.atoms().filter(|atom| atom.is_aromatic).count()
}

#[test]
fn one_spelling_that_every_reader_knows() {
    for (text, count) in [
        ("C1=CC=C[Al]=C1", 6),
        ("C1=C[Al+]1", 3),
        ("C1=CC=C[Al+]C=C1", 7),
        ("C1=CC=C[Mg-]=C1", 6),
        ("C1=CC=C[Be-]=C1", 6),
        ("CC1=CC=C[Al]=C1c1ccccc1", 12),
        ("C1=CC=C2C(=C1)C=CC=[Al]2", 10),
        ("F/C=C/C1=CC(C)=C[Al]=C1", 6),
        ("[Al]1=CC=CC=C1.C[C@H](F)C1=CC=C[Al]=C1", 12),
    ] {
        let molecule = parse(text);
        assert_eq!(aromatic(&molecule), count, "{text}");
        let canonical = smiles::write(&molecule);
        assert!(
            !canonical.contains("al") && !canonical.contains("mg") && !canonical.contains("be")
        );
        assert_eq!(aromatic(&parse(&canonical)), count, "{canonical}");
        for seed in 0..30 {
            let ranks = shuffled(molecule.num_atoms(), seed);
            let other = smiles::write_in_order(&molecule, &ranks, WriteOptions::ISOMERIC);
            let other = parse(&other);
            assert_eq!(aromatic(&other), count, "{text}");
            assert_eq!(smiles::write(&other), canonical, "{text}");
        }
    }
}

#[test]
fn other_rings_stay_lower_case() {
    assert_eq!(smiles::write(&parse("C1=CC=C[Te]1")), "c1cc[te]c1");
    assert_eq!(
        smiles::write(&parse("[Al]1=CC=CC=C1.c1ccccc1"))
            .matches('c')
            .count(),
        6
    );
}

#[test]
fn scaffolds_too() {
    let scaffold = |text| murcko_scaffold_smiles(&parse(text), false).expect("a scaffold");
    let bare = scaffold("C1=CC=C[Al]=C1");
    assert!(bare.contains("[Al]"), "{bare}");
    assert_eq!(scaffold("CC1=CC=C[Al]=C1"), bare);
}
