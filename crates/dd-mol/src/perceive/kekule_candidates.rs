//! Which atoms of an aromatic system need a double bond in its Kekulé form.

use super::draft::Draft;
use crate::element::{Element, is_early};
use crate::molecule::BondOrder;

/// Whether kekulisation first makes a bond single.
pub(super) fn becomes_single(draft: &Draft, bond: u32) -> bool {
    let bond = &draft.bonds[bond as usize];
    bond.aromatic
        && matches!(
            bond.order,
            BondOrder::Single | BondOrder::Double | BondOrder::Aromatic
        )
}

/// Whether the valence of an atom, with its aromatic bonds counted as single, leaves
/// room for exactly one double bond.
pub(super) fn needs_double_bond(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    let mut sum = 0;
    let mut silent = 0;
    for link in draft.adjacency.of(index) {
        if becomes_single(draft, link.bond) {
            sum += 1;
        } else {
            // A dangling aromatic bond counts as two.
            let contribution = (draft.bonds[link.bond as usize].twice_valence(index) + 1) / 2;
            sum += contribution;
            silent += i32::from(contribution == 0);
        }
    }
    sum += atom.hydrogens();
    let charge = match atom.atomic_number {
        6 => -atom.charge.abs(),
        number if is_early(number) => -atom.charge,
        _ => atom.charge,
    };
    let valences = Element::of(atom.atomic_number).valences;
    let total = atom.total_valence();
    let mut allowed = valences[0] + charge;
    for valence in &valences[1..] {
        if total <= allowed || *valence <= 0 {
            break;
        }
        allowed = valence + charge;
    }
    let degree = draft.degree(index) as i32 + atom.implicit_hydrogens - silent;
    let oxide = total == 5
        && sum == 4
        && allowed == 3
        && degree == 3
        && atom.radicals == 0
        && charge == 0
        && atom.hydrogens() == 0
        && matches!(atom.atomic_number, 7 | 15 | 33);
    if oxide {
        allowed = 5;
    }
    if degree + atom.radicals >= allowed {
        return false;
    }
    allowed == sum + 1 + atom.radicals
        || (atom.radicals == 0 && atom.no_implicit && allowed == sum + 2)
}
