//! Long and deep SMILES: chains, branches, parts, ring numbers, digits, neighbours.

use std::fmt::Write;

use dd_mol::smiles::{self, ParseOptions, SmilesErrorKind};
use dd_mol::{BondOrder, PerceptionError, Sanitize};

use crate::graphs::graph;
use crate::{fault, of_text, on_a_small_stack, refusal, sizes};

#[test]
fn chains_and_branches_of_any_depth() {
    const N: usize = 1_000_000;
    on_a_small_stack(|| {
        assert_eq!(of_text(&"C".repeat(N)), (N, 0, 0));
        let nested = format!("{}C{}", "C(".repeat(N), ")".repeat(N));
        let molecule = smiles::parse(&nested).expect("nested branches");
        assert_eq!(molecule.num_atoms(), N + 1);
        let unclosed = "C(".repeat(N);
        assert_eq!(fault(&unclosed).kind.name(), "syntax");
        let unclosed = format!("{unclosed}C");
        assert_eq!(fault(&unclosed).kind, SmilesErrorKind::UnclosedBranch);
        let unopened = format!("C{}", ")".repeat(N));
        assert_eq!(fault(&unopened).kind, SmilesErrorKind::UnopenedBranch);
        for opening in ["(", "[", ".", "=", "x"] {
            assert_eq!(fault(&opening.repeat(N)).kind.name(), "syntax");
        }
    });
}

#[test]
fn many_parts() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        assert_eq!(of_text(&vec!["C"; N].join(".")), (N, 0, 0));
        assert_eq!(of_text(&vec!["[Na+].[Cl-]"; N / 2].join(".")), (N, 0, 0));
        assert_eq!(
            of_text(&"c1ccccc1".repeat(10_000)),
            (60_000, 10_000, 60_000)
        );
        assert_eq!(of_text(&"C(C)(C)".repeat(10_000)), (30_000, 0, 0));
        let bushy = format!("C{}", "(C(C)(C)C)C".repeat(4_000));
        assert_eq!(of_text(&bushy), (20_001, 0, 0));
    });
}

#[test]
fn ring_numbers() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        let mut opened = String::new();
        for number in 0..N {
            write!(opened, "C%({number:05})").expect("strings take all writes");
        }
        assert_eq!(
            fault(&opened).kind,
            SmilesErrorKind::UnclosedRing { number: 0 }
        );
        let kind = fault(&opened.repeat(2)).kind;
        let limit = Sanitize::RDKIT.max_ring_system;
        let expected = PerceptionError::RingSystemTooLarge {
            found: 2 * N,
            limit,
        };
        assert_eq!(kind, SmilesErrorKind::Perception(expected));
        assert_eq!(of_text(&"C1CC1".repeat(20_000)), (60_000, 20_000, 60_000));
        let macrocycle = format!("C1{}1", "C".repeat(N));
        assert_eq!(of_text(&macrocycle), (N + 1, 1, N + 1));
        // Each number is opened again on the atom that closes it: one endless system.
        let strip = |units: usize| format!("C1CC2{}C1CC2", "CC11CC22".repeat(units));
        assert_eq!(of_text(&strip(100)).0, 406);
        let kind = fault(&strip(N)).kind;
        assert_eq!(kind.name(), "ring-system-too-large");
        let same = format!("C{}", "1".repeat(1_000_000));
        assert_eq!(
            fault(&same).kind,
            SmilesErrorKind::DuplicateRing { number: 1 }
        );
        // A macrocycle through n benzene rings has 2ⁿ shortest cycles.
        let cyclophane = format!("C1{}1", "c2ccc(cc2)".repeat(30));
        assert_eq!(of_text(&cyclophane).0, 181);
    });
}

#[test]
fn numbers_of_a_million_digits() {
    let digits = "9".repeat(1_000_000);
    for text in [
        format!("[{digits}C]"),
        format!("[C:{digits}]"),
        format!("[CH{digits}]"),
        format!("[C+{digits}]"),
        format!("[C{}]", "+".repeat(1_000_000)),
        format!("C%({digits})"),
        format!("[Pt@SP{digits}]"),
        format!("[#{digits}]"),
    ] {
        fault(&text);
    }
}

#[test]
fn stars() {
    on_a_small_stack(|| {
        const N: usize = 100_000;
        let limit = Sanitize::RDKIT.max_neighbors;
        let expected = PerceptionError::TooManyNeighbors {
            atom: 0,
            found: N,
            limit,
        };
        for arm in ["(C)", "(=C)", "([H])", "(/C=C/F)"] {
            for center in ["*", "[U]", "[U@]"] {
                let kind = fault(&format!("{center}{}", arm.repeat(N))).kind;
                assert_eq!(kind, SmilesErrorKind::Perception(expected.clone()));
            }
        }
        let bonds: Vec<_> = (1..=N).map(|end| (0, end)).collect();
        assert_eq!(
            refusal(graph(N + 1, 0, BondOrder::Single, &bonds)),
            expected
        );
        let allowed = ParseOptions {
            sanitize: Sanitize {
                max_neighbors: usize::MAX,
                ..Sanitize::RDKIT
            },
        };
        let star = format!("*{}", "(=C)".repeat(1_000));
        let molecule = smiles::parse_with(&star, &allowed).expect("a higher limit");
        assert_eq!(sizes(&molecule), (1_001, 0, 0));
        assert_eq!(
            of_text(&format!("*{}", "(C)".repeat(limit))),
            (limit + 1, 0, 0)
        );
    });
}
