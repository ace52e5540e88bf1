//! Any bytes are read as an SD file: an answer for every record in bounded memory, and
//! records that are written and read again as the same molecule.
#![no_main]

use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::{self, SdfReader};
use dd_mol::{Molecule, smiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: dd_fuzz::prepare(), |bytes: &[u8]| {
    let room = (16 << 20) + (16 << 10) * bytes.len();
    dd_fuzz::limit(room);
    let delimiters = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"$$$$"))
        .count();
    let mut records = 0;
    for record in SdfReader::new(bytes, MolfileOptions::KEEP_HYDROGENS) {
        match record {
            Ok(molecule) => accepted(&molecule),
            Err(error) => {
                assert_eq!(error.record, records);
                assert!(error.to_string().len() < 4_000, "{error}");
            }
        }
        records += 1;
    }
    assert!(records == delimiters || records == delimiters + 1);
    let merged = SdfReader::new(bytes, MolfileOptions::RDKIT).count();
    assert_eq!(merged, records);
});

/// Writes and reads a molecule, twice: the first time rounds the coordinates.
fn accepted(molecule: &Molecule) {
    let Some(first) = rewritten(molecule) else {
        return;
    };
    same_graph(molecule, &first);
    let Some(second) = rewritten(&first) else {
        return;
    };
    same_graph(&first, &second);
    assert_eq!(first.conformers(), second.conformers());
    if !depends_on_kekule_form(molecule) {
        assert_eq!(smiles::write(&first), smiles::write(&second));
    }
}

/// The molecule as its own record says it; none when the format cannot hold it.
fn rewritten(molecule: &Molecule) -> Option<Molecule> {
    let text = sdf::write(molecule).ok()?;
    let mut records = SdfReader::new(text.as_bytes(), MolfileOptions::KEEP_HYDROGENS);
    let record = records.next().expect("one record");
    let again = record.unwrap_or_else(|error| panic!("own output: {error}\n{text}"));
    assert!(records.next().is_none(), "{text}");
    Some(again)
}

/// Equal atoms, bonds, name and fields; stereochemistry may change with the rounding.
fn same_graph(a: &Molecule, b: &Molecule) {
    assert_eq!(a.num_atoms(), b.num_atoms());
    assert_eq!(a.num_bonds(), b.num_bonds());
    assert_eq!(a.name(), b.name());
    assert_eq!(a.properties(), b.properties());
    if depends_on_kekule_form(a) {
        return;
    }
    for atom in 0..a.num_atoms() {
        let facts = |m: &Molecule| {
            let data = m.atom(atom);
            let element = (data.atomic_number, data.isotope, data.formal_charge);
            let electrons = (
                data.radical_electrons,
                m.total_hydrogens(atom),
                data.is_aromatic,
            );
            (element, electrons, data.atom_map, data.in_ring)
        };
        assert_eq!(facts(a), facts(b), "atom {atom}");
    }
    let bonds = |m: &Molecule| -> Vec<_> {
        let mut bonds: Vec<_> = m
            .bonds()
            .map(|b| {
                (
                    b.begin.min(b.end),
                    b.begin.max(b.end),
                    format!("{:?}", b.bond.order),
                )
            })
            .collect();
        bonds.sort();
        bonds
    };
    assert_eq!(bonds(a), bonds(b));
}

/// Whether aromaticity depends on the Kekulé form, in RDKit too: where a dummy stands in a ring, and where a bond of no order
/// stands between aromatic atoms.
fn depends_on_kekule_form(molecule: &Molecule) -> bool {
    let is_dummy = |atom: &dd_mol::Atom| atom.atomic_number == 0 && atom.in_ring;
    let is_open = |bond: dd_mol::BondRef| {
        let ends = [bond.begin, bond.end];
        bond.bond.order == dd_mol::BondOrder::Unspecified
            && ends.iter().any(|&end| molecule.atom(end).is_aromatic)
    };
    molecule.atoms().any(is_dummy) || molecule.bonds().any(is_open)
}
