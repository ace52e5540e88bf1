//! Centres with fewer neighbours than their geometry has sites, and marks that do not fit.

mod order;

use dd_mol::smiles::{self, WriteOptions};
use dd_mol::{ChiralTag, Molecule};
use order::shuffled;

/// Spellings with a place for the number, and `_chiralPermutation` of RDKit 2026.09.1 for the
/// numbers from 1 on.
const RDKIT: [(&str, &[u8]); 9] = [
    ("[Pt@SP{}](F)(Cl)Br", &[1, 3, 2]),
    ("C[Pt@SP{}](F)Cl", &[2, 3, 1]),
    (
        "C[As@TB{}](F)(Cl)Br",
        &[
            3, 4, 5, 6, 7, 8, 1, 2, 18, 20, 17, 15, 11, 9, 12, 14, 19, 16, 13, 10,
        ],
    ),
    (
        "C[As@TB{}H](F)(Cl)Br",
        &[
            3, 4, 5, 6, 7, 8, 1, 2, 18, 20, 17, 15, 11, 9, 12, 14, 19, 16, 13, 10,
        ],
    ),
    (
        "[As@TB{}](F)(Cl)Br",
        &[
            20, 15, 11, 9, 2, 1, 18, 17, 19, 12, 16, 10, 4, 3, 6, 8, 14, 13, 7, 5,
        ],
    ),
    (
        "C[As@TB{}](F)Cl",
        &[
            5, 6, 7, 8, 1, 2, 3, 4, 16, 10, 19, 12, 17, 18, 15, 9, 13, 14, 11, 20,
        ],
    ),
    (
        "C~[As@TB{}]~C",
        &[
            7, 8, 4, 3, 6, 5, 1, 2, 11, 17, 9, 18, 15, 20, 13, 19, 10, 12, 16, 14,
        ],
    ),
    (
        "C[Co@OH{}](F)(Cl)(Br)I",
        &[
            3, 16, 6, 9, 12, 19, 21, 15, 17, 5, 7, 23, 20, 11, 13, 18, 22, 24, 25, 27, 29, 26, 28,
            30, 1, 4, 8, 10, 14, 2,
        ],
    ),
    (
        "C[Co@OH{}](F)Cl",
        &[
            23, 20, 29, 19, 25, 6, 17, 21, 27, 22, 28, 13, 12, 24, 30, 26, 7, 18, 4, 2, 8, 10, 1,
            14, 5, 16, 9, 11, 3, 15,
        ],
    ),
];

fn parse(text: &str) -> Molecule {
    smiles::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn tags(molecule: &Molecule) -> Vec<ChiralTag> {
    molecule.atoms().map(|atom| atom.chiral_tag).collect()
}

#[test]
fn numbers_are_those_of_rdkit() {
    for (spelling, expected) in RDKIT {
        let found = (1..=expected.len()).map(|number| {
            let molecule = parse(&spelling.replace("{}", &number.to_string()));
            let numbers = tags(&molecule).into_iter().filter_map(|tag| match tag {
                ChiralTag::NonTetrahedral(_, number) => Some(number),
                _ => None,
            });
            numbers.sum::<u8>()
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{spelling}");
    }
}

#[test]
fn every_spelling_is_the_same_arrangement() {
    let ring = "C1[Co@OH{}](F)(Cl)CN1";
    let spellings = RDKIT.map(|(spelling, numbers)| (spelling, numbers.len()));
    for (spelling, numbers) in spellings.into_iter().chain([(ring, 30)]) {
        for number in 1..=numbers {
            let text = spelling.replace("{}", &number.to_string());
            let molecule = parse(&text);
            let canonical = smiles::write(&molecule);
            let (ordered, _) = smiles::canonicalized(&molecule);
            assert_eq!(tags(&ordered), tags(&parse(&canonical)), "{text}");
            for seed in 0..20 {
                let ranks = shuffled(molecule.num_atoms(), seed);
                let other = smiles::write_in_order(&molecule, &ranks, WriteOptions::ISOMERIC);
                assert_eq!(smiles::write(&parse(&other)), canonical, "{text} {other}");
            }
        }
    }
}

#[test]
fn arrangements_of_the_neighbours_are_told_apart() {
    let kinds = |spelling: &str, numbers: usize| {
        let texts = (1..=numbers)
            .map(|number| smiles::write(&parse(&spelling.replace("{}", &number.to_string()))));
        texts.collect::<std::collections::BTreeSet<_>>().len()
    };
    // With one vacant site all differ, with more some differ in the vacant sites alone.
    assert_eq!(kinds("C[As@TB{}](F)(Cl)Br", 20), 20);
    assert_eq!(kinds("C[Co@OH{}](F)(Cl)(Br)I", 30), 30);
    assert_eq!(kinds("C[As@TB{}](F)Cl", 20), 10);
    assert_eq!(kinds("C[Co@OH{}](F)Cl", 30), 5);
    assert_eq!(kinds("C[Pt@SP{}](F)Cl", 3), 3);
}

#[test]
fn marks_that_cannot_be_are_removed() {
    let none = [
        "C~[As@TB4]",
        "C[As@TB4]",
        "C->[Fe@OH4]",
        "[P@TB1]",
        "[Fe@TB10H-]",
        "[Si@TB20H]1(Br)(~F)([Fe])CCC1",
        "C~[C@](F)(Cl)Br",
        "F~[C@](F)(Cl)Br",
        "*~[C@](F)(Cl)Br",
        "C~[C@@H](F)Cl",
    ];
    for text in none {
        let marked = |tag: &ChiralTag| *tag != ChiralTag::Unspecified;
        assert!(!tags(&parse(text)).iter().any(marked), "{text}");
    }
    // A dummy has no hybridisation that a mark could contradict.
    for text in ["[*@SP1](F)(Cl)Br", "O[*@TB12H]", "O<-[*@OH20](<-C)=C"] {
        let kept = |tag: &ChiralTag| matches!(tag, ChiralTag::NonTetrahedral(..));
        assert_eq!(
            tags(&parse(text)).iter().filter(|tag| kept(tag)).count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn there_is_no_number_zero() {
    for text in [
        "C[C@TH0](F)(Cl)Br",
        "C[C@AL0](F)Cl",
        "C[Pt@SP0](F)(Cl)Br",
        "C[Pt@SP01](F)(Cl)Br",
        "C[As@TB0](F)(Cl)(Br)I",
        "C[Co@OH0](F)(Cl)(Br)(I)N",
    ] {
        let error = smiles::parse(text).expect_err("refused");
        assert_eq!(error.kind.name(), "out-of-range", "{text}");
        assert!(text[error.span].starts_with('0'), "{text}");
    }
    for text in ["C[Pt@SP](F)(Cl)Br", "C[C@TH](F)(Cl)Br", "CC=[C@AL]=CC"] {
        parse(text);
    }
}
