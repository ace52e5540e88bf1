//! Parts of perception for molecules that have been perceived before.

use super::{Sanitize, Workspace, build, check, conjugation, rings, stereo, valence};
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, Molecule};
use crate::workspace;

/// Perception of a piece of a molecule, for which aromaticity is already known: valences,
/// hydrogens, rings and stereochemistry are found anew.
pub(crate) fn reassess(mut builder: MoleculeBuilder) -> Result<Molecule, PerceptionError> {
    let options = Sanitize::KEEP_HYDROGENS;
    check(&builder, &options)?;
    workspace::with(builder.atoms.len(), |workspace| {
        let Workspace { draft, rings, .. } = &mut workspace.perception;
        draft.load(&builder)?;
        valence::update(draft, true)?;
        rings::find(draft, rings, options.max_ring_system)?;
        conjugation::set_conjugation(draft);
        conjugation::set_hybridization(draft);
        stereo::assign(draft)?;
        Ok(build(draft, &mut builder))
    })
}

/// The order of every bond in a Kekulé form of the molecule.
///
/// # Errors
/// [`PerceptionError::Kekulize`] when there is none, as for some pieces of molecules.
pub(crate) fn kekule_orders(molecule: &Molecule) -> Result<Vec<BondOrder>, PerceptionError> {
    workspace::with(molecule.num_atoms(), |workspace| {
        let Workspace {
            draft,
            rings,
            kekulizer,
            ..
        } = &mut workspace.perception;
        draft.load(&MoleculeBuilder::from(molecule))?;
        valence::update(draft, false)?;
        rings::find(draft, rings, Sanitize::RDKIT.max_ring_system)?;
        kekulizer.run(draft)?;
        Ok(draft.bonds.iter().map(|bond| bond.order).collect())
    })
}
