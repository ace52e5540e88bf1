//! What a person should know before a model sees the molecule.

use dd_graph::{ColumnKind, FeatureColumn, FeatureSchema, MolGraph};
use dd_mol::{Element, Molecule, StereoSurvey};

/// Atomic numbers that are common in data of organic molecules.
const COMMON: [u8; 13] = [1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53];

pub(super) fn warnings(
    molecule: &Molecule,
    survey: &StereoSurvey,
    graph: Option<&MolGraph>,
    schema: &FeatureSchema,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if molecule.num_atoms() == 0 {
        return vec!["there are no atoms; models refuse the molecule".into()];
    }
    let fragments = molecule.num_fragments();
    if fragments > 1 {
        warnings.push(format!(
            "{fragments} fragments: models see all of them as one molecule"
        ));
    }
    let mut about = |what: &str, atoms: Vec<usize>| {
        if !atoms.is_empty() {
            let word = if atoms.len() == 1 { "atom" } else { "atoms" };
            let atoms: Vec<String> = atoms.iter().map(usize::to_string).collect();
            warnings.push(format!("{what}: {word} {}", atoms.join(", ")));
        }
    };
    let atoms_that = |test: &dyn Fn(&dd_mol::Atom) -> bool| -> Vec<usize> {
        let atoms = molecule.atoms().enumerate();
        atoms
            .filter(|(_, atom)| test(atom))
            .map(|(index, _)| index)
            .collect()
    };
    about(
        "stereocentre without stated chirality",
        survey.open_centres.clone(),
    );
    for &bond in &survey.open_bonds {
        let ends = molecule
            .bonds()
            .nth(bond)
            .map(|bond| vec![bond.begin, bond.end]);
        about(
            "double bond without stated geometry",
            ends.unwrap_or_default(),
        );
    }
    about(
        "unpaired electrons",
        atoms_that(&|atom| atom.radical_electrons > 0),
    );
    about(
        "isotope stated, which the features leave out",
        atoms_that(&|atom| atom.isotope > 0),
    );
    about("any atom (*)", atoms_that(&|atom| atom.atomic_number == 0));
    about(
        "hydrogen that is an atom of the graph",
        atoms_that(&|atom| atom.atomic_number == 1),
    );
    let unusual =
        |atom: &dd_mol::Atom| atom.atomic_number > 0 && !COMMON.contains(&atom.atomic_number);
    for index in atoms_that(&unusual) {
        let symbol = Element::of(molecule.atom(index).atomic_number).symbol;
        about(
            &format!("element seldom seen in training, {symbol}"),
            vec![index],
        );
    }
    let Some(graph) = graph else { return warnings };
    for (column, name) in unknown(&schema.node_columns) {
        let rows = graph.node_features.column(column);
        let value = last_value(&schema.node_columns[column]);
        let atoms = (0..rows.len()).filter(|&row| rows[row] == value).collect();
        about(
            &format!("{name} outside of the known categories (misc)"),
            atoms,
        );
    }
    for (column, name) in unknown(&schema.edge_columns) {
        let value = last_value(&schema.edge_columns[column]);
        let rows = graph.edge_features.column(column);
        let ends = molecule
            .bonds()
            .filter(|bond| rows[2 * bond.index] == value);
        for bond in ends {
            about(
                &format!(
                    "bond {}: {name} outside of the known categories (misc)",
                    bond.index
                ),
                vec![bond.begin, bond.end],
            );
        }
    }
    warnings
}

/// The columns whose last value stands for everything unknown.
fn unknown(columns: &[FeatureColumn]) -> impl Iterator<Item = (usize, &str)> {
    let is_open =
        |column: &FeatureColumn| matches!(column.kind, ColumnKind::Category { has_misc: true, .. });
    let numbered = columns.iter().enumerate();
    numbered
        .filter(move |(_, column)| is_open(column))
        .map(|(index, column)| (index, column.name.as_str()))
}

fn last_value(column: &FeatureColumn) -> u16 {
    column
        .num_values()
        .map_or(u16::MAX, |count| count as u16 - 1)
}

#[cfg(test)]
mod tests {
    use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
    use dd_mol::smiles;

    use super::*;

    fn of(text: &str) -> Vec<String> {
        let molecule = smiles::parse(text).expect("valid SMILES");
        let ogb = OgbFeaturizer::new(OgbConfig::smiles2graph());
        let graph = ogb.featurize(&molecule).expect("features");
        let survey = StereoSurvey::of(&molecule).expect("perceived before");
        warnings(&molecule, &survey, Some(&graph), ogb.schema())
    }

    #[test]
    fn each_has_its_molecule() {
        assert!(of("CC(=O)Oc1ccccc1C(=O)O").is_empty());
        let cases = [
            ("CC(N)O", "stereocentre without stated chirality: atom 1"),
            ("CC=CC", "double bond without stated geometry: atoms 1, 2"),
            (
                "[Na+].[Cl-]",
                "2 fragments: models see all of them as one molecule",
            ),
            ("C[CH2]", "unpaired electrons: atom 1"),
            (
                "[13CH4]",
                "isotope stated, which the features leave out: atom 0",
            ),
            ("*C", "any atom (*): atom 0"),
            (
                "[H][H]",
                "hydrogen that is an atom of the graph: atoms 0, 1",
            ),
            (
                "C[Sn](C)(C)C",
                "element seldom seen in training, Sn: atom 1",
            ),
            (
                "N->[Cu]",
                "bond 0: bond type outside of the known categories (misc): atoms 0, 1",
            ),
            (
                "[Na+]",
                "hybridization outside of the known categories (misc): atom 0",
            ),
        ];
        for (text, expected) in cases {
            let found = of(text);
            assert!(
                found.iter().any(|warning| warning == expected),
                "{text}: {found:?}"
            );
        }
    }
}
