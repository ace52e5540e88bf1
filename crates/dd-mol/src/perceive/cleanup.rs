//! Charge-separated forms for groups that are often drawn with too many bonds, and
//! dative bonds for ligands that would exceed their valence.

use super::draft::Draft;
use super::valence::explicit_valence;
use crate::element::{Element, is_metal};
use crate::molecule::BondOrder;

/// Nitro groups and azides, phosphorus ylides, halogen oxides.
pub(crate) fn clean_up(draft: &mut Draft) {
    for atom in 0..draft.atoms.len() {
        match draft.atoms[atom].atomic_number {
            7 => nitrogen(draft, atom),
            15 => phosphorus(draft, atom),
            17 | 35 | 53 => halogen(draft, atom),
            _ => {}
        }
    }
}

/// The bond to the first neighbour that satisfies `wanted`.
fn find(
    draft: &Draft,
    atom: usize,
    wanted: impl Fn(usize, BondOrder) -> bool,
) -> Option<(usize, usize)> {
    draft
        .adjacency
        .of(atom)
        .iter()
        .map(|link| (link.atom as usize, link.bond as usize))
        .find(|(other, bond)| wanted(*other, draft.bonds[*bond].order))
}

/// `N(=O)=O` becomes `[N+](=O)[O-]`, `N=N#N` becomes `N=[N+]=[N-]`.
fn nitrogen(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0 || draft.degree(atom) < 2 {
        return;
    }
    let aromatic = std::mem::replace(&mut draft.atoms[atom].aromatic, false);
    let five = explicit_valence(draft, atom) == 5;
    draft.atoms[atom].aromatic = aromatic;
    if !five {
        return;
    }
    let found = find(draft, atom, |other, order| {
        let other = &draft.atoms[other];
        other.charge == 0
            && matches!(
                (other.atomic_number, order),
                (8, BondOrder::Double) | (7, BondOrder::Triple)
            )
    });
    if let Some((other, bond)) = found {
        let order = &mut draft.bonds[bond].order;
        *order = match order {
            BondOrder::Triple => BondOrder::Double,
            _ => BondOrder::Single,
        };
        draft.atoms[atom].charge = 1;
        draft.atoms[other].charge = -1;
    }
}

/// `C=P(=O)X` becomes `C=[P+]([O-])X`.
fn phosphorus(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0
        || draft.degree(atom) != 3
        || explicit_valence(draft, atom) != 5
    {
        return;
    }
    // The last such oxygen, as RDKit takes it.
    let oxygen = draft
        .adjacency
        .of(atom)
        .iter()
        .rev()
        .map(|link| (link.atom as usize, link.bond as usize))
        .find(|(other, bond)| {
            let neighbor = &draft.atoms[*other];
            neighbor.atomic_number == 8
                && neighbor.charge == 0
                && draft.bonds[*bond].order == BondOrder::Double
        });
    let ylide = find(draft, atom, |other, order| {
        matches!(draft.atoms[other].atomic_number, 6 | 7)
            && draft.degree(other) >= 2
            && order == BondOrder::Double
    });
    if let (Some((oxygen, bond)), Some(_)) = (oxygen, ylide) {
        draft.bonds[bond].order = BondOrder::Single;
        draft.atoms[oxygen].charge = -1;
        draft.atoms[atom].charge = 1;
    }
}

/// `Cl(=O)(=O)(=O)O` becomes `[Cl+3]([O-])([O-])([O-])O`, and its lower relatives.
fn halogen(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0
        || !matches!(explicit_valence(draft, atom), 3 | 5 | 7)
        || draft
            .bonds_of(atom)
            .any(|(other, _)| draft.atoms[other].atomic_number != 8)
    {
        return;
    }
    let links = draft.adjacency.of(atom).to_vec();
    let mut charge = 0;
    for link in links {
        let bond = &mut draft.bonds[link.bond as usize];
        if bond.order == BondOrder::Double {
            bond.order = BondOrder::Single;
            draft.atoms[link.atom as usize].charge = -1;
            charge += 1;
        }
    }
    draft.atoms[atom].charge = charge;
}

/// Single bonds from non-metals beyond their valence to metals become dative.
///
/// # Differences from the original
/// Between metals with equally many dative bonds RDKit lets its canonical ranks decide;
/// here the one with the higher index wins.
pub(crate) fn clean_up_organometallics(draft: &mut Draft) {
    if !draft.atoms.iter().any(|atom| is_metal(atom.atomic_number)) {
        return;
    }
    for atom in 0..draft.atoms.len() {
        if !exceeds_octet(draft, atom) {
            continue;
        }
        let metal = draft
            .adjacency
            .of(atom)
            .iter()
            .filter(|link| {
                draft.bonds[link.bond as usize].order == BondOrder::Single
                    && is_metal(draft.atoms[link.atom as usize].atomic_number)
            })
            .min_by_key(|link| {
                (
                    dative_bonds(draft, link.atom as usize),
                    u32::MAX - link.atom,
                )
            })
            .copied();
        if let Some(link) = metal {
            let bond = &mut draft.bonds[link.bond as usize];
            bond.order = BondOrder::Dative;
            bond.begin = atom as u32;
            bond.end = link.atom;
        }
    }
}

/// A non-metal with more bonds than the element of as many electrons allows.
fn exceeds_octet(draft: &Draft, atom: usize) -> bool {
    let number = draft.atoms[atom].atomic_number;
    if is_metal(number) || matches!(number, 0..=2 | 9 | 10) {
        return false;
    }
    let effective = i32::from(number) - draft.atoms[atom].charge;
    if effective <= 0 {
        return false;
    }
    let max = Element::of(effective.min(118) as u8).max_valence();
    max > 0 && explicit_valence(draft, atom) > max
}

fn dative_bonds(draft: &Draft, atom: usize) -> usize {
    draft
        .bonds_of(atom)
        .filter(|(_, bond)| bond.order == BondOrder::Dative)
        .count()
}
