//! Morgan fingerprints are RDKit's, and belong to the molecule, not to its spelling.

mod order;

use dd_mol::Molecule;
use dd_mol::fingerprint::{MorganConfig, morgan, morgan_counts};
use dd_mol::smiles::{self, WriteOptions};
use order::shuffled;
use proptest::prelude::*;

/// SMILES, bits of ECFP4, bits of a second size: RDKit's.
const RDKIT: &str = include_str!("fixtures/morgan.tsv");
const WIDE: MorganConfig = MorganConfig {
    radius: 4,
    bits: 1000,
};

fn rows() -> impl Iterator<Item = (&'static str, [Vec<usize>; 2])> {
    RDKIT.lines().map(|line| {
        let mut cells = line.split('\t');
        let text = cells.next().expect("a SMILES");
        let mut bits = || {
            let cell = cells.next().expect("bits");
            let numbers = cell.split_whitespace().map(str::parse);
            numbers.collect::<Result<_, _>>().expect("numbers")
        };
        (text, [bits(), bits()])
    })
}

fn parse(text: &str) -> Molecule {
    smiles::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn bits_are_those_of_rdkit() {
    let mut molecules = 0;
    for (text, [ecfp4, wide]) in rows() {
        let molecule = parse(text);
        for (config, expected) in [(MorganConfig::ECFP4, ecfp4), (WIDE, wide)] {
            let fingerprint = morgan(&molecule, &config);
            let bits: Vec<usize> = fingerprint.bits().collect();
            assert_eq!(bits, expected, "{text} {config:?}");
            let counts = morgan_counts(&molecule, &config);
            let counted = (0..config.bits).filter(|bit| counts[*bit] > 0);
            assert_eq!(counted.collect::<Vec<_>>(), bits, "{text}");
        }
        molecules += 1;
    }
    assert!(molecules > 200);
}

proptest! {
    #[test]
    fn every_spelling_has_the_same_bits(row in 0..RDKIT.lines().count(), seed: u64) {
        let (text, [ecfp4, _]) = rows().nth(row).expect("a row");
        let molecule = parse(text);
        let ranks = shuffled(molecule.num_atoms(), seed);
        let spelling = smiles::write_in_order(&molecule, &ranks, WriteOptions::ISOMERIC);
        let bits: Vec<usize> = morgan(&parse(&spelling), &MorganConfig::ECFP4).bits().collect();
        prop_assert_eq!(bits, ecfp4, "{}", spelling);
    }
}

#[test]
fn a_polymer_needs_no_more_than_its_length() {
    let polymer = parse(&"C".repeat(100_000));
    let short = parse(&"C".repeat(30));
    let bits = |molecule: &Molecule| -> Vec<usize> {
        morgan(molecule, &MorganConfig::ECFP4).bits().collect()
    };
    assert_eq!(bits(&polymer), bits(&short));
}
