//! Broken structure files: each fault is an error that says where, the other records are
//! read, and nothing panics.

use std::io::Read;

use dd_mol::molfile::{self, MolfileErrorKind, MolfileOptions};
use dd_mol::sdf::{SdfError, SdfErrorKind, SdfReader};
use dd_mol::xyz::{XyzErrorKind, XyzReader};
use dd_mol::{Molecule, PerceptionError};
use proptest::prelude::*;

use crate::ETHANOL;

fn records(text: &[u8]) -> Vec<Result<Molecule, SdfError>> {
    SdfReader::new(text, MolfileOptions::KEEP_HYDROGENS).collect()
}

fn fault(block: &str) -> molfile::MolfileError {
    molfile::parse(block).expect_err("the block is broken")
}

/// `ETHANOL` between two broken copies of it.
fn surrounded(broken: &str) -> String {
    format!("{ETHANOL}$$$$\n{broken}$$$$\n{ETHANOL}$$$$\n")
}

#[test]
fn a_broken_record_does_not_stop_the_stream() {
    let broken = ETHANOL.replace("    0.4000   -0.5000", "    0.4000   -0.5o00");
    let results = records(surrounded(&broken).as_bytes());
    assert_eq!(results.len(), 3);
    assert!(results[0].is_ok() && results[2].is_ok());
    let error = results[1].as_ref().expect_err("the second is broken");
    assert_eq!((error.record, error.title.as_str()), (1, "ethanol"));
    assert_eq!(error.first_line, 12);
    let SdfErrorKind::Molfile(inner) = &error.kind else {
        panic!("{error}");
    };
    assert_eq!((inner.line, inner.columns.clone()), (6, 10..20));
    let shown = error.to_string();
    assert!(shown.contains("record 1 \"ethanol\" (from line 12): line 6, columns 11-20"));
    assert!(shown.ends_with("          ^^^^^^^^^^"), "{shown}");
}

#[test]
fn truncated_files_are_errors() {
    for end in 1..ETHANOL.len() - 1 {
        let cut = &ETHANOL[..end];
        let complete = cut.contains("M  END");
        assert_eq!(molfile::parse(cut).is_ok(), complete, "{cut:?}");
        let results = records(cut.as_bytes());
        assert!(
            results.len() == 1 && results[0].is_ok() == complete,
            "{cut:?}"
        );
    }
    let before_end = ETHANOL.replace("M  END\n", "$$$$\n");
    let results = records(before_end.as_bytes());
    let error = results[0].as_ref().expect_err("`M  END` is missing");
    assert!(error.to_string().contains("`M  END`"), "{error}");
}

#[test]
fn coordinates_must_be_numbers() {
    for bad in [
        "       nan",
        "       inf",
        "    1.5e+1",
        "    0,4000",
        "  -.-     ",
    ] {
        let broken = ETHANOL.replace("    0.4000", bad);
        let error = fault(&broken);
        assert!(
            matches!(error.kind, MolfileErrorKind::Number { .. }),
            "{error}"
        );
    }
    let blank = ETHANOL.replace("   -0.9000    0.2000    0.1000", &" ".repeat(30));
    let molecule = molfile::parse(&blank).expect("blank fields are zero");
    assert_eq!(molecule.conformers()[0].positions[0], [0.0; 3]);
}

#[test]
fn nul_bytes_and_other_bytes_are_answered() {
    let nul = ETHANOL.replace(" O  ", " \0  ");
    assert!(matches!(
        fault(&nul).kind,
        MolfileErrorKind::UnknownElement { .. }
    ));
    let mut latin = ETHANOL.as_bytes().to_vec();
    latin[0] = 0xE9;
    let results = records(&latin);
    let molecule = results[0].as_ref().expect("only the title is not ASCII");
    assert_eq!(molecule.name(), "éthanol");
    assert_eq!(records(&[0; 100]).len(), 1);
}

#[test]
fn long_lines_do_not_fill_the_memory() {
    let long = "9".repeat(10 << 20);
    let text = surrounded(&ETHANOL.replace("  3  2", &long));
    let results = records(text.as_bytes());
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
    let error = results[1].as_ref().expect_err("no counts line");
    assert!(error.to_string().len() < 2000);

    let limited = SdfReader::new(text.as_bytes(), MolfileOptions::RDKIT);
    let results: Vec<_> = limited.with_max_record_bytes(1 << 16).collect();
    assert!(results[0].is_ok() && results[2].is_ok());
    let error = results[1].as_ref().expect_err("larger than the limit");
    assert!(
        matches!(error.kind, SdfErrorKind::TooLarge { .. }),
        "{error}"
    );
    assert_eq!(error.title, "ethanol");

    let xyz = format!("1\n{long}\nH 0 0 0\n");
    let error = XyzReader::new(xyz.as_bytes()).next().expect("one frame");
    let error = error.expect_err("the comment is too long");
    assert!(
        matches!(error.kind, XyzErrorKind::LineTooLong { .. }),
        "{error}"
    );
}

#[test]
fn an_endless_record_ends_with_the_input() {
    let endless = std::io::repeat(b'x').take(50 << 20);
    let reader = SdfReader::new(std::io::BufReader::new(endless), MolfileOptions::RDKIT);
    let results: Vec<_> = reader.with_max_record_bytes(1 << 10).collect();
    assert_eq!(results.len(), 1);
    assert!(results[0].is_err());
}

#[test]
fn counts_that_promise_too_much_are_truncations() {
    let broken = ETHANOL.replace("  3  2", "999999");
    let error = fault(&broken);
    assert!(
        matches!(error.kind, MolfileErrorKind::ShortLine { .. }),
        "{error}"
    );
    let v3000 = "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n\
        M  V30 COUNTS 4000000000 0 0 0 0\nM  V30 BEGIN ATOM\n";
    let error = fault(v3000);
    assert!(
        matches!(error.kind, MolfileErrorKind::Truncated { .. }),
        "{error}"
    );
}

#[test]
fn bonds_must_make_a_molecule() {
    let to_nowhere = ETHANOL.replace("  2  3  1  0", "  2  4  1  0");
    let error = fault(&to_nowhere);
    assert!(matches!(
        error.kind,
        MolfileErrorKind::NoSuchAtom {
            number: 4,
            atoms: 3
        }
    ));
    assert_eq!((error.line, error.columns.clone()), (9, 3..6));
    let twice = ETHANOL.replace("  2  3  1  0", "  2  1  1  0");
    let error = fault(&twice);
    let duplicate = PerceptionError::DuplicateBond {
        bond: 1,
        begin: 1,
        end: 0,
    };
    assert_eq!(error.kind, MolfileErrorKind::Perception(duplicate));
    assert_eq!(error.line, 9);
    let to_itself = ETHANOL.replace("  2  3  1  0", "  2  2  1  0");
    assert_eq!(fault(&to_itself).line, 9);
    let pentavalent = ETHANOL.replace("  2  3  1  0", "  2  3  3  0");
    assert_eq!(fault(&pentavalent).line, 7);
}

#[test]
fn queries_and_unknown_elements_are_refused_with_a_reason() {
    for (symbol, reason) in [
        ("A  ", "query"),
        ("Q  ", "query"),
        ("Xx ", "unknown element"),
    ] {
        let shown = fault(&ETHANOL.replace("O  ", symbol)).to_string();
        assert!(
            shown.contains(reason) && shown.contains("line 7, columns 32-34"),
            "{shown}"
        );
    }
    let any_bond = ETHANOL.replace("  2  3  1  0", "  2  3  8  0");
    assert!(
        fault(&any_bond)
            .to_string()
            .contains("bond type 8 is a query feature")
    );
    let list = ETHANOL.replace("M  END", "M  ALS   1  2 F C   N\nM  END");
    assert!(fault(&list).to_string().contains("query"));
    for tag in ["SUB", "RBC", "UNS"] {
        let with = |values: &str| ETHANOL.replace("M  END", &format!("M  {tag}{values}\nM  END"));
        assert!(
            fault(&with("  2   1   0   2   1"))
                .to_string()
                .contains("query")
        );
        let off = molfile::parse(&with("  2   1   0   2   0")).expect("switched off");
        assert_eq!(off.num_atoms(), 3);
        assert!(molfile::parse(&with("  1   4   0")).is_err());
    }
}

#[test]
fn a_mark_of_byte_order_is_no_text() {
    let marked = format!("\u{feff}{ETHANOL}");
    assert_eq!(molfile::parse(&marked).expect("readable").name(), "ethanol");
    let mut bytes = format!("{marked}> <note>\n").into_bytes();
    bytes.extend(b"\xe9\n\n$$$$\n");
    let read = records(&bytes).remove(0).expect("readable");
    assert_eq!(read.name(), "ethanol");
    assert_eq!(read.properties()[0].1, "é");
    let frames: Vec<_> = XyzReader::new("\u{feff}1\n\u{feff}x\nH 0 0 0\n".as_bytes()).collect();
    let frame = frames[0].as_ref().expect("readable");
    assert_eq!(frame.comment, "\u{feff}x");
}

#[test]
fn empty_molecules_and_trailing_blanks() {
    let empty = "none\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n";
    let molecule = molfile::parse(empty).expect("a molecule without atoms");
    assert_eq!((molecule.num_atoms(), molecule.conformers().len()), (0, 1));
    assert_eq!(records(b"").len(), 0);
    assert_eq!(records(b"\n\r\n  \n").len(), 0);
    let text = format!("{ETHANOL}$$$$\n\n\n");
    assert_eq!(records(text.as_bytes()).len(), 1);
    let without_delimiter = records(ETHANOL.as_bytes());
    assert!(without_delimiter.len() == 1 && without_delimiter[0].is_ok());
    let empty_record = format!("$$$$\n{ETHANOL}");
    let results = records(empty_record.as_bytes());
    assert!(results.len() == 2 && results[0].is_err() && results[1].is_ok());
}

#[test]
fn broken_frames_name_frame_and_line() {
    let cases = [
        ("x\n", "line 1: expected the number of atoms"),
        ("2\n\nH 0 0 0\n", "the text ends after 1 of 2 atoms"),
        (
            "1\n\nH 0 nan 0\n",
            "line 3: expected three finite coordinates",
        ),
        ("1\n\nH 0 0\n", "line 3: expected three finite coordinates"),
        ("1\n\nZz 0 0 0\n", "line 3: unknown element \"Zz\""),
        ("1\n\n200 0 0 0\n", "line 3: unknown element"),
        ("18446744073709551615\n\n", "the text ends after 0 of"),
        ("-1\n\n", "expected the number of atoms"),
    ];
    for (text, expected) in cases {
        let mut frames = XyzReader::new(text.as_bytes());
        let error = frames.next().expect("one answer").expect_err("broken");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(frames.next().is_none());
    }
    let text = "1\nfirst\nH 0 0 0\n\n2\nsecond\n6 0 0 0.5 extra\no 1 2 3\n";
    let frames: Result<Vec<_>, _> = XyzReader::new(text.as_bytes()).collect();
    let frames = frames.expect("two frames");
    assert_eq!(frames[1].atomic_numbers, [6, 8]);
    let molecule = frames[1].to_molecule().expect("atoms");
    assert_eq!((molecule.num_bonds(), molecule.name()), (0, "second"));
    let again: Vec<_> = XyzReader::new(frames[1].to_string().as_bytes())
        .flatten()
        .collect();
    assert_eq!(again, [frames[1].clone()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// One byte changed, removed or added anywhere: an answer, never a panic.
    #[test]
    fn mutated_records_are_answered(at in 0..ETHANOL.len(), byte in any::<u8>(), how in 0..3) {
        let mut text = ETHANOL.as_bytes().to_vec();
        match how {
            0 => text[at] = byte,
            1 => { text.remove(at); }
            _ => text.insert(at, byte),
        }
        prop_assert!(!records(&text).is_empty());
        let _ = XyzReader::new(&text[..]).count();
    }

    /// Any bytes are read to the end.
    #[test]
    fn arbitrary_bytes_are_answered(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = records(&text);
        let _ = XyzReader::new(&text[..]).count();
    }

    /// Frames are read back exactly.
    #[test]
    fn frames_round_trip(atoms in prop::collection::vec((1_u8..=118, any::<[f64; 3]>()), 0..6)) {
        prop_assume!(atoms.iter().all(|(_, p)| p.iter().all(|x| x.is_finite())));
        let frame = dd_mol::xyz::XyzFrame {
            comment: "a frame".to_owned(),
            atomic_numbers: atoms.iter().map(|atom| atom.0).collect(),
            positions: atoms.iter().map(|atom| atom.1).collect(),
        };
        let again = XyzReader::new(frame.to_string().as_bytes()).next();
        prop_assert_eq!(again.and_then(Result::ok), Some(frame));
    }
}
