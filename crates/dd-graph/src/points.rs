//! Molecules with a conformer to point clouds: atomic numbers and positions, nothing of the bonds.

use dd_mol::Molecule;
use serde::{Deserialize, Serialize};

use crate::error::{GraphError, Result};
use crate::featurizer::{Featurizer, Hydrogens};
use crate::{FeatureColumn, FeatureSchema, PointCloud};

/// Choices of the [`PointFeaturizer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointConfig {
    /// Hydrogens that are atoms of the molecule.
    pub hydrogens: Hydrogens,
    /// Largest atomic number that the network's embedding table has a row for.
    pub max_atomic_number: u8,
}

impl PointConfig {
    /// For a table of 100 rows indexed by the atomic number, as in the ET configurations of
    /// `shehzaidi/pre-training-via-denoising`, commit 2d81667 (`max_z: 100`).
    pub fn torchmd_net(hydrogens: Hydrogens) -> Self {
        Self {
            hydrogens,
            max_atomic_number: 99,
        }
    }
}

/// Molecules to point clouds, from their first conformer.
#[derive(Debug, Clone)]
pub struct PointFeaturizer {
    config: PointConfig,
    schema: FeatureSchema,
}

impl PointFeaturizer {
    /// A featurizer.
    pub fn new(config: PointConfig) -> Self {
        let schema = FeatureSchema {
            name: "points".into(),
            node_columns: vec![
                FeatureColumn::closed("atomic number", 0..=config.max_atomic_number),
                FeatureColumn::real("x", "angstrom"),
                FeatureColumn::real("y", "angstrom"),
                FeatureColumn::real("z", "angstrom"),
            ],
            edge_columns: Vec::new(),
        };
        Self { config, schema }
    }

    /// Its choices.
    pub fn config(&self) -> &PointConfig {
        &self.config
    }
}

impl Featurizer for PointFeaturizer {
    type Output = PointCloud;

    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn featurize(&self, molecule: &Molecule) -> Result<PointCloud> {
        let conformer = molecule
            .conformers()
            .first()
            .ok_or(GraphError::NoConformer)?;
        if !conformer.is_3d {
            return Err(GraphError::FlatConformer);
        }
        let mut cloud = PointCloud {
            atomic_numbers: Vec::with_capacity(molecule.num_atoms()),
            positions: Vec::with_capacity(molecule.num_atoms()),
            atom_index: Vec::with_capacity(molecule.num_atoms()),
            record: 0,
        };
        for (index, (atom, position)) in molecule.atoms().zip(&conformer.positions).enumerate() {
            if self.config.hydrogens == Hydrogens::Remove && atom.atomic_number == 1 {
                continue;
            }
            if atom.atomic_number == 0 || atom.atomic_number > self.config.max_atomic_number {
                return Err(GraphError::AtomicNumber {
                    atom: index,
                    atomic_number: atom.atomic_number,
                    max: self.config.max_atomic_number,
                });
            }
            let position = position.map(|x| x as f32);
            // Narrowing may overflow: the check comes after it.
            if position.iter().any(|x| !x.is_finite()) {
                return Err(GraphError::AtomPosition { atom: index });
            }
            cloud.atomic_numbers.push(atom.atomic_number);
            cloud.positions.push(position);
            cloud.atom_index.push(index as u32);
        }
        if cloud.atomic_numbers.is_empty() {
            return Err(GraphError::NoAtoms);
        }
        Ok(cloud)
    }
}
