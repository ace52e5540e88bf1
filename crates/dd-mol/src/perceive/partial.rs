//! Parts of perception for molecules that have been perceived before.

use super::effort::Effort;
use super::{Sanitize, Workspace, build, check, conjugation, rings, stereo, valence};
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, Molecule};
use crate::workspace;

/// Perception of a piece of a molecule, for which aromaticity is already known: valences,
/// hydrogens, rings and stereochemistry are found anew.
pub(crate) fn reassess(mut builder: MoleculeBuilder) -> Result<Molecule, PerceptionError> {
    let options = Sanitize::KEEP_HYDROGENS.unlimited();
    check(&builder, &options)?;
    workspace::with(builder.atoms.len(), |workspace| {
        let Workspace {
            draft,
            rings,
            conjugation,
            ..
        } = &mut workspace.perception;
        draft.load(&builder, options.max_neighbors)?;
        valence::update(draft, true)?;
        let mut effort = Effort::new(options.max_ring_steps);
        rings::find(draft, rings, options.max_ring_system, &mut effort)?;
        conjugation.set(draft);
        conjugation::set_hybridization(draft);
        stereo::assign(draft)?;
        Ok(build(draft, &mut builder))
    })
}

/// Hydrogens of some atoms of a piece of a molecule; all that changed when it was cut out.
pub(crate) fn hydrogens_of(
    builder: &MoleculeBuilder,
    atoms: impl Iterator<Item = usize>,
) -> Result<Vec<u8>, PerceptionError> {
    workspace::with(builder.atoms.len(), |workspace| {
        let draft = &mut workspace.perception.draft;
        draft.load(builder, usize::MAX)?;
        atoms
            .map(|atom| {
                valence::update_atom(draft, atom, true)?;
                Ok(draft.atoms[atom].hydrogens().clamp(0, 255) as u8)
            })
            .collect()
    })
}

/// The order of every bond in a Kekulé form of the molecule.
///
/// # Errors
/// [`PerceptionError::Kekulize`] when there is none, as for some pieces of molecules.
pub fn kekule_orders(molecule: &Molecule) -> Result<Vec<BondOrder>, PerceptionError> {
    kekule_orders_of(&MoleculeBuilder::from(molecule))
}

/// [`kekule_orders`] of a molecule whose atoms and bonds may have been put in another order.
pub(crate) fn kekule_orders_of(
    builder: &MoleculeBuilder,
) -> Result<Vec<BondOrder>, PerceptionError> {
    workspace::with(builder.atoms.len(), |workspace| {
        let Workspace {
            draft,
            rings,
            kekulizer,
            ..
        } = &mut workspace.perception;
        let options = Sanitize::KEEP_HYDROGENS.unlimited();
        draft.load(builder, options.max_neighbors)?;
        valence::update(draft, false)?;
        let mut effort = Effort::new(options.max_ring_steps);
        rings::find(draft, rings, options.max_ring_system, &mut effort)?;
        kekulizer.run(draft, &mut effort)?;
        Ok(draft.bonds.iter().map(|bond| bond.order).collect())
    })
}
