//! The atom and bond features of chemprop 2: categories in the order of its one-hot blocks, and the mass of the atom.
//!
//! Source: `MultiHotAtomFeaturizer` and `MultiHotBondFeaturizer` of chemprop 2.3.1 (Heid et al., "Chemprop: a machine
//! learning package for chemical property prediction", J. Chem. Inf. Model. 2024). The original writes each category as a
//! row of zeros with a one; here it is the position of the one. A network multiplies the two by the same numbers.

use dd_mol::{Atom, Bond, BondStereo, Hybridization, Molecule};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::edges::directed_edges;
use crate::error::{GraphError, Result};
use crate::featurizer::{AtomOrder, Featurizer, Hydrogens, featurize_as};
use crate::ogb::{among, bond_order, chirality};
use crate::{FeatureColumn, FeatureSchema, MolGraph};

/// Categories of an atom; its mass comes beside them.
const ATOM_COLUMNS: usize = 7;
/// Formal charges in chemprop's order.
const CHARGES: [i8; 5] = [-1, -2, 1, 2, 0];
/// Elements of the smallest set.
const ORGANIC: [u8; 12] = [1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35, 53];
/// Columns of the mass are in units of this many Da.
const MASS_UNIT: f64 = 0.01;

/// chemprop's sets of elements and hybridisations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChempropAtoms {
    /// That of chemprop 1: 100 elements, 133 numbers for an atom.
    V1,
    /// The default of chemprop 2: four rows of the periodic table and iodine, 72 numbers for an atom.
    V2,
    /// Twelve elements, 44 numbers for an atom.
    Organic,
}

impl ChempropAtoms {
    /// Numbers of chemprop's vector of an atom, the mass included.
    pub fn num_numbers(self) -> usize {
        match self {
            Self::V1 => 133,
            Self::V2 => 72,
            Self::Organic => 44,
        }
    }

    fn elements(self) -> Vec<u8> {
        match self {
            Self::V1 => (1..=100).collect(),
            Self::V2 => (1..=36).chain([53]).collect(),
            Self::Organic => ORGANIC.to_vec(),
        }
    }

    fn hybridizations(self) -> &'static [Hybridization] {
        use Hybridization::{S, Sp, Sp2, Sp2d, Sp3, Sp3d, Sp3d2};
        match self {
            Self::V1 => &[Sp, Sp2, Sp3, Sp3d, Sp3d2],
            Self::V2 => &[S, Sp, Sp2, Sp2d, Sp3, Sp3d, Sp3d2],
            Self::Organic => &[S, Sp, Sp2, Sp3],
        }
    }
}

/// Choices of the [`ChempropFeaturizer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChempropConfig {
    /// Which elements and hybridisations are told apart.
    pub atoms: ChempropAtoms,
    /// Hydrogens that are atoms of the molecule.
    pub hydrogens: Hydrogens,
    /// The order of the nodes.
    #[serde(default)]
    pub order: AtomOrder,
}

impl ChempropConfig {
    /// chemprop 2's own default.
    pub fn v2() -> Self {
        Self::of(ChempropAtoms::V2)
    }

    /// The default with another set of atoms.
    pub fn of(atoms: ChempropAtoms) -> Self {
        Self {
            atoms,
            hydrogens: Hydrogens::Remove,
            order: AtomOrder::AsWritten,
        }
    }
}

/// Molecules to graphs with chemprop's features.
///
/// ```
/// use dd_graph::{ChempropConfig, ChempropFeaturizer, Featurizer};
/// let featurizer = ChempropFeaturizer::new(ChempropConfig::v2());
/// // 38 elements, 7 degrees, 6 charges, 5 chiral tags, 6 counts of hydrogens, 8 hybridisations, aromatic or not;
/// // 70 positions for a one, the aromatic flag and the mass: chemprop's 72 numbers.
/// assert_eq!(featurizer.schema().node_sizes(), [38, 7, 6, 5, 6, 8, 2]);
/// assert_eq!(featurizer.schema().edge_sizes(), [5, 2, 2, 7]);
/// ```
#[derive(Debug, Clone)]
pub struct ChempropFeaturizer {
    config: ChempropConfig,
    elements: Vec<u8>,
    schema: FeatureSchema,
}

impl ChempropFeaturizer {
    /// A featurizer.
    pub fn new(config: ChempropConfig) -> Self {
        Self {
            elements: config.atoms.elements(),
            schema: schema(config.atoms),
            config,
        }
    }

    fn graph(&self, molecule: &Molecule) -> Result<MolGraph> {
        let num_nodes = molecule.num_atoms();
        if num_nodes == 0 {
            return Err(GraphError::NoAtoms);
        }
        let mut node_features = Vec::with_capacity(num_nodes * ATOM_COLUMNS);
        let mut masses = Vec::with_capacity(num_nodes);
        for (index, atom) in molecule.atoms().enumerate() {
            node_features.extend(self.atom(atom, molecule.degree(index)));
            masses.push((MASS_UNIT * atom.mass()) as f32);
        }
        let edges = directed_edges(molecule, |bond| Ok(bond_features(bond.bond)))?;
        Ok(MolGraph {
            node_features: Array2::from_shape_vec((num_nodes, ATOM_COLUMNS), node_features)
                .expect("every atom has as many features"),
            edge_features: edges.features,
            edge_sources: edges.sources,
            edge_targets: edges.targets,
            atom_index: (0..num_nodes as u32).collect(),
            laplacian: None,
            node_reals: Some(
                Array2::from_shape_vec((num_nodes, 1), masses).expect("every atom has a mass"),
            ),
            record: 0,
        })
    }

    fn atom(&self, atom: &Atom, degree: usize) -> [u16; ATOM_COLUMNS] {
        let hydrogens = i32::from(atom.explicit_hydrogens) + i32::from(atom.implicit_hydrogens);
        [
            position(&self.elements, &atom.atomic_number),
            among(degree as i32 + hydrogens, 0, 5),
            position(&CHARGES, &atom.formal_charge),
            chirality(atom),
            among(hydrogens, 0, 4),
            position(self.config.atoms.hybridizations(), &atom.hybridization),
            u16::from(atom.is_aromatic),
        ]
    }
}

impl Featurizer for ChempropFeaturizer {
    type Output = MolGraph;

    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph> {
        let ChempropConfig {
            hydrogens, order, ..
        } = self.config;
        featurize_as(molecule, hydrogens, order, |molecule| self.graph(molecule))
    }
}

fn bond_features(bond: &Bond) -> [u16; 4] {
    [
        bond_order(bond),
        u16::from(bond.is_conjugated),
        u16::from(bond.in_ring),
        match bond.stereo {
            BondStereo::None => 0,
            BondStereo::Any => 1,
            BondStereo::Z => 2,
            BondStereo::E => 3,
            BondStereo::Cis => 4,
            BondStereo::Trans => 5,
            _ => 6,
        },
    ]
}

/// Place of a value in a list, or the one behind it.
fn position<T: PartialEq>(known: &[T], value: &T) -> u16 {
    let found = known.iter().position(|one| one == value);
    found.unwrap_or(known.len()) as u16
}

fn schema(atoms: ChempropAtoms) -> FeatureSchema {
    let flag = ["false", "true"];
    let words = |hybridization: &Hybridization| format!("{hybridization:?}").to_lowercase();
    FeatureSchema {
        name: "chemprop".into(),
        node_columns: vec![
            FeatureColumn::open("atomic number", atoms.elements()),
            FeatureColumn::open("total degree", 0..=5),
            FeatureColumn::open("formal charge", CHARGES),
            FeatureColumn::open(
                "chiral tag",
                ["unspecified", "clockwise", "counterclockwise", "other"],
            ),
            FeatureColumn::open("hydrogens", 0..=4),
            FeatureColumn::open("hybridization", atoms.hybridizations().iter().map(words)),
            FeatureColumn::closed("aromatic", flag),
            FeatureColumn::real("mass", "100 Da"),
        ],
        edge_columns: vec![
            FeatureColumn::open("bond type", ["single", "double", "triple", "aromatic"]),
            FeatureColumn::closed("conjugated", flag),
            FeatureColumn::closed("in ring", flag),
            FeatureColumn::open("stereo", ["none", "any", "z", "e", "cis", "trans"]),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dd_mol::smiles::parse;

    /// One position for each category but the aromatic flag, which is one number, and the mass.
    #[test]
    fn sizes_are_those_of_chemprop() {
        for atoms in [ChempropAtoms::V1, ChempropAtoms::V2, ChempropAtoms::Organic] {
            let sizes = schema(atoms).node_sizes();
            let ones: usize = sizes[..ATOM_COLUMNS - 1].iter().sum();
            assert_eq!(ones + 2, atoms.num_numbers());
        }
    }

    #[test]
    fn ammonium_and_a_heavy_carbon() {
        let featurizer = ChempropFeaturizer::new(ChempropConfig::v2());
        let molecule = parse("[NH3+][13CH3]").expect("a valid SMILES");
        let graph = featurizer.featurize(&molecule).expect("features");
        assert_eq!(graph.node_features.row(0).to_vec(), [6, 4, 2, 0, 3, 4, 0]);
        let masses = graph.node_reals.expect("masses");
        assert_eq!(masses[(0, 0)], 0.140_07_f32);
        assert_eq!(masses[(1, 0)], 0.130_033_55_f32);
    }
}
