//! Stereochemistry: labels centres and double bonds, and removes what is not stereo.
//!
//! Labels can depend on labels, so centres and double bonds are assigned in turns, and
//! the atoms are ranked again with what was found, until nothing changes. These are
//! RDKit's legacy rules, on which OGB's features rest.

use super::centres::{self, Handedness};
use super::double_bonds;
use super::draft::{Draft, DraftBond};
use super::hydrogens::has_non_tetrahedral;
use super::ranks;
use super::ring_stereo;
use super::valence::update_atom;
use crate::builder::BondDirection;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag};

/// Assigns stereochemistry and clears tags of atoms that are no stereocentres.
pub(crate) fn assign(draft: &mut Draft) -> Result<(), PerceptionError> {
    let any_tag = draft.atoms.iter().any(|a| a.tag != ChiralTag::Unspecified);
    let any_mark = draft.bonds.iter().any(DraftBond::states_geometry);
    if !any_tag && !any_mark {
        return Ok(());
    }
    clear_impossible(draft);
    if !any_tag && !double_bonds::any_marked(draft) {
        return Ok(());
    }
    let (labels, atom_ranks) = settle(draft, any_mark);
    if any_tag {
        let kept = ring_stereo::find(draft, &atom_ranks, &labels);
        clear_centres(draft, &labels, &kept)?;
    }
    Ok(())
}

/// Labels centres and double bonds in turns; the labels and the ranks that they rest on.
pub(super) fn settle(draft: &mut Draft, any_mark: bool) -> (Vec<Option<Handedness>>, Vec<u32>) {
    let mut bonds_open = any_mark && double_bonds::any_marked(draft);
    let mut labels = vec![None; draft.atoms.len()];
    let mut atoms_open = true;
    let mut budget = ranks::BUDGET;
    let mut atom_ranks = ranks::initial(draft, &mut budget);
    while atoms_open || bonds_open {
        let mut changed = false;
        if atoms_open {
            let pass = centres::label(draft, &atom_ranks, &mut labels);
            atoms_open = pass.unassigned;
            changed |= pass.changed;
        }
        if bonds_open {
            let pass = double_bonds::assign(draft, &atom_ranks);
            bonds_open = pass.unassigned;
            changed |= pass.changed;
        }
        if !changed || !(atoms_open || bonds_open) {
            break;
        }
        atom_ranks = rank_again(draft, &atom_ranks, &labels, &mut budget);
    }
    (labels, atom_ranks)
}

/// Double bonds in small rings have no geometry; crossed ones have an unknown one.
fn clear_impossible(draft: &mut Draft) {
    for index in 0..draft.bonds.len() {
        let double = draft.bonds[index].order == BondOrder::Double;
        let aromatic = draft.bonds[index].order == BondOrder::Aromatic;
        let open = double_bonds::may_have_stereo(draft, index);
        let bond = &mut draft.bonds[index];
        if (double || aromatic) && !open {
            bond.stereo = BondStereo::None;
            bond.stereo_atoms = None;
            bond.known = None;
        } else if double && bond.direction == BondDirection::Either {
            bond.stereo = BondStereo::Any;
            bond.stereo_atoms = None;
        }
        if bond.direction == BondDirection::Either {
            bond.direction = BondDirection::None;
        }
    }
}

/// Ranks that tell R from S from neither, and E from Z from neither.
fn rank_again(
    draft: &Draft,
    ranks: &[u32],
    labels: &[Option<Handedness>],
    budget: &mut usize,
) -> Vec<u32> {
    let keys: Vec<u64> = (0..draft.atoms.len())
        .map(|atom| {
            let label = match labels[atom] {
                Some(Handedness::R) => 20,
                Some(Handedness::S) => 10,
                None => 0,
            };
            let geometry: u64 = draft
                .bonds_of(atom)
                .filter(|(_, bond)| bond.order == BondOrder::Double)
                .map(|(_, bond)| match bond.stereo {
                    BondStereo::E => 1,
                    BondStereo::Z => 2,
                    _ => 0,
                })
                .sum();
            u64::from(ranks[atom]) * 1000 + label + geometry
        })
        .collect();
    ranks::refine(draft, &keys, budget)
}

/// Removes the tags of atoms that are no centres, and the hydrogen that was only
/// written for the tag.
fn clear_centres(
    draft: &mut Draft,
    labels: &[Option<Handedness>],
    kept: &[bool],
) -> Result<(), PerceptionError> {
    for index in 0..draft.atoms.len() {
        let atom = &mut draft.atoms[index];
        if atom.tag == ChiralTag::Unspecified
            || has_non_tetrahedral(atom.tag)
            || labels[index].is_some()
            || kept[index]
        {
            continue;
        }
        atom.tag = ChiralTag::Unspecified;
        if atom.explicit_hydrogens == 1 && atom.charge == 0 && !atom.aromatic {
            atom.explicit_hydrogens = 0;
            atom.no_implicit = false;
            update_atom(draft, index, false)?;
        }
    }
    Ok(())
}
