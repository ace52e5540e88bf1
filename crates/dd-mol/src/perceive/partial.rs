//! Parts of perception for molecules that have been perceived before.

use super::draft::Draft;
use super::{Sanitize, build, check, conjugation, kekulize, rings, stereo, valence};
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, Molecule};

/// Perception of a piece of a molecule, for which aromaticity is already known: valences,
/// hydrogens, rings and stereochemistry are found anew.
pub(crate) fn reassess(builder: MoleculeBuilder) -> Result<Molecule, PerceptionError> {
    let options = Sanitize::KEEP_HYDROGENS;
    check(&builder, &options)?;
    let mut draft = Draft::new(&builder)?;
    valence::update(&mut draft, true)?;
    draft.rings = rings::find(&draft, options.max_ring_system)?;
    conjugation::set_conjugation(&mut draft);
    conjugation::set_hybridization(&mut draft);
    stereo::assign(&mut draft)?;
    Ok(build(draft, builder))
}

/// The order of every bond in a Kekulé form of the molecule.
///
/// # Errors
/// [`PerceptionError::Kekulize`] when there is none, as for some pieces of molecules.
pub(crate) fn kekule_orders(molecule: &Molecule) -> Result<Vec<BondOrder>, PerceptionError> {
    let mut draft = Draft::new(&MoleculeBuilder::from(molecule))?;
    valence::update(&mut draft, false)?;
    draft.rings = rings::find(&draft, Sanitize::RDKIT.max_ring_system)?;
    kekulize::kekulize(&mut draft)?;
    Ok(draft.bonds.iter().map(|bond| bond.order).collect())
}
