//! Any bytes are read as XYZ: answers in bounded memory, none after a fault behind which the
//! next frame cannot be found, and frames that are read back exactly.
#![no_main]

use dd_mol::xyz::{XyzErrorKind, XyzReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: dd_fuzz::prepare(), |bytes: &[u8]| {
    let room = (1 << 20) + 2_000 * bytes.len();
    dd_fuzz::limit(room);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let (mut answers, mut atoms, mut is_lost) = (0, 0, false);
    for (number, frame) in XyzReader::new(bytes).enumerate() {
        assert!(!is_lost, "an answer after the last");
        answers += 1;
        match frame {
            Ok(frame) => {
                atoms += frame.positions.len();
                assert_eq!(frame.positions.len(), frame.atomic_numbers.len());
                let text = frame.to_string();
                let mut again = XyzReader::new(text.as_bytes());
                let read = again.next().expect("one frame").expect("own output");
                assert_eq!(read.atomic_numbers, frame.atomic_numbers);
                assert_eq!(read.positions, frame.positions);
                assert!(again.next().is_none());
                let molecule = frame.to_molecule().expect("atoms without bonds");
                assert_eq!(molecule.num_atoms(), frame.positions.len());
            }
            Err(error) => {
                use XyzErrorKind::{Coordinates, UnknownElement};
                is_lost = !matches!(error.kind, Coordinates | UnknownElement { .. });
                assert_eq!(error.frame, number);
                assert!((1..=lines + 1).contains(&error.line));
                assert!(error.to_string().len() < 2_000);
            }
        }
    }
    assert!(answers + atoms <= lines + 1);
});
