//! Hydrogen atoms that are merged into the counts of their neighbours.
//!
//! Kept are hydrogens that say more than a count: isotopes, hydrides, those without or
//! with several neighbours, those bound only to hydrogen or to a dummy, those at
//! non-tetrahedral centres, and those that alone fix the geometry of a double bond.

use super::draft::Draft;
use crate::builder::BondDirection;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, NonTetrahedral};
use crate::parity::swaps;

/// Removes mergeable hydrogens; returns which atoms stayed, or `None` when all did.
pub(crate) fn remove(draft: &mut Draft) -> Option<Vec<bool>> {
    if draft.atoms.iter().all(|atom| atom.atomic_number != 1) {
        return None;
    }
    let removed: Vec<usize> = (0..draft.atoms.len())
        .filter(|atom| is_mergeable(draft, *atom))
        .collect();
    if removed.is_empty() {
        return None;
    }
    let mut atom_stays = vec![true; draft.atoms.len()];
    let mut bond_stays = vec![true; draft.bonds.len()];
    // The last hydrogen goes first, as the tags change with each.
    for atom in removed.into_iter().rev() {
        let link = draft.adjacency.of(atom)[0];
        merge(draft, link.atom as usize, link.bond as usize, &bond_stays);
        atom_stays[atom] = false;
        bond_stays[link.bond as usize] = false;
    }
    compact(draft, &atom_stays, &bond_stays);
    Some(atom_stays)
}

pub(crate) fn has_non_tetrahedral(tag: ChiralTag) -> bool {
    matches!(
        tag,
        ChiralTag::NonTetrahedral(
            NonTetrahedral::SquarePlanar
                | NonTetrahedral::TrigonalBipyramidal
                | NonTetrahedral::Octahedral,
            _
        )
    )
}

fn is_mergeable(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    if atom.atomic_number != 1 || atom.isotope != 0 || atom.charge == -1 || draft.degree(index) != 1
    {
        return false;
    }
    let link = draft.adjacency.of(index)[0];
    let neighbor = link.atom as usize;
    let fixes_geometry = || {
        draft.degree(neighbor) == 2
            && draft.bonds_of(neighbor).any(|(_, bond)| {
                bond.order == BondOrder::Double
                    && (bond.known.is_some()
                        || draft.bonds[link.bond as usize].direction != BondDirection::None)
            })
    };
    draft.atoms[neighbor].atomic_number > 1
        && !has_non_tetrahedral(draft.atoms[neighbor].tag)
        && !fixes_geometry()
}

/// Counts one hydrogen more at `heavy` and keeps its stereochemistry.
fn merge(draft: &mut Draft, heavy: usize, bond: usize, bond_stays: &[bool]) {
    draft.atoms[heavy].explicit_hydrogens += 1;
    let present: Vec<u32> = draft
        .adjacency
        .of(heavy)
        .iter()
        .map(|link| link.bond)
        .filter(|other| bond_stays[*other as usize])
        .collect();
    let tag = draft.atoms[heavy].tag;
    if matches!(tag, ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw) {
        // The hydrogen now stands last.
        let mut reordered: Vec<u32> = present.clone();
        reordered.retain(|other| *other as usize != bond);
        reordered.push(bond as u32);
        if swaps(&reordered, &present) % 2 == 1 {
            draft.atoms[heavy].tag = tag.inverted();
        }
    }
    if draft.bonds[bond].has_slash() {
        pass_on_slash(draft, heavy, bond, &present);
    }
    if present.len() == 2 {
        forget_unknown(draft, heavy);
    }
    let hydrogen = draft.bonds[bond].other(heavy) as u32;
    reseat_known(draft, heavy, hydrogen, &present);
}

/// A double bond that loses the only neighbour of one end is no longer one of unknown
/// geometry.
fn forget_unknown(draft: &mut Draft, heavy: usize) {
    for link in draft.adjacency.of(heavy) {
        let bond = &mut draft.bonds[link.bond as usize];
        if bond.stereo == BondStereo::Any || bond.direction == BondDirection::Either {
            bond.stereo = BondStereo::None;
            bond.direction = BondDirection::None;
        }
    }
}

/// A slash on the bond that goes is needed on another bond of the atom.
fn pass_on_slash(draft: &mut Draft, heavy: usize, bond: usize, present: &[u32]) {
    let singles = || {
        present
            .iter()
            .map(|b| *b as usize)
            .filter(|other| *other != bond && draft.bonds[*other].order == BondOrder::Single)
    };
    if singles().any(|other| draft.bonds[other].direction != BondDirection::None) {
        return;
    }
    let Some(other) = singles().next_back() else {
        return;
    };
    let begins = |b: usize| draft.bonds[b].begin as usize == heavy;
    let direction = draft.bonds[bond].direction;
    draft.bonds[other].direction = if begins(other) && begins(bond) {
        direction.reversed()
    } else {
        direction
    };
}

/// A known geometry that refers to the hydrogen now refers to the other neighbour.
fn reseat_known(draft: &mut Draft, heavy: usize, hydrogen: u32, present: &[u32]) {
    for double in present.iter().map(|b| *b as usize) {
        let Some((mut atoms, same_side)) = draft.bonds[double].known else {
            continue;
        };
        let substitute = draft
            .adjacency
            .of(heavy)
            .iter()
            .find(|link| link.atom != hydrogen && link.bond as usize != double);
        for atom in &mut atoms {
            if let (true, Some(link)) = (*atom == hydrogen, substitute) {
                *atom = link.atom;
                draft.bonds[double].known = Some((atoms, !same_side));
                break;
            }
        }
    }
}

/// Drops the removed atoms and bonds and renumbers the rest.
fn compact(draft: &mut Draft, atom_stays: &[bool], bond_stays: &[bool]) {
    let mut index = vec![u32::MAX; atom_stays.len()];
    let mut origin = Vec::with_capacity(atom_stays.len());
    for (old, _) in atom_stays.iter().enumerate().filter(|(_, stays)| **stays) {
        index[old] = origin.len() as u32;
        origin.push(old as u32);
    }
    let mut position = 0;
    draft.atoms.retain(|_| {
        position += 1;
        atom_stays[position - 1]
    });
    position = 0;
    draft.bonds.retain(|_| {
        position += 1;
        bond_stays[position - 1]
    });
    for bond in &mut draft.bonds {
        bond.begin = index[bond.begin as usize];
        bond.end = index[bond.end as usize];
        if let Some((atoms, same_side)) = bond.known {
            bond.known = Some((atoms.map(|atom| index[atom as usize]), same_side));
        }
    }
    draft.adjacency.fill(draft.atoms.len(), &draft.bonds);
    draft.origin = origin;
}
