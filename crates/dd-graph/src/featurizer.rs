//! The extension point between molecules and networks.

use dd_mol::smiles::canonicalized;
use dd_mol::{Conformer, Molecule, MoleculeBuilder, Sanitize};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::{FeatureSchema, MolGraph};

/// "Given a molecule, give me its features, and tell me what every column means."
///
/// # Contract
/// Pure: the same molecule gives the same features. Nodes stand in molecule order or in the one asked for, and
/// `atom_index` names the atom behind each. An unknown category takes the schema's last slot; impossible input, such as a conformer that is absent,
/// is an error. The record number of the output is 0: whoever reads the data set fills it in.
///
/// The trait is object-safe: `Box<dyn Featurizer<Output = MolGraph>>` is what loaders take.
pub trait Featurizer: Send + Sync {
    /// [`MolGraph`](crate::MolGraph) or [`PointCloud`](crate::PointCloud).
    type Output;

    /// What every column means.
    fn schema(&self) -> &FeatureSchema;

    /// The features of one molecule.
    ///
    /// # Errors
    /// When the molecule lacks what the features are made from.
    fn featurize(&self, molecule: &Molecule) -> Result<Self::Output>;
}

/// What happens to hydrogens that are atoms of the molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Hydrogens {
    /// They stay.
    Keep,
    /// They are left out; 2D features count them on their neighbours. Those that RDKit's `RemoveHs` retains (isotopes,
    /// ions, bridges) stay in 2D graphs and are left out of point clouds.
    Remove,
}

/// The order of the nodes, to which chirality tags refer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AtomOrder {
    /// That of the input, as in the original. A chirality tag says how the neighbours turn in the order in which they
    /// are written, so two spellings of a molecule with stereocentres have different features.
    ///
    /// Also what a configuration means that was saved before there was a choice.
    #[default]
    AsWritten,
    /// That of the canonical SMILES: the features are those of the original for that spelling, whatever the input
    /// looked like. All spellings give the same graph bit for bit, Laplacian eigenvectors included; `atom_index` names
    /// the atoms of the input, and is the same up to a symmetry of the molecule.
    Canonical,
}

/// The graph of a molecule without its hydrogens, or in another order; `atom_index` names the atoms of `molecule`.
pub(crate) fn featurize_as(
    molecule: &Molecule,
    hydrogens: Hydrogens,
    order: AtomOrder,
    graph: impl Fn(&Molecule) -> Result<MolGraph>,
) -> Result<MolGraph> {
    let merged = match hydrogens {
        Hydrogens::Remove => without_hydrogens(molecule)?,
        Hydrogens::Keep => None,
    };
    let (molecule, atom_index) = match &merged {
        Some((merged, atom_index)) => (merged, Some(atom_index)),
        None => (molecule, None),
    };
    let (mut graph, order) = match order {
        AtomOrder::AsWritten => (graph(molecule)?, None),
        AtomOrder::Canonical => {
            let (canonical, order) = canonicalized(molecule);
            (graph(&canonical)?, Some(order))
        }
    };
    graph.atom_index = match (order, atom_index) {
        (None, None) => graph.atom_index,
        (Some(order), None) => order,
        (None, Some(origin)) => origin.clone(),
        (Some(order), Some(origin)) => order.iter().map(|&a| origin[a as usize]).collect(),
    };
    Ok(graph)
}

/// The molecule with its ordinary hydrogens merged into their neighbours, and the original number of each atom left;
/// `None` when there is nothing to merge.
///
/// # Errors
/// When the molecule without these hydrogens breaks a rule of perception.
pub fn without_hydrogens(molecule: &Molecule) -> Result<Option<(Molecule, Vec<u32>)>> {
    if molecule.atoms().all(|atom| atom.atomic_number != 1) {
        return Ok(None);
    }
    let mut builder = MoleculeBuilder::from(molecule);
    // Perception cuts conformers along with the atoms, so one whose x is the atom number carries the numbers through.
    builder.add_conformer(Conformer {
        positions: (0..molecule.num_atoms())
            .map(|atom| [atom as f64, 0.0, 0.0])
            .collect(),
        is_3d: false,
    });
    let merged = builder.finish(&Sanitize::RDKIT)?;
    let numbers = merged
        .conformers()
        .last()
        .map(|conformer| conformer.positions.iter().map(|p| p[0] as u32).collect())
        .unwrap_or_default();
    Ok(Some((merged, numbers)))
}
