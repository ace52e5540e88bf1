//! Mutated and arbitrary SMILES: an answer, never a panic. Large ones: `hostile`.

use dd_mol::Sanitize;
use dd_mol::smiles::{ParseOptions, SmilesErrorKind, parse, parse_with};
use proptest::prelude::*;

const SEEDS: [&str; 13] = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@H](N)C(=O)O",
    "F/C=C/F",
    "C12C3C4C1C5C2C3C45",
    "[13CH3][N+](C)(C)C.[Cl-]",
    "c1cc2ccc3cccc4ccc(c1)c2c34",
    "C[O-]->[Fe+2]",
    "C%10CC%(123)CC%10C%(123)",
    "N[C@@]([H])(C)C(=O)[O-]",
    "O=S(=O)(N)c1ccc(cc1)[As](=O)(O)O",
    "*c1c*cc1~C$C:C",
    "[Pt@SP1](Cl)(Br)(N)P",
    "CCP([Pd]1(Cl)[Cl][Pd]([Cl]1)(Cl)P(CC)CC)CC",
];

fn mutated() -> impl Strategy<Value = String> {
    let token = prop::sample::select(
        "C c N n O o S P F I Br Cl [H] [nH] ( ) = # $ : ~ / \\ . 1 2 3 %10 %(12345) @ @@ + - [ ] * [C@@H] -> <-"
            .split(' ')
            .collect::<Vec<_>>(),
    );
    let edits = prop::collection::vec((any::<prop::sample::Index>(), token, 0..3_u8), 0..8);
    (prop::sample::select(&SEEDS[..]), edits).prop_map(|(seed, edits)| {
        let mut text = seed.to_owned();
        for (at, token, kind) in edits {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.insert_str(at, token),
                1 if at < text.len() => {
                    text.remove(at);
                }
                _ if at < text.len() => text.replace_range(at..=at, token),
                _ => {}
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_smiles_never_panic(text in mutated()) {
        for options in [ParseOptions::RDKIT, ParseOptions::KEEP_HYDROGENS] {
            match parse_with(&text, &options) {
                Ok(molecule) => prop_assert!(molecule.num_atoms() <= text.len()),
                Err(error) => {
                    prop_assert!(error.span.start <= error.span.end);
                    prop_assert!(text.get(error.span.clone()).is_some());
                    prop_assert!(error.to_string().contains('^'));
                }
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some());
            prop_assert!(error.to_string().contains('^'));
        }
    }

    #[test]
    fn a_copy_beside_it_has_the_same_rings(seed in 0..SEEDS.len()) {
        let molecule = parse(SEEDS[seed]).expect("the seeds are valid");
        let doubled = parse(&format!("{}.{}", SEEDS[seed], SEEDS[seed])).expect("valid");
        let mut twice = molecule.ring_sizes();
        twice.extend(molecule.ring_sizes());
        twice.sort_unstable();
        prop_assert_eq!(doubled.ring_sizes(), twice);
    }
}

#[test]
fn limits_are_errors() {
    let small = ParseOptions {
        sanitize: Sanitize {
            max_atoms: 10,
            ..Sanitize::RDKIT
        },
    };
    let error = parse_with("CCCCCCCCCCCC", &small).expect_err("12 atoms");
    assert_eq!(error.kind, SmilesErrorKind::TooManyAtoms { limit: 10 });
    assert_eq!(error.span, 10..11);
}

#[test]
fn bytes_that_are_no_smiles() {
    for text in [
        "C\0C", "\0", "C\nC", "é", "C€", "C |foo|", "C |", "C |o1:1|",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert_eq!(parse("").expect("no atoms").num_atoms(), 0);
    for padded in [" CC\r\n", "CC\u{b}", "\u{c}CC \u{c}"] {
        assert_eq!(parse(padded).expect("trimmed").num_atoms(), 2);
    }
    for blank in [" ", "\n", "\t \r\n"] {
        let fault = parse(blank).expect_err("no SMILES");
        assert_eq!(fault.span, blank.len()..blank.len());
    }
    // A control character of two bytes, and the end of the text.
    assert_eq!(
        parse("C\u{85}C").expect_err("a control character").span,
        1..3
    );
    assert_eq!(parse("C.").expect_err("no atom").span, 2..2);
}
