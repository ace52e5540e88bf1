//! Any bytes are read as a table or a list of molecules: every row has its answer, in
//! order, in bounded memory, and however the bytes arrive.
#![no_main]

use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;

use dd_data::{Format, Part, RowOptions, Rows};
use dd_mol::{Sanitize, smiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: dd_fuzz::prepare(), |bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let room = (16 << 20) + (16 << 10) * bytes.len();
    dd_fuzz::limit(room);
    let format = [
        Format::Csv,
        Format::Tsv,
        Format::Smi,
        Format::Sdf,
        Format::Xyz,
    ][usize::from(choice % 5)];
    let options = RowOptions {
        smiles_column: None,
        usual_column: None,
        unbound: true,
        xyz_table: choice & 64 != 0,
        sanitize: if choice & 128 == 0 {
            Sanitize::RDKIT
        } else {
            Sanitize::KEEP_HYDROGENS
        },
        part: Part::ALL,
    };
    let Some(rows) = answers(Box::new(Cursor::new(bytes.to_vec())), format, &options) else {
        return;
    };
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let end = if text.contains(&b'\n') || !text.contains(&b'\r') {
        b'\n'
    } else {
        b'\r'
    };
    let lines = text.split_inclusive(|byte| *byte == end).count();
    let quoted = bytes.contains(&b'"');
    match format {
        Format::Smi => assert_eq!(rows.len(), lines),
        Format::Csv | Format::Tsv if !quoted => assert_eq!(rows.len(), lines - 1),
        _ => assert!(rows.len() <= lines),
    }
    let drop_by_drop =
        BufReader::with_capacity(1 + usize::from(choice % 3), Cursor::new(bytes.to_vec()));
    assert_eq!(
        Some(rows),
        answers(Box::new(drop_by_drop), format, &options)
    );
});

/// Number, text, and the molecule or its fault of each row; none when there is no header.
type Answer = (u64, String, Result<String, String>);

fn answers(
    reader: Box<dyn BufRead + Send>,
    format: Format,
    options: &RowOptions,
) -> Option<Vec<Answer>> {
    let rows = Rows::from_reader(reader, Path::new("input"), format, options.clone()).ok()?;
    let mut answers = Vec::new();
    for (number, row) in rows.enumerate() {
        let row = row.expect("memory can always be read");
        assert_eq!(row.row, number as u64);
        let molecule = match row.molecule {
            Ok(molecule) => {
                assert!(molecule.num_atoms() > 0);
                Ok(smiles::write(&molecule))
            }
            Err(fault) => {
                assert!(!fault.kind.is_empty() && !fault.message.is_empty());
                if let Some(span) = fault.span {
                    assert!(
                        row.input.get(span.clone()).is_some(),
                        "{span:?} in {:?}",
                        row.input
                    );
                }
                Err(fault.message)
            }
        };
        answers.push((row.row, row.input, molecule));
    }
    Some(answers)
}
