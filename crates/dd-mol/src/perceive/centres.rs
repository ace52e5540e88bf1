//! Which atoms are stereocentres, and their R or S.

use super::draft::{Draft, DraftBond};
use crate::molecule::{BondOrder, ChiralTag};
use crate::parity::swaps;

/// R or S of a centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handedness {
    R,
    S,
}

/// What one pass over the atoms found.
pub(super) struct Pass {
    /// Some possible centre has no label.
    pub(super) unassigned: bool,
    /// Some label is new.
    pub(super) changed: bool,
}

/// Labels the tagged centres whose neighbours all differ in rank.
pub(super) fn label(draft: &Draft, ranks: &[u32], labels: &mut [Option<Handedness>]) -> Pass {
    let mut pass = Pass {
        unassigned: false,
        changed: false,
    };
    for (atom, label) in labels.iter_mut().enumerate() {
        if label.is_some() || !is_possible_centre(draft, atom) {
            continue;
        }
        let tag = draft.atoms[atom].tag;
        if matches!(tag, ChiralTag::Unspecified | ChiralTag::Other)
            || has_equal_neighbors(draft, atom, ranks)
        {
            pass.unassigned = true;
            continue;
        }
        *label = Some(handedness(draft, atom, ranks));
        pass.changed = true;
    }
    pass
}

/// The atoms that could be stereocentres, as their neighbours all differ in rank, but
/// have no tag.
pub(super) fn open(draft: &Draft, ranks: &[u32]) -> Vec<usize> {
    (0..draft.atoms.len())
        .filter(|&atom| {
            draft.atoms[atom].tag == ChiralTag::Unspecified
                && is_possible_centre(draft, atom)
                && !has_equal_neighbors(draft, atom, ranks)
        })
        .collect()
}

fn handedness(draft: &Draft, atom: usize, ranks: &[u32]) -> Handedness {
    let by_index: Vec<u32> = draft.adjacency.of(atom).iter().map(|l| l.bond).collect();
    let mut by_rank: Vec<(u32, u32)> = draft
        .adjacency
        .of(atom)
        .iter()
        .map(|link| (ranks[link.atom as usize], link.bond))
        .collect();
    by_rank.sort_unstable();
    let by_rank: Vec<u32> = by_rank.into_iter().map(|(_, bond)| bond).collect();
    let mut inversions = swaps(&by_rank, &by_index);
    if by_rank.len() == 3 && draft.atoms[atom].hydrogens() == 1 {
        inversions += 1;
    }
    let mut tag = draft.atoms[atom].tag;
    if inversions % 2 == 1 {
        tag = match tag {
            ChiralTag::TetrahedralCcw => ChiralTag::TetrahedralCw,
            _ => ChiralTag::TetrahedralCcw,
        };
    }
    match tag {
        ChiralTag::TetrahedralCcw => Handedness::S,
        _ => Handedness::R,
    }
}

/// Bonds that hold a place around a centre: not those that carry no electrons, nor
/// dative bonds that leave the atom.
fn counts(bond: &DraftBond, atom: usize) -> bool {
    match bond.order {
        BondOrder::Zero | BondOrder::Unspecified => false,
        BondOrder::Dative => bond.end as usize == atom,
        _ => true,
    }
}

/// Three or four neighbours in a way that can be stereogenic (rules of InChI, and
/// bridgehead nitrogen).
fn is_possible_centre(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    let degree = draft
        .bonds_of(index)
        .filter(|(_, bond)| counts(bond, index))
        .count() as i32;
    let hydrogens = atom.hydrogens();
    if !(3..=4).contains(&(degree + hydrogens)) {
        return false;
    }
    if degree < 3 {
        return matches!(atom.atomic_number, 15 | 33);
    }
    if degree > 3 {
        return true;
    }
    if hydrogens == 1 {
        return !draft.bonds_of(index).any(|(other, _)| {
            draft.atoms[other].atomic_number == 1 && draft.atoms[other].isotope == 0
        });
    }
    match atom.atomic_number {
        7 => is_rigid_nitrogen(draft, index),
        15 | 33 => true,
        16 | 34 => atom.explicit_valence == 4 || (atom.explicit_valence == 3 && atom.charge == 1),
        _ => false,
    }
}

/// Nitrogen that cannot invert: in a ring of three, or a bridgehead.
pub(super) fn is_rigid_nitrogen(draft: &Draft, index: usize) -> bool {
    draft.rings.atom_in_ring_of(index, 3) || is_bridgehead(draft, index)
}

/// At least three ring bonds, and two of the atom's rings share two bonds or more.
fn is_bridgehead(draft: &Draft, index: usize) -> bool {
    let ring_bonds = draft
        .adjacency
        .of(index)
        .iter()
        .filter(|link| draft.rings.has_bond(link.bond as usize))
        .count();
    if ring_bonds < 3 {
        return false;
    }
    let rings = draft.rings.of_atom(index);
    rings.iter().all(|ring| {
        let bonds = draft.rings.bonds.row(*ring as usize);
        rings.iter().any(|other| {
            other != ring
                && draft
                    .rings
                    .bonds
                    .row(*other as usize)
                    .iter()
                    .filter(|bond| bonds.contains(bond))
                    .count()
                    >= 2
        })
    })
}

fn has_equal_neighbors(draft: &Draft, index: usize, ranks: &[u32]) -> bool {
    let mut seen: Vec<u32> = draft
        .bonds_of(index)
        .filter(|(_, bond)| counts(bond, index))
        .map(|(other, _)| ranks[other])
        .collect();
    seen.sort_unstable();
    seen.windows(2).any(|pair| pair[0] == pair[1])
}
