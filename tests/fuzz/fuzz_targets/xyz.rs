//! Any bytes are read as XYZ: answers in bounded memory, one fault at most, and frames
//! that are read back exactly.
#![no_main]

use dd_mol::xyz::XyzReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: dd_fuzz::prepare(), |bytes: &[u8]| {
    let room = (1 << 20) + 2_000 * bytes.len();
    dd_fuzz::limit(room);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let mut faults = 0;
    let mut atoms = 0;
    for (number, frame) in XyzReader::new(bytes).enumerate() {
        match frame {
            Ok(frame) => {
                assert_eq!(faults, 0, "a frame after a fault");
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
                faults += 1;
                assert_eq!(error.frame, number);
                assert!((1..=lines + 1).contains(&error.line));
                assert!(error.to_string().len() < 2_000);
            }
        }
    }
    assert!(faults <= 1 && atoms <= lines);
});
