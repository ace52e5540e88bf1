//! The two atom and two bond features of `pretrain-gnns` and MolCLR: atomic number and chiral tag, bond type and
//! direction.
//!
//! Source: `mol_to_graph_data_obj_simple` in `chem/loader.py` of `snap-stanford/pretrain-gnns`, commit 6e69a06 (Hu et al.,
//! "Strategies for pre-training graph neural networks", ICLR 2020), and `dataset/dataset.py` of `yuyangw/MolCLR`, commit
//! c6d661e, which makes the same numbers. Each bond gives two directed edges with the same features. Where the original
//! fails (a dummy atom, a dative bond, octahedral chirality) there is an error that names the atom or bond.
//!
//! The direction of a bond is the slash of the SMILES, so two spellings of a molecule can have different features; in
//! [`AtomOrder::Canonical`] they have not.

use dd_mol::{Bond, BondDirection, BondOrder, BondStereo, ChiralTag, Molecule};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::edges::directed_edges;
use crate::error::{GraphError, Result};
use crate::featurizer::{AtomOrder, Featurizer, Hydrogens, featurize_as};
use crate::{FeatureColumn, FeatureSchema, MolGraph};

/// Choices of the [`AtomTypeFeaturizer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtomTypeConfig {
    /// Hydrogens that are atoms of the molecule.
    pub hydrogens: Hydrogens,
    /// The order of the nodes.
    #[serde(default)]
    pub order: AtomOrder,
}

impl AtomTypeConfig {
    /// As the originals: heavy atoms in the order of the SMILES.
    pub fn heavy_atoms() -> Self {
        Self {
            hydrogens: Hydrogens::Remove,
            order: AtomOrder::AsWritten,
        }
    }
}

/// Molecules to graphs with the features of `pretrain-gnns` and MolCLR.
///
/// ```
/// use dd_graph::{AtomTypeConfig, AtomTypeFeaturizer, Featurizer};
/// let featurizer = AtomTypeFeaturizer::new(AtomTypeConfig::heavy_atoms());
/// let graph = featurizer.featurize(&dd_mol::smiles::parse("F/C=C/Cl")?)?;
/// assert_eq!(graph.node_features.column(0).to_vec(), [8, 5, 5, 16]); // atomic number, from 0
/// assert_eq!(graph.edge_features.row(0).to_vec(), [0, 1]); // a single bond, upwards
/// assert_eq!(graph.edge_features.row(2).to_vec(), [1, 0]); // a double bond
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AtomTypeFeaturizer {
    config: AtomTypeConfig,
    schema: FeatureSchema,
}

impl AtomTypeFeaturizer {
    /// A featurizer.
    pub fn new(config: AtomTypeConfig) -> Self {
        Self {
            config,
            schema: schema(),
        }
    }
}

impl Featurizer for AtomTypeFeaturizer {
    type Output = MolGraph;

    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph> {
        featurize_as(molecule, self.config.hydrogens, self.config.order, graph)
    }
}

fn graph(molecule: &Molecule) -> Result<MolGraph> {
    let num_nodes = molecule.num_atoms();
    if num_nodes == 0 {
        return Err(GraphError::NoAtoms);
    }
    let mut node_features = Vec::with_capacity(2 * num_nodes);
    for (index, atom) in molecule.atoms().enumerate() {
        let unknown = |feature, value, known| GraphError::NoCategory {
            part: "atom",
            index,
            feature,
            value,
            known,
        };
        let number = atom.atomic_number;
        if !(1..=118).contains(&number) {
            return Err(unknown("atomic number", number.to_string(), "1..118"));
        }
        let chirality = match atom.chiral_tag {
            ChiralTag::Unspecified => 0,
            ChiralTag::TetrahedralCw => 1,
            ChiralTag::TetrahedralCcw => 2,
            other => {
                let known = "unspecified, clockwise, counterclockwise";
                return Err(unknown("chiral tag", format!("{other:?}"), known));
            }
        };
        node_features.extend([u16::from(number) - 1, chirality]);
    }
    let directions = directions(molecule);
    let edges = directed_edges(molecule, |bond| {
        let unknown = |feature, value, known| GraphError::NoCategory {
            part: "bond",
            index: bond.index,
            feature,
            value,
            known,
        };
        let kind = match bond.bond.order {
            BondOrder::Single => 0,
            BondOrder::Double => 1,
            BondOrder::Triple => 2,
            BondOrder::Aromatic => 3,
            other => {
                let known = "single, double, triple, aromatic";
                return Err(unknown("bond type", format!("{other:?}"), known));
            }
        };
        let direction = match directions[bond.index] {
            BondDirection::None => 0,
            BondDirection::Up => 1,
            BondDirection::Down => 2,
            other => return Err(unknown("direction", format!("{other:?}"), "none, up, down")),
        };
        Ok([kind, direction])
    })?;
    Ok(MolGraph {
        node_features: Array2::from_shape_vec((num_nodes, 2), node_features)
            .expect("every atom has two features"),
        edge_features: edges.features,
        edge_sources: edges.sources,
        edge_targets: edges.targets,
        atom_index: (0..num_nodes as u32).collect(),
        laplacian: None,
        node_reals: None,
        record: 0,
    })
}

/// The direction that RDKit leaves on each bond: a slash is erased when it stands beside a double bond without geometry and
/// beside none with one (the end of `MolOps::assignStereochemistry`).
fn directions(molecule: &Molecule) -> Vec<BondDirection> {
    let mut directions: Vec<_> = molecule.bonds().map(|bond| bond.bond.direction).collect();
    let is_marked = |bond: &Bond| matches!(bond.direction, BondDirection::Up | BondDirection::Down);
    let is_open = |bond: &Bond| matches!(bond.stereo, BondStereo::None | BondStereo::Any);
    for double in molecule.bonds() {
        if double.bond.order != BondOrder::Double || !is_open(double.bond) {
            continue;
        }
        for end in [double.begin, double.end] {
            for beside in molecule.bonds_of(end) {
                let by_order = matches!(beside.bond.order, BondOrder::Single | BondOrder::Aromatic);
                let mut around = molecule.bonds_of(beside.other(end));
                let needed = around.any(|b| b.bond.order == BondOrder::Double && !is_open(b.bond));
                if by_order && is_marked(beside.bond) && !needed {
                    directions[beside.index] = BondDirection::None;
                }
            }
        }
    }
    directions
}

fn schema() -> FeatureSchema {
    FeatureSchema {
        name: "atom_type".into(),
        node_columns: vec![
            FeatureColumn::closed("atomic number", 1..=118),
            FeatureColumn::closed(
                "chiral tag",
                ["unspecified", "clockwise", "counterclockwise"],
            ),
        ],
        edge_columns: vec![
            FeatureColumn::closed("bond type", ["single", "double", "triple", "aromatic"]),
            FeatureColumn::closed("direction", ["none", "up", "down"]),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dd_mol::smiles::parse;

    fn features(smiles: &str) -> Result<MolGraph> {
        let featurizer = AtomTypeFeaturizer::new(AtomTypeConfig::heavy_atoms());
        featurizer.featurize(&parse(smiles).expect("the tests' SMILES are valid"))
    }

    /// What RDKit 2026.09 gives for each bond.
    #[test]
    fn directions_are_those_of_rdkit() {
        for (smiles, expected) in [
            ("F/C=C/F", vec![1, 0, 1]),
            ("C/C=C/C=C\\C", vec![1, 0, 1, 0, 2]),
            ("C/C=C", vec![0, 0]),
            ("C/C(C)=C/C", vec![0, 0, 0, 0]),
            ("N/C(=C\\C)C", vec![1, 0, 2, 0]),
            ("C/C=C=C/C", vec![0, 0, 0, 0]),
            ("F/C=C/F.C/C", vec![1, 0, 1, 1]),
            ("F/C=C/1CCCCC1C", vec![1, 0, 0, 0, 0, 0, 0, 0, 2]),
        ] {
            let graph = features(smiles).expect(smiles);
            let column: Vec<u16> = graph.edge_features.column(1).to_vec();
            let by_bond: Vec<u16> = column.chunks(2).map(|pair| pair[0]).collect();
            assert_eq!(by_bond, expected, "{smiles}");
            assert!(column.chunks(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn what_the_original_cannot_say_is_an_error() {
        for (smiles, fault) in [
            ("C*", "atom 1: atomic number 0 is none of 1..118"),
            ("C~C", "bond 0: bond type Unspecified"),
        ] {
            let error = features(smiles).expect_err(smiles).to_string();
            assert!(error.contains(fault), "{error}");
        }
    }
}
