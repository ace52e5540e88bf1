//! Golden cases of kind `features`: what RDKit found out about molecules, and which SMILES it refuses.
//!
//! A table holds one JSON object per line: a molecule with all its fields, or (with `valid`) a verdict.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
use dd_mol::{
    BondOrder, BondRef, BondStereo, ChiralTag, Hybridization, Molecule, NonTetrahedral, smiles,
};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::{ParityError, Row};

/// Share of molecules that must agree in every field.
const REQUIRED_FEATURES: f64 = 0.9999;
/// Share of verdicts that must agree, and the table that is large enough to allow one to
/// differ: some refusals are on purpose (docs/CHEMISTRY.md names them).
const REQUIRED_VERDICTS: f64 = 0.999;
const ENOUGH_FOR_ONE: usize = 100;

/// Checks one case: rows for every field, and the share of molecules equal in all of them.
///
/// # Errors
/// When the table cannot be read.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let name = case
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut fields = Tally::default();
    let mut verdicts = Tally::default();
    for line in read(case)?.lines() {
        let expected: Value =
            serde_json::from_str(line).map_err(|error| ParityError::read(case, error))?;
        let text = expected["smiles"].as_str().unwrap_or_default();
        if let Some(valid) = expected.get("valid") {
            let agrees = smiles::parse(text).is_ok() == valid.as_bool().unwrap_or_default();
            verdicts.add(text, [("verdict", agrees)]);
        } else {
            match smiles::parse(text) {
                Ok(molecule) => fields.add(text, compare(&molecule, &expected)),
                Err(_) => fields.add(text, [("accepted", false)]),
            }
        }
    }
    let mut rows = Vec::new();
    if fields.total > 0 {
        rows.push(fields.row(&name, "molecules equal in every field", REQUIRED_FEATURES));
        rows.extend(fields.field_rows(&name));
    }
    if verdicts.total > 0 {
        let allowed = f64::from(u8::from(verdicts.total >= ENOUGH_FOR_ONE));
        let but_one = 1.0 - allowed / verdicts.total as f64;
        let required = REQUIRED_VERDICTS.min(but_one);
        rows.push(verdicts.row(&name, "verdicts on malformed SMILES", required));
    }
    Ok(rows)
}

fn read(path: &Path) -> Result<String, ParityError> {
    let bytes = std::fs::read(path).map_err(|error| ParityError::read(path, error))?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .map_err(|error| ParityError::read(path, error))?;
    Ok(text)
}

/// How many records agree, in all and per field, and examples of those that do not.
#[derive(Default)]
struct Tally {
    total: usize,
    equal: usize,
    wrong: BTreeMap<&'static str, usize>,
    compared: BTreeMap<&'static str, usize>,
    classes: BTreeMap<String, (usize, String)>,
}

impl Tally {
    fn add(&mut self, text: &str, fields: impl IntoIterator<Item = (&'static str, bool)>) {
        let mut differing = Vec::new();
        for (field, agrees) in fields {
            *self.compared.entry(field).or_default() += 1;
            if !agrees {
                *self.wrong.entry(field).or_default() += 1;
                differing.push(field);
            }
        }
        self.total += 1;
        if differing.is_empty() {
            self.equal += 1;
        } else {
            let class = self.classes.entry(differing.join("+")).or_default();
            if class.0 == 0 {
                class.1 = text.chars().take(80).collect();
            }
            class.0 += 1;
        }
    }

    fn row(&self, case: &str, quantity: &str, required: f64) -> Row {
        let row = Row::share(case, quantity, self.equal, self.total, required);
        let classes: Vec<String> = self
            .classes
            .iter()
            .map(|(class, (count, example))| format!("{count}x {class} ({example})"))
            .collect();
        if classes.is_empty() {
            row
        } else {
            let note = format!("{}; {}", row.note, classes.join("; "));
            row.with_note(note)
        }
    }

    fn field_rows(&self, case: &str) -> Vec<Row> {
        self.compared
            .iter()
            .map(|(field, total)| {
                let wrong = self.wrong.get(field).copied().unwrap_or_default();
                Row::share(case, *field, total - wrong, *total, REQUIRED_FEATURES)
            })
            .collect()
    }
}

/// Every field of one molecule, by name, and whether it agrees.
fn compare(molecule: &Molecule, expected: &Value) -> Vec<(&'static str, bool)> {
    let mut result = atom_fields(molecule, &expected["atoms"]);
    result.extend(graph_fields(molecule, expected));
    result.extend(bond_fields(molecule, &expected["bonds"]));
    let mut sizes: Vec<u64> = expected["ring_sizes"]
        .as_array()
        .map(|sizes| sizes.iter().filter_map(Value::as_u64).collect())
        .unwrap_or_default();
    sizes.sort_unstable();
    let same = |field: &str, found: Value| found == expected[field];
    // Reading a decimal number may cost the last bit, so masses are not compared exactly.
    let mass = |field: &str, found: f64| {
        expected[field]
            .as_f64()
            .is_some_and(|mass| (found - mass).abs() <= 1e-14 * mass.abs().max(1.0) * 4.0)
    };
    let without_stereo = smiles::write_with(molecule, smiles::WriteOptions::CONNECTIVITY);
    let scaffold = |chirality| dd_mol::murcko_scaffold_smiles(molecule, chirality).ok();
    result.extend([
        ("ring sizes", json!(molecule.ring_sizes()) == json!(sizes)),
        ("formula", same("formula", json!(molecule.formula()))),
        ("exact mass", mass("exact_mass", molecule.exact_mass())),
        (
            "molecular weight",
            mass("mol_wt", molecule.molecular_weight()),
        ),
        (
            "fragments",
            same("fragments", json!(molecule.num_fragments())),
        ),
    ]);
    // Canonical strings are a convention of each program; the molecules they name must agree.
    result.push((
        "canonical SMILES, same molecule",
        names_same(
            &smiles::write(molecule),
            &expected["canonical"],
            smiles::write,
        ),
    ));
    result.push((
        "canonical SMILES without stereo, same molecule",
        names_same(&without_stereo, &expected["canonical_no_stereo"], |m| {
            smiles::write_with(m, smiles::WriteOptions::CONNECTIVITY)
        }),
    ));
    for (field, name, chirality) in [
        ("murcko", "scaffold, same molecule", false),
        ("murcko_chiral", "chiral scaffold, same molecule", true),
    ] {
        let agrees = match scaffold(chirality) {
            Some(ours) => names_same(&ours, &expected[field], smiles::write),
            None => expected[field].is_null(),
        };
        result.push((name, agrees));
    }
    result
}

/// Whether two SMILES name one molecule: both are read and written again.
fn names_same(ours: &str, theirs: &Value, write: impl Fn(&Molecule) -> String) -> bool {
    let again = |text: &str| smiles::parse(text).map(|m| write(&m)).ok();
    theirs
        .as_str()
        .is_some_and(|theirs| ours == theirs || again(ours) == again(theirs))
}

/// The arrays of OGB's `smiles2graph`.
fn graph_fields(molecule: &Molecule, expected: &Value) -> Vec<(&'static str, bool)> {
    let featurizer = OgbFeaturizer::new(OgbConfig::smiles2graph());
    let Ok(graph) = featurizer.featurize(molecule) else {
        return vec![("OGB graph", false)];
    };
    let rows = |table: &Array2<u16>| -> Vec<Vec<u16>> {
        table.rows().into_iter().map(|row| row.to_vec()).collect()
    };
    let ends = [&graph.edge_sources, &graph.edge_targets];
    let same = |field: &str, found: Value| found == expected[field];
    vec![
        (
            "OGB node features",
            same("node_feat", json!(rows(&graph.node_features))),
        ),
        (
            "OGB edge features",
            same("edge_feat", json!(rows(&graph.edge_features))),
        ),
        ("OGB edges", same("edge_index", json!(ends))),
    ]
}

fn atom_fields(molecule: &Molecule, expected: &Value) -> Vec<(&'static str, bool)> {
    let atoms = || molecule.atoms();
    let numbers = |values: Vec<i64>, field: &str| json!(values) == expected[field];
    let names = |values: Vec<&str>, field: &str| json!(values) == expected[field];
    let mut rings = vec![0; molecule.num_atoms()];
    let mut smallest = vec![0; molecule.num_atoms()];
    for ring in molecule.rings() {
        let size = ring.len() as i64;
        for &atom in ring {
            rings[atom as usize] += 1;
            let known = &mut smallest[atom as usize];
            *known = if *known == 0 { size } else { size.min(*known) };
        }
    }
    let degrees = (0..molecule.num_atoms())
        .map(|atom| molecule.degree(atom) as i64)
        .collect();
    let of = |value: fn(&dd_mol::Atom) -> i64| atoms().map(value).collect::<Vec<i64>>();
    vec![
        (
            "atomic number",
            numbers(of(|a| a.atomic_number.into()), "z"),
        ),
        ("isotope", numbers(of(|a| a.isotope.into()), "isotope")),
        ("atom class", numbers(of(|a| a.atom_map.into()), "map")),
        ("charge", numbers(of(|a| a.formal_charge.into()), "charge")),
        ("degree", numbers(degrees, "degree")),
        (
            "explicit hydrogens",
            numbers(of(|a| a.explicit_hydrogens.into()), "explicit_h"),
        ),
        (
            "implicit hydrogens",
            numbers(of(|a| a.implicit_hydrogens.into()), "implicit_h"),
        ),
        (
            "no implicit",
            numbers(of(|a| a.no_implicit.into()), "no_implicit"),
        ),
        (
            "radical electrons",
            numbers(of(|a| a.radical_electrons.into()), "radical"),
        ),
        (
            "aromatic",
            numbers(of(|a| a.is_aromatic.into()), "aromatic"),
        ),
        ("rings per atom", numbers(rings, "rings")),
        ("smallest ring", numbers(smallest, "min_ring")),
        (
            "hybridization",
            names(
                atoms().map(|a| hybridization(a.hybridization)).collect(),
                "hybridization",
            ),
        ),
        (
            "chirality",
            names(
                atoms().map(|a| chirality(a.chiral_tag)).collect(),
                "chiral_tag",
            ),
        ),
    ]
}

fn bond_fields(molecule: &Molecule, expected: &Value) -> Vec<(&'static str, bool)> {
    let bonds = || molecule.bonds();
    let numbers = |values: Vec<i64>, field: &str| json!(values) == expected[field];
    let names = |values: Vec<&str>, field: &str| json!(values) == expected[field];
    let of = |value: fn(&BondRef<'_>) -> i64| bonds().map(|b| value(&b)).collect::<Vec<i64>>();
    let stereo_atoms: Vec<Vec<u32>> = bonds()
        .map(|b| {
            b.bond
                .stereo_atoms
                .map_or_else(Vec::new, |atoms| atoms.to_vec())
        })
        .collect();
    vec![
        ("bond begin", numbers(of(|b| b.begin as i64), "begin")),
        ("bond end", numbers(of(|b| b.end as i64), "end")),
        (
            "bond type",
            names(bonds().map(|b| order(b.bond.order)).collect(), "type"),
        ),
        (
            "bond stereo",
            names(bonds().map(|b| stereo(b.bond.stereo)).collect(), "stereo"),
        ),
        (
            "stereo atoms",
            json!(stereo_atoms) == expected["stereo_atoms"],
        ),
        (
            "conjugated",
            numbers(of(|b| b.bond.is_conjugated.into()), "conjugated"),
        ),
        (
            "bond in ring",
            numbers(of(|b| b.bond.in_ring.into()), "ring"),
        ),
    ]
}

fn hybridization(value: Hybridization) -> &'static str {
    match value {
        Hybridization::Unspecified => "UNSPECIFIED",
        Hybridization::S => "S",
        Hybridization::Sp => "SP",
        Hybridization::Sp2 => "SP2",
        Hybridization::Sp3 => "SP3",
        Hybridization::Sp2d => "SP2D",
        Hybridization::Sp3d => "SP3D",
        Hybridization::Sp3d2 => "SP3D2",
        _ => "OTHER",
    }
}

fn chirality(value: ChiralTag) -> &'static str {
    match value {
        ChiralTag::Unspecified => "",
        ChiralTag::TetrahedralCw => "CW",
        ChiralTag::TetrahedralCcw => "CCW",
        ChiralTag::NonTetrahedral(class, _) => match class {
            NonTetrahedral::SquarePlanar => "CHI_SQUAREPLANAR",
            NonTetrahedral::TrigonalBipyramidal => "CHI_TRIGONALBIPYRAMIDAL",
            NonTetrahedral::Octahedral => "CHI_OCTAHEDRAL",
            _ => "CHI_ALLENE",
        },
        _ => "CHI_OTHER",
    }
}

fn order(value: BondOrder) -> &'static str {
    match value {
        BondOrder::Single => "SINGLE",
        BondOrder::Double => "DOUBLE",
        BondOrder::Triple => "TRIPLE",
        BondOrder::Quadruple => "QUADRUPLE",
        BondOrder::Aromatic => "AROMATIC",
        BondOrder::Dative => "DATIVE",
        BondOrder::Zero => "ZERO",
        _ => "UNSPECIFIED",
    }
}

fn stereo(value: BondStereo) -> &'static str {
    match value {
        BondStereo::None => "",
        BondStereo::Any => "ANY",
        BondStereo::Z => "Z",
        BondStereo::E => "E",
        BondStereo::Cis => "CIS",
        BondStereo::Trans => "TRANS",
        _ => "OTHER",
    }
}
