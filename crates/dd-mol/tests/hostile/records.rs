//! Structure files with many atoms or without a line end.

use std::fmt::Write;
use std::io::{BufReader, Read};

use dd_mol::Sanitize;
use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::sdf::{SdfErrorKind, SdfReader};

use crate::{fault, on_a_small_stack, sizes};

#[test]
fn large_records() {
    const N: usize = 100_000;
    on_a_small_stack(|| {
        let mut block = format!(
            "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n\
             M  V30 COUNTS {N} {} 0 0 0\nM  V30 BEGIN ATOM\n",
            N - 1
        );
        for atom in 1..=N {
            writeln!(block, "M  V30 {atom} C {atom}.5 0 {} 0", atom % 2).expect("a string");
        }
        block.push_str("M  V30 END ATOM\nM  V30 BEGIN BOND\n");
        for bond in 1..N {
            writeln!(block, "M  V30 {bond} 1 {bond} {}", bond + 1).expect("a string");
        }
        block.push_str("M  V30 END BOND\nM  V30 END CTAB\nM  END\n");
        let molecule = molfile::parse(&block).expect("a long chain");
        assert_eq!(sizes(&molecule), (N, 0, 0));
        let written = molfile::write(&molecule).expect("V3000 has room for any chain");
        let again = molfile::parse(&written).expect("own output");
        assert_eq!(sizes(&again), (N, 0, 0));
        let small = MolfileOptions {
            sanitize: Sanitize {
                max_atoms: N - 1,
                ..Sanitize::RDKIT
            },
        };
        assert!(molfile::parse_with(&block, &small).is_err());
    });
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    let long = BufReader::new(std::io::repeat(b'9').take(100 << 20));
    let mut records = SdfReader::new(long, MolfileOptions::RDKIT);
    let error = records.next().expect("one answer").expect_err("no record");
    assert!(
        matches!(error.kind, SdfErrorKind::TooLarge { .. }),
        "{error}"
    );
    assert!(records.next().is_none());
    let garbage = "x".repeat(100 << 20);
    assert_eq!(fault(&garbage).span, 0..1);
}
