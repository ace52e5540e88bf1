//! Hostile SMILES: mutated, nested, huge. Nothing panics, and time stays near-linear.

use std::fmt::Write;
use std::time::{Duration, Instant};

use dd_mol::smiles::{ParseOptions, SmilesErrorKind, parse, parse_with};
use dd_mol::{PerceptionError, Sanitize};
use proptest::prelude::*;

const SEEDS: [&str; 12] = [
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
];

/// Far more than any of these inputs needs, far less than quadratic work would take.
const PATIENCE: Duration = Duration::from_secs(120);

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
                    prop_assert!(error.span.start <= text.len());
                    prop_assert!(error.to_string().contains('^'));
                }
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = parse(&text).map_err(|error| error.to_string());
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

/// Parses and checks the time; returns the number of atoms.
fn atoms(text: &str) -> usize {
    let start = Instant::now();
    let molecule = parse(text).expect("valid");
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    molecule.num_atoms()
}

#[test]
fn long_chains_branches_and_rings() {
    const N: usize = 1_000_000;
    assert_eq!(atoms(&"C".repeat(N)), N);
    assert_eq!(atoms(&format!("C1{}1", "C".repeat(N))), N + 1);
    let nested = format!("{}C{}", "C(".repeat(N), ")".repeat(N));
    assert_eq!(atoms(&nested), N + 1);
    assert_eq!(atoms(&"c1ccccc1".repeat(20_000)), 120_000);
    assert_eq!(atoms(&"N[C@@H](C)C(=O)".repeat(200)), 1_000);
}

#[test]
fn many_open_rings() {
    let mut opened = String::new();
    for number in 0..100_000 {
        write!(opened, "C%({number:05})").expect("strings take all writes");
    }
    let error = parse(&opened).expect_err("never closed");
    assert_eq!(error.kind, SmilesErrorKind::UnclosedRing { number: 0 });
    let ring_system = opened.repeat(2);
    let error = parse(&ring_system).expect_err("too large a ring system");
    assert!(matches!(
        error.kind,
        SmilesErrorKind::Perception(PerceptionError::RingSystemTooLarge { .. })
    ));
}

#[test]
fn exponential_rings_are_bounded() {
    let cyclophane = format!("C1{}1", "c2ccc(cc2)".repeat(20));
    assert_eq!(atoms(&cyclophane), 121);
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
    for text in ["C\0C", "\0", "C\nC", "é", "C€", "C |foo|"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert_eq!(parse("").expect("no atoms").num_atoms(), 0);
    assert_eq!(parse(" CC\r\n").expect("trimmed").num_atoms(), 2);
    let garbage = "x".repeat(10_000_000);
    let shown = parse(&garbage).expect_err("garbage").to_string();
    assert!(shown.len() < 1_000);
}
