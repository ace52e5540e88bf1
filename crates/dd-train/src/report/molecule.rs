//! A molecule with a weight on every atom.

use dd_mol::depict::{self, SvgOptions};
use dd_mol::{Conformer, Molecule, MoleculeBuilder, Sanitize};

use crate::error::{Result, TrainError};

/// A drawing of one molecule, with hydrogens merged into their neighbours.
pub struct MoleculePicture<'a> {
    /// The molecule.
    pub molecule: &'a Molecule,
    /// Weight per atom, shown as a colour: white at 0, orange above, blue below. Those of hydrogens that are merged are
    /// not shown.
    pub weights: &'a [f64],
    /// Text below the drawing.
    pub caption: &'a str,
}

impl MoleculePicture<'_> {
    /// Draws the molecule as an SVG element.
    ///
    /// # Errors
    /// Another number of weights than of atoms, or a molecule too large to be drawn.
    pub fn to_svg(&self) -> Result<String> {
        let fault = |error: &dyn std::fmt::Display| TrainError::Picture {
            reason: error.to_string(),
        };
        if self.weights.len() != self.molecule.num_atoms() {
            let (weights, atoms) = (self.weights.len(), self.molecule.num_atoms());
            return Err(fault(&format!("{weights} weights for {atoms} atoms")));
        }
        // Perception cuts conformers along with the atoms, so the weights travel as one.
        let mut builder = MoleculeBuilder::from(self.molecule);
        builder.add_conformer(Conformer {
            positions: self
                .weights
                .iter()
                .map(|&weight| [weight, 0.0, 0.0])
                .collect(),
            is_3d: false,
        });
        let merged = builder
            .finish(&Sanitize::RDKIT)
            .map_err(|error| fault(&error))?;
        let weights = merged
            .conformers()
            .last()
            .map(|conformer| conformer.positions.iter().map(|p| p[0]).collect());
        let options = SvgOptions {
            values: weights,
            hide_legend: true,
            caption: self.caption.to_owned(),
            ..SvgOptions::default()
        };
        depict::svg(&merged, &options).map_err(|error| fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hydrogens_are_merged_and_heavy_atoms_keep_their_weights() {
        let options = dd_mol::smiles::ParseOptions::KEEP_HYDROGENS;
        let molecule =
            dd_mol::smiles::parse_with("[H]C([H])([H])O", &options).expect("valid SMILES");
        let picture = MoleculePicture {
            molecule: &molecule,
            weights: &[0.3, 0.0, 0.3, 0.3, 1.0],
            caption: "methanol",
        };
        let svg = picture.to_svg().expect("five weights");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("fill=\"#FFFFFF\"") && svg.contains("methanol"));
        let short = MoleculePicture {
            weights: &[],
            ..picture
        };
        assert!(short.to_svg().is_err());
    }
}
