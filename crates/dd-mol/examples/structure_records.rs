//! Reads a structure file from standard input and prints one JSON object per record, with
//! everything that was read and perceived, or the error.
//!
//! `cargo run -p dd-mol --example structure_records -- sdf < ligands.sdf`
//!
//! Words after the format (`sdf` or `xyz`): `merge` merges hydrogens as RDKit's defaults do,
//! `blocks` adds the record as V2000 and V3000 text and as an XYZ frame.
#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use dd_mol::molfile::{MolfileOptions, Version};
use dd_mol::sdf::SdfReader;
use dd_mol::xyz::{XyzFrame, XyzReader};
use dd_mol::{ChiralTag, Molecule, NonTetrahedral, molfile};
use serde_json::{Value, json};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let input = std::io::stdin().lock();
    let show = |molecule: &Molecule| {
        let mut value = record(molecule);
        if has("blocks") {
            value["v2000"] = text(molfile::write_as(molecule, Version::V2000));
            value["v3000"] = text(molfile::write_as(molecule, Version::V3000));
            value["xyz"] = json!(XyzFrame::from_molecule(molecule, 0).map(|f| f.to_string()));
        }
        println!("{value}");
    };
    if has("xyz") {
        for frame in XyzReader::new(input) {
            match frame.map(|frame| frame.to_molecule()) {
                Ok(Ok(molecule)) => show(&molecule),
                Ok(Err(error)) => fail(error.kind(), &error),
                Err(error) => fail("xyz", &error),
            }
        }
        return;
    }
    let options = if has("merge") {
        MolfileOptions::RDKIT
    } else {
        MolfileOptions::KEEP_HYDROGENS
    };
    for result in SdfReader::new(input, options) {
        match result {
            Ok(molecule) => show(&molecule),
            Err(error) => fail(error.kind.name(), &error),
        }
    }
}

fn fail(kind: &str, error: &dyn std::error::Error) {
    println!("{}", json!({"error": [kind, error.to_string()]}));
}

fn text(written: Result<String, molfile::WriteError>) -> Value {
    match written {
        Ok(text) => json!(text),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// Atoms, bonds and the rest, in the order of the record.
fn record(molecule: &Molecule) -> Value {
    let atoms: Vec<Value> = molecule
        .atoms()
        .map(|atom| {
            json!({
                "element": atom.atomic_number,
                "isotope": atom.isotope,
                "charge": atom.formal_charge,
                "radicals": atom.radical_electrons,
                "hydrogens": atom.explicit_hydrogens + atom.implicit_hydrogens,
                "explicit hydrogens": atom.explicit_hydrogens,
                "no implicit": atom.no_implicit,
                "map": atom.atom_map,
                "aromatic atom": atom.is_aromatic,
                "hybridization": format!("{:?}", atom.hybridization).to_uppercase(),
                "chirality": tag(atom.chiral_tag),
            })
        })
        .collect();
    let bonds: Vec<Value> = molecule
        .bonds()
        .map(|bond| {
            let data = bond.bond;
            json!({
                "ends": [bond.begin, bond.end],
                "order": format!("{:?}", data.order).to_uppercase(),
                "aromatic bond": data.is_aromatic,
                "conjugated": data.is_conjugated,
                "stereo": format!("{:?}", data.stereo).to_uppercase(),
                "stereo atoms": data.stereo_atoms,
            })
        })
        .collect();
    let groups: Vec<Value> = molecule
        .stereo_groups()
        .iter()
        .map(|group| json!([format!("{:?}", group.kind), group.number, group.atoms]))
        .collect();
    let conformer = molecule.conformers().first();
    json!({
        "title": molecule.name(),
        "atoms": atoms,
        "bonds": bonds,
        "positions": conformer.map(|conformer| &conformer.positions),
        "3D": conformer.map(|conformer| conformer.is_3d),
        "properties": molecule.properties(),
        "groups": groups,
    })
}

fn tag(tag: ChiralTag) -> String {
    match tag {
        ChiralTag::TetrahedralCw => "CW".to_owned(),
        ChiralTag::TetrahedralCcw => "CCW".to_owned(),
        ChiralTag::NonTetrahedral(class, number) => {
            let class = match class {
                NonTetrahedral::SquarePlanar => "SP",
                NonTetrahedral::TrigonalBipyramidal => "TB",
                NonTetrahedral::Octahedral => "OH",
                _ => "AL",
            };
            format!("{class}{number}")
        }
        ChiralTag::Unspecified => String::new(),
        _ => "other".to_owned(),
    }
}
