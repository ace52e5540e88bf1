//! Every structure file of the reference data: as many records and atoms as RDKit reads,
//! except for queries, which are refused.

mod reference;

use dd_mol::molfile::{MolfileErrorKind, MolfileOptions, Version, WriteError};
use dd_mol::sdf::{self, SdfErrorKind, SdfReader};
use dd_mol::xyz::XyzReader;
use dd_mol::{BondStereo, Hybridization, Molecule};

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

/// Everything of a molecule except how its hydrogens are noted and in which direction its
/// single bonds are, which wedges decide. A double bond whose geometry was of no interest
/// with a hydrogen beside it can have an unknown one without, and a phosphorus that lost
/// hydrogens is hybridised as the counts are noted.
fn content(molecule: &Molecule, merged: bool) -> Vec<String> {
    let atoms = molecule.atoms().map(|atom| {
        let mut atom = atom.clone();
        atom.explicit_hydrogens += std::mem::take(&mut atom.implicit_hydrogens);
        atom.no_implicit = false;
        if merged {
            atom.hybridization = Hybridization::Unspecified;
        }
        format!("{atom:?}")
    });
    let bonds = molecule.bonds().map(|bond| {
        let (begin, end) = (bond.begin.min(bond.end), bond.begin.max(bond.end));
        let mut bond = bond.bond.clone();
        if merged && bond.stereo == BondStereo::Any {
            bond.stereo = BondStereo::None;
        }
        format!("{begin} {end} {bond:?}")
    });
    let groups = molecule.stereo_groups().iter().map(|g| format!("{g:?}"));
    let mut content: Vec<String> = atoms.chain(bonds).chain(groups).collect();
    content.push(molecule.name().to_owned());
    content.push(format!("{:?}", molecule.properties()));
    content
}

/// The molecules of every structure file; of the large files one record in `every`.
fn sample(options: &MolfileOptions, every: usize) -> Vec<(String, Molecule)> {
    let Some(folder) = reference::path("data/sdf") else {
        let text = include_str!("structures.sdf");
        let records = SdfReader::new(text.as_bytes(), options.clone());
        return records
            .map(|r| ("own".to_owned(), r.expect("a molecule")))
            .collect();
    };
    let mut sample = Vec::new();
    for (below, every) in [("rdkit", 1), ("openbabel", 1), ("big", every)] {
        let files = std::fs::read_dir(folder.join(below)).expect("a folder");
        for file in files.map(|entry| entry.expect("an entry").path()) {
            let name = file.display().to_string();
            if [".mol2", ".xyz", ".tsv"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                continue;
            }
            let records = SdfReader::new(reference::open(&file), options.clone());
            for (index, record) in records.enumerate().filter(|(i, _)| i % every == 0) {
                sample.extend(record.ok().map(|m| (format!("{name} {index}"), m)));
            }
        }
    }
    sample
}

#[test]
fn what_is_written_is_read_again() {
    round_trips(50);
}

#[test]
#[ignore = "all records of the large files take a minute"]
fn all_that_is_written_is_read_again() {
    round_trips(1);
}

fn round_trips(every: usize) {
    let keep = MolfileOptions::KEEP_HYDROGENS;
    let (mut written, mut flat) = (0, 0);
    for options in [&keep, &MolfileOptions::RDKIT] {
        for (name, molecule) in sample(options, every) {
            for version in [Version::V2000, Version::V3000] {
                let text = match sdf::write_as(&molecule, version) {
                    Ok(text) => text,
                    // Zero-order bonds are V2000 only, enhanced stereo is V3000 only.
                    Err(WriteError::BondOrder { .. } | WriteError::NotV2000 { .. }) => {
                        assert!(sdf::write(&molecule).is_ok(), "{name}");
                        continue;
                    }
                    // Without its hydrogen a centre can be too flat to show its hand.
                    Err(WriteError::Atom { .. }) if options.sanitize.remove_hydrogens => {
                        flat += 1;
                        continue;
                    }
                    Err(error) => panic!("{name} {version:?}: {error}"),
                };
                written += 1;
                let again = SdfReader::new(text.as_bytes(), keep.clone()).next();
                let again = again.expect("a record").expect("own output");
                let merged = options.sanitize.remove_hydrogens;
                let of = |molecule| content(molecule, merged);
                assert_eq!(of(&again), of(&molecule), "{name}\n{text}");
                let positions = |m: &Molecule| m.conformers()[0].positions.clone();
                let (a, b) = (positions(&molecule), positions(&again));
                if version == Version::V3000 {
                    assert_eq!(a, b, "{name}");
                }
                let far = |(a, b): (&f64, &f64)| (a - b).abs() > 0.5e-4;
                assert!(
                    !a.as_flattened().iter().zip(b.as_flattened()).any(far),
                    "{name}"
                );
                let is_3d = |m: &Molecule| m.conformers()[0].is_3d;
                assert_eq!(is_3d(&molecule), is_3d(&again), "{name}");
            }
        }
    }
    assert!(flat * 1000 <= written, "{flat} of {written}");
}
