//! Every structure file of the reference data: as many records and atoms as RDKit reads,
//! except for queries, which are refused.

mod reference;

use dd_mol::molfile::{MolfileErrorKind, MolfileOptions};
use dd_mol::sdf::{self, SdfErrorKind, SdfReader};
use dd_mol::smiles;
use dd_mol::xyz::XyzReader;

/// Files in which RDKit's stream reader loses a record: a data field without a blank line
/// before the delimiter swallows the next record.
const MORE_THAN_RDKIT: &[&str] = &["rdkit/strictLax2.sdf"];

#[test]
fn as_many_records_as_rdkit() {
    let Some(folder) = reference::path("data/sdf") else {
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).expect("a manifest");
    let mut lines = manifest.lines();
    let header: Vec<&str> = lines.next().expect("a header").split('\t').collect();
    let column = |name: &str| header.iter().position(|&h| h == name).expect("a column");
    let columns = ["file", "flavour", "rdkit_ok", "rdkit_atoms"].map(column);
    let mut checked = 0;
    for line in lines {
        let row: Vec<&str> = line.split('\t').collect();
        let [file, flavour, records, atoms] = columns.map(|index| row[index]);
        if flavour == "mol2" {
            continue;
        }
        let expected = (
            records.parse::<usize>().expect("a count"),
            atoms.parse::<usize>().expect("a count"),
        );
        let input = reference::open(&folder.join(file));
        let mut queries = 0;
        let found = if flavour == "xyz" {
            let frames: Vec<_> = XyzReader::new(input).flatten().collect();
            let atoms = frames.iter().map(|frame| frame.positions.len()).sum();
            (frames.len(), atoms)
        } else {
            let mut found = (0, 0);
            for result in SdfReader::new(input, MolfileOptions::KEEP_HYDROGENS) {
                match result {
                    Ok(molecule) => {
                        found.0 += 1;
                        found.1 += molecule.num_atoms();
                    }
                    Err(error) => queries += usize::from(is_query(&error.kind)),
                }
            }
            found
        };
        let empty = expected.1 == 0 && found.0 == 0;
        if MORE_THAN_RDKIT.contains(&file) {
            assert!(found > expected, "{file}");
        } else if queries > 0 {
            assert!(
                found.0 <= expected.0 && found.0 + queries >= expected.0,
                "{file}"
            );
        } else if !empty {
            assert_eq!(found, expected, "{file}");
        }
        checked += 1;
    }
    assert!(checked > 300);
}

fn is_query(kind: &SdfErrorKind) -> bool {
    matches!(kind, SdfErrorKind::Molfile(error) if matches!(error.kind, MolfileErrorKind::Query { .. }))
}

#[test]
fn what_is_written_is_read_again() {
    let files = [
        "bzr",
        "cis_trans_cases",
        "combi_coords",
        "pubchem.200",
        "cdk2",
    ];
    for name in files {
        let Some(path) = reference::path(&format!("data/sdf/big/{name}.sdf.gz")) else {
            return;
        };
        let read = SdfReader::new(reference::open(&path), MolfileOptions::RDKIT);
        let molecules: Vec<_> = read.flatten().collect();
        let mut text = String::new();
        for molecule in &molecules {
            text.push_str(&sdf::write(molecule).unwrap_or_else(|error| panic!("{name}: {error}")));
        }
        let again = SdfReader::new(text.as_bytes(), MolfileOptions::RDKIT);
        let again: Vec<_> = again.map(|result| result.expect("own output")).collect();
        assert_eq!(again.len(), molecules.len());
        for (a, b) in molecules.iter().zip(&again) {
            assert_eq!(smiles::write(a), smiles::write(b), "{name} {}", a.name());
            assert_eq!((a.name(), a.properties()), (b.name(), b.properties()));
            let (a, b) = (&a.conformers()[0], &b.conformers()[0]);
            assert_eq!((a.is_3d, &a.positions), (b.is_3d, &b.positions));
        }
    }
}
