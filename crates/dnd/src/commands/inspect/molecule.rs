//! What there is to know about one molecule, as tables or as JSON.

use std::fmt::Write as _;

use dd_graph::{FeatureColumn, FeatureSchema, Featurizer, MolGraph, OgbConfig, OgbFeaturizer};
use dd_mol::{Element, Molecule, StereoSurvey, murcko_scaffold_smiles, smiles};
use ndarray::ArrayView1;
use serde_json::{Value, json};

use super::warnings::warnings;

/// A molecule with everything that is shown of it.
pub(super) struct Report<'a> {
    molecule: &'a Molecule,
    survey: StereoSurvey,
    featurizer: OgbFeaturizer,
    /// `None` for a molecule without atoms.
    graph: Option<MolGraph>,
    scaffold: String,
    warnings: Vec<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(molecule: &'a Molecule) -> Result<Self, String> {
        let featurizer = OgbFeaturizer::new(OgbConfig::smiles2graph());
        let graph = if molecule.num_atoms() == 0 {
            None
        } else {
            Some(
                featurizer
                    .featurize(molecule)
                    .map_err(|error| error.to_string())?,
            )
        };
        let survey = StereoSurvey::of(molecule).map_err(|error| error.to_string())?;
        let scaffold = match murcko_scaffold_smiles(molecule, false) {
            Ok(scaffold) if scaffold.is_empty() => "none (no rings)".to_owned(),
            Ok(scaffold) => scaffold,
            Err(error) => format!("none ({error})"),
        };
        let warnings = warnings(molecule, &survey, graph.as_ref(), featurizer.schema());
        Ok(Self {
            molecule,
            survey,
            featurizer,
            graph,
            scaffold,
            warnings,
        })
    }

    fn schema(&self) -> &FeatureSchema {
        self.featurizer.schema()
    }

    /// Sizes of the rings that an atom is in.
    fn ring_sizes(&self, atom: usize) -> Vec<usize> {
        let rings = self.molecule.rings();
        let mut sizes: Vec<usize> = rings
            .filter(|ring| ring.contains(&(atom as u32)))
            .map(<[u32]>::len)
            .collect();
        sizes.sort_unstable();
        sizes
    }

    pub(super) fn to_text(&self) -> String {
        let molecule = self.molecule;
        let mut text = String::new();
        let facts = [
            ("name", molecule.name().to_owned()),
            ("formula", molecule.formula()),
            ("exact mass", format!("{:.6} Da", molecule.exact_mass())),
            ("canonical", smiles::write(molecule)),
            ("scaffold", self.scaffold.clone()),
            (
                "size",
                format!(
                    "{} atoms, {} bonds, {} rings, {} fragments",
                    molecule.num_atoms(),
                    molecule.num_bonds(),
                    molecule.rings().len(),
                    molecule.num_fragments()
                ),
            ),
        ];
        for (key, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{key:<10}  {value}");
        }
        let head = "atom element charge H degree hybridisation aromatic rings chirality CIP";
        text += &table(
            "Atoms",
            &head.split(' ').collect::<Vec<_>>(),
            &self.atom_rows(),
        );
        let head = ["bond", "atoms", "order", "conjugated", "ring", "stereo"];
        text += &table("Bonds", &head, &self.bond_rows());
        let rings = molecule.rings().enumerate().map(|(index, ring)| {
            let atoms: Vec<String> = ring.iter().map(u32::to_string).collect();
            vec![index.to_string(), ring.len().to_string(), atoms.join(" ")]
        });
        text += &table(
            "Rings",
            &["ring", "size", "atoms"],
            &rings.collect::<Vec<_>>(),
        );
        if let Some(graph) = &self.graph {
            let schema = self.schema();
            let nodes = words(&schema.node_columns, graph.node_features.outer_iter());
            text += &feature_table("Features of atoms", "atom", &schema.node_columns, nodes);
            // Both directions of a bond have the same features.
            let edges = graph.edge_features.outer_iter().step_by(2);
            let edges = words(&schema.edge_columns, edges);
            text += &feature_table("Features of bonds", "bond", &schema.edge_columns, edges);
        }
        if !self.warnings.is_empty() {
            text += "\nWarnings\n";
            for warning in &self.warnings {
                let _ = writeln!(text, "- {warning}");
            }
        }
        text
    }

    fn atom_rows(&self) -> Vec<Vec<String>> {
        let row = |(index, atom): (usize, &dd_mol::Atom)| {
            let isotope = Some(atom.isotope).filter(|&isotope| isotope > 0);
            let isotope = isotope.map_or_else(String::new, |isotope| isotope.to_string());
            let sizes: Vec<String> = self
                .ring_sizes(index)
                .iter()
                .map(usize::to_string)
                .collect();
            let tag = atom.chiral_tag.to_string();
            vec![
                index.to_string(),
                format!("{isotope}{}", Element::of(atom.atomic_number).symbol),
                signed(atom.formal_charge),
                self.molecule.total_hydrogens(index).to_string(),
                self.molecule.total_degree(index).to_string(),
                atom.hybridization.to_string(),
                yes(atom.is_aromatic),
                dash(&sizes.join(",")),
                dash(if tag == "none" { "" } else { &tag }),
                self.survey.labels[index].map_or_else(|| "-".into(), |label| label.to_string()),
            ]
        };
        self.molecule.atoms().enumerate().map(row).collect()
    }

    fn bond_rows(&self) -> Vec<Vec<String>> {
        let row = |bond: dd_mol::BondRef<'_>| {
            let stereo = match bond.bond.stereo_atoms {
                Some([a, b]) => format!("{} ({a},{b})", bond.bond.stereo),
                None => bond.bond.stereo.to_string(),
            };
            vec![
                bond.index.to_string(),
                format!("{}-{}", bond.begin, bond.end),
                bond.bond.order.to_string(),
                yes(bond.bond.is_conjugated),
                yes(bond.bond.in_ring),
                dash(if stereo == "none" { "" } else { &stereo }),
            ]
        };
        self.molecule.bonds().map(row).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let molecule = self.molecule;
        let atoms = molecule.atoms().enumerate().map(|(index, atom)| {
            json!({
                "index": index,
                "element": Element::of(atom.atomic_number).symbol,
                "isotope": atom.isotope,
                "charge": atom.formal_charge,
                "hydrogens": molecule.total_hydrogens(index),
                "degree": molecule.total_degree(index),
                "hybridization": atom.hybridization.to_string(),
                "aromatic": atom.is_aromatic,
                "ring_sizes": self.ring_sizes(index),
                "radical_electrons": atom.radical_electrons,
                "chirality": atom.chiral_tag.to_string(),
                "cip": self.survey.labels[index].map(String::from),
            })
        });
        let bonds = molecule.bonds().map(|bond| {
            json!({
                "index": bond.index,
                "atoms": [bond.begin, bond.end],
                "order": bond.bond.order.to_string(),
                "conjugated": bond.bond.is_conjugated,
                "in_ring": bond.bond.in_ring,
                "stereo": bond.bond.stereo.to_string(),
                "stereo_atoms": bond.bond.stereo_atoms,
            })
        });
        let schema = self.schema();
        let features = self.graph.as_ref().map(|graph| {
            let names = |columns: &[FeatureColumn]| -> Vec<String> {
                columns.iter().map(|column| column.name.clone()).collect()
            };
            let edges = graph.edge_features.outer_iter().step_by(2);
            json!({
                "set": schema.name,
                "atom_columns": names(&schema.node_columns),
                "atoms": words(&schema.node_columns, graph.node_features.outer_iter()),
                "bond_columns": names(&schema.edge_columns),
                "bonds": words(&schema.edge_columns, edges),
            })
        });
        json!({
            "name": molecule.name(),
            "formula": molecule.formula(),
            "exact_mass": molecule.exact_mass(),
            "canonical_smiles": smiles::write(molecule),
            "scaffold": self.scaffold,
            "fragments": molecule.num_fragments(),
            "atoms": atoms.collect::<Vec<_>>(),
            "bonds": bonds.collect::<Vec<_>>(),
            "rings": molecule.rings().collect::<Vec<_>>(),
            "features": features,
            "warnings": self.warnings,
        })
    }
}

/// The category words of some rows of features.
fn words<'a>(
    columns: &[FeatureColumn],
    rows: impl Iterator<Item = ArrayView1<'a, u16>>,
) -> Vec<Vec<String>> {
    rows.map(|row| {
        let word = |(column, value): (&FeatureColumn, &u16)| {
            column
                .label(*value)
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        columns.iter().zip(row).map(word).collect()
    })
    .collect()
}

fn feature_table(
    title: &str,
    index: &str,
    columns: &[FeatureColumn],
    mut rows: Vec<Vec<String>>,
) -> String {
    for (number, row) in rows.iter_mut().enumerate() {
        row.insert(0, number.to_string());
    }
    let mut head = vec![index];
    head.extend(columns.iter().map(|column| column.name.as_str()));
    table(title, &head, &rows)
}

/// A table in columns of equal width; nothing when there are no rows.
fn table(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(head[column].len())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = format!("\n{title}\n{}\n", line(&mut head.iter().copied()));
    for row in rows {
        let _ = writeln!(text, "{}", line(&mut row.iter().map(String::as_str)));
    }
    text
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "-" }.into()
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.into()
}

fn signed(charge: i8) -> String {
    if charge == 0 {
        "0".into()
    } else {
        format!("{charge:+}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_all_parts() {
        let molecule = smiles::parse("C[C@H](N)/C=C/c1ccccc1.[Na+] example").expect("valid");
        let report = Report::new(&molecule).expect("features");
        let text = report.to_text();
        for part in [
            "name        example",
            "formula     C10H13NNa+",
            "\nAtoms\natom  element  charge",
            "\nBonds\nbond  atoms",
            "E (1,5)",
            "\nRings\nring  size  atoms\n0     6     5 6 7 8 9 10",
            "\nFeatures of atoms\natom  atomic number  chiral tag",
            "\nFeatures of bonds\nbond  bond type",
            "\nWarnings\n",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
        let json = report.to_json();
        assert_eq!(
            json["atoms"].as_array().map(Vec::len),
            Some(molecule.num_atoms())
        );
        assert_eq!(json["features"]["atoms"][0][0], "6");
        assert_eq!(json["atoms"][1]["cip"], "S");
    }

    #[test]
    fn nothing_is_shown_as_nothing() {
        let nothing = smiles::parse("").expect("no atoms");
        let text = Report::new(&nothing).expect("no features").to_text();
        assert!(
            text.contains("0 atoms") && !text.contains("\nAtoms\n"),
            "{text}"
        );
        assert!(text.contains("- there are no atoms"), "{text}");
    }
}
