//! The nine atom and three bond features of the Open Graph Benchmark.
//!
//! Source: `ogb/utils/features.py` and `ogb/utils/mol.py` of `snap-stanford/ogb`, commit 61e9784 (Hu et al., "Open Graph
//! Benchmark", NeurIPS 2020). Each bond gives two directed edges, (begin, end) then (end, begin).

use dd_mol::{Atom, Bond, BondOrder, BondStereo, ChiralTag, Hybridization, Molecule};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::edges::directed_edges;
use crate::error::{GraphError, Result};
use crate::featurizer::{AtomOrder, Featurizer, Hydrogens, featurize_as};
use crate::laplacian::laplacian_eigenvectors;
use crate::{FeatureColumn, FeatureSchema, MolGraph};

/// Columns of an atom.
pub const NUM_ATOM_FEATURES: usize = 9;
/// Columns of a bond.
pub const NUM_BOND_FEATURES: usize = 3;
/// Column of an atom's total degree.
const DEGREE: usize = 2;

/// Choices of the [`OgbFeaturizer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OgbConfig {
    /// Hydrogens that are atoms of the molecule.
    pub hydrogens: Hydrogens,
    /// Number of Laplacian eigenvectors to add as node identifiers, if any.
    pub laplacian: Option<usize>,
    /// The order of the nodes. Configurations from before there was a choice do not name it.
    #[serde(default)]
    pub order: AtomOrder,
}

impl OgbConfig {
    /// As OGB's `smiles2graph`: every atom of the molecule, no node identifiers.
    pub fn smiles2graph() -> Self {
        Self {
            hydrogens: Hydrogens::Keep,
            laplacian: None,
            order: AtomOrder::AsWritten,
        }
    }

    /// As TokenGT with Laplacian node identifiers (`jw9730/tokengt`, commit bb76758: 16 eigenvectors), on heavy atoms.
    pub fn tokengt_lap() -> Self {
        Self {
            hydrogens: Hydrogens::Remove,
            laplacian: Some(16),
            order: AtomOrder::AsWritten,
        }
    }

    /// Heavy atoms without node identifiers: for graph networks and for TokenGT with random identifiers.
    pub fn heavy_atoms() -> Self {
        Self {
            hydrogens: Hydrogens::Remove,
            laplacian: None,
            order: AtomOrder::AsWritten,
        }
    }
}

/// Molecules to graphs with OGB's features.
///
/// ```
/// use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
/// let ogb = OgbFeaturizer::new(OgbConfig::smiles2graph());
/// assert_eq!(ogb.schema().node_sizes(), [119, 5, 12, 12, 10, 6, 6, 2, 2]);
/// assert_eq!(ogb.schema().edge_sizes(), [5, 6, 2]);
/// ```
#[derive(Debug, Clone)]
pub struct OgbFeaturizer {
    config: OgbConfig,
    schema: FeatureSchema,
}

impl OgbFeaturizer {
    /// A featurizer.
    pub fn new(config: OgbConfig) -> Self {
        Self {
            config,
            schema: ogb_schema(),
        }
    }

    /// Its choices.
    pub fn config(&self) -> &OgbConfig {
        &self.config
    }

    fn graph(&self, molecule: &Molecule) -> Result<MolGraph> {
        let num_nodes = molecule.num_atoms();
        if num_nodes == 0 {
            return Err(GraphError::NoAtoms);
        }
        let edges = directed_edges(molecule, |bond| Ok(bond_features(bond.bond)))?;
        let mut node_features = vec![0; num_nodes * NUM_ATOM_FEATURES];
        for &source in &edges.sources {
            let degree = &mut node_features[source as usize * NUM_ATOM_FEATURES + DEGREE];
            *degree = u16::saturating_add(*degree, 1);
        }
        let rows = node_features.chunks_exact_mut(NUM_ATOM_FEATURES);
        for (atom, row) in molecule.atoms().zip(rows) {
            row.copy_from_slice(&atom_features(atom, i32::from(row[DEGREE])));
        }
        let laplacian = self
            .config
            .laplacian
            .map(|k| laplacian_eigenvectors(num_nodes, &edges.sources, &edges.targets, k))
            .transpose()?;
        Ok(MolGraph {
            node_features: Array2::from_shape_vec((num_nodes, NUM_ATOM_FEATURES), node_features)
                .expect("every atom has nine features"),
            edge_features: edges.features,
            edge_sources: edges.sources,
            edge_targets: edges.targets,
            atom_index: (0..num_nodes as u32).collect(),
            laplacian,
            node_reals: None,
            record: 0,
        })
    }
}

impl Featurizer for OgbFeaturizer {
    type Output = MolGraph;

    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph> {
        let OgbConfig {
            hydrogens, order, ..
        } = self.config;
        featurize_as(molecule, hydrogens, order, |molecule| self.graph(molecule))
    }
}

/// The features of an atom with so many neighbours in the graph.
fn atom_features(atom: &Atom, degree: i32) -> [u16; NUM_ATOM_FEATURES] {
    // Hydrogens that are graph nodes do not count, as in RDKit's `GetTotalNumHs`.
    let hydrogens = i32::from(atom.explicit_hydrogens) + i32::from(atom.implicit_hydrogens);
    [
        among(i32::from(atom.atomic_number), 1, 118),
        chirality(atom),
        among(degree + hydrogens, 0, 10),
        among(i32::from(atom.formal_charge), -5, 5),
        among(hydrogens, 0, 8),
        among(i32::from(atom.radical_electrons), 0, 4),
        hybridization(atom),
        u16::from(atom.is_aromatic),
        u16::from(atom.in_ring),
    ]
}

fn bond_features(bond: &Bond) -> [u16; NUM_BOND_FEATURES] {
    [
        bond_order(bond),
        match bond.stereo {
            BondStereo::None => 0,
            BondStereo::Z => 1,
            BondStereo::E => 2,
            BondStereo::Cis => 3,
            BondStereo::Trans => 4,
            // Only `Any` is left; the column of the original has no slot for unknown values.
            _ => 5,
        },
        u16::from(bond.is_conjugated),
    ]
}

/// Place of a bond's order: single, double, triple, aromatic, others.
pub(crate) fn bond_order(bond: &Bond) -> u16 {
    match bond.order {
        BondOrder::Single => 0,
        BondOrder::Double => 1,
        BondOrder::Triple => 2,
        BondOrder::Aromatic => 3,
        _ => 4,
    }
}

/// Place of an atom's chiral tag: none, clockwise, counterclockwise, others, tags that OGB does not know.
pub(crate) fn chirality(atom: &Atom) -> u16 {
    match atom.chiral_tag {
        ChiralTag::Unspecified => 0,
        ChiralTag::TetrahedralCw => 1,
        ChiralTag::TetrahedralCcw => 2,
        ChiralTag::Other => 3,
        _ => 4,
    }
}

fn hybridization(atom: &Atom) -> u16 {
    match atom.hybridization {
        Hybridization::Sp => 0,
        Hybridization::Sp2 => 1,
        Hybridization::Sp3 => 2,
        Hybridization::Sp3d => 3,
        Hybridization::Sp3d2 => 4,
        _ => 5,
    }
}

/// Position of `value` in `first..=last`, or the slot behind.
pub(crate) fn among(value: i32, first: i32, last: i32) -> u16 {
    if (first..=last).contains(&value) {
        (value - first) as u16
    } else {
        (last - first + 1) as u16
    }
}

fn ogb_schema() -> FeatureSchema {
    let flag = ["false", "true"];
    FeatureSchema {
        name: "ogb".into(),
        node_columns: vec![
            FeatureColumn::open("atomic number", 1..=118),
            FeatureColumn::open(
                "chiral tag",
                ["unspecified", "clockwise", "counterclockwise", "other"],
            ),
            FeatureColumn::open("total degree", 0..=10),
            FeatureColumn::open("formal charge", -5..=5),
            FeatureColumn::open("hydrogens", 0..=8),
            FeatureColumn::open("radical electrons", 0..=4),
            FeatureColumn::open("hybridization", ["sp", "sp2", "sp3", "sp3d", "sp3d2"]),
            FeatureColumn::closed("aromatic", flag),
            FeatureColumn::closed("in ring", flag),
        ],
        edge_columns: vec![
            FeatureColumn::open("bond type", ["single", "double", "triple", "aromatic"]),
            FeatureColumn::closed("stereo", ["none", "z", "e", "cis", "trans", "any"]),
            FeatureColumn::closed("conjugated", flag),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_list_take_the_last_slot() {
        assert_eq!(among(0, 1, 118), 118);
        assert_eq!(among(6, 1, 118), 5);
        assert_eq!(among(-6, -5, 5), 11);
        assert_eq!(among(0, -5, 5), 5);
        assert_eq!(among(11, 0, 10), 11);
    }

    #[test]
    fn sizes_are_those_of_ogb() {
        let schema = ogb_schema();
        assert_eq!(schema.node_sizes().iter().sum::<usize>(), 174);
        assert_eq!(schema.edge_sizes().iter().sum::<usize>(), 13);
    }
}
