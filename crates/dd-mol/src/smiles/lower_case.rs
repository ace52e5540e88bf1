//! Aromatic elements without a lower-case symbol: their ring systems are written in a
//! Kekulé form.
//!
//! Perception finds rings such as aluminabenzene aromatic, but no reader knows `[al]`.

use crate::Molecule;
use crate::builder::MoleculeBuilder;
use crate::canon::ranks;
use crate::molecule::BondOrder;
use crate::outline::Outline;
use crate::perceive::kekule_orders_of;

/// Whether an aromatic atom has a symbol that readers know (a dummy is `*` in any case).
pub(crate) fn has_lower_case(atomic_number: u8) -> bool {
    matches!(atomic_number, 0 | 5..=8 | 14..=16 | 33 | 34 | 52)
}

/// Gives the aromatic systems of such elements a Kekulé form, the same for every order of
/// the atoms; a system without one stays as it is.
pub(crate) fn without_odd_symbols(outline: &mut Outline, molecule: &Molecule) {
    let is_odd = |atom: usize| {
        let atom = &outline.atoms[atom];
        atom.is_aromatic && !has_lower_case(atom.atomic_number)
    };
    let mut system: Vec<usize> = (0..outline.atoms.len()).filter(|&a| is_odd(a)).collect();
    if system.is_empty() {
        return;
    }
    let Some(orders) = canonical_orders(outline, molecule) else {
        return;
    };
    let mut next = 0;
    while let Some(&atom) = system.get(next) {
        next += 1;
        outline.atoms[atom].is_aromatic = false;
        for step in outline.adjacency.neighbors(atom) {
            let order = &mut outline.bonds[step.bond].order;
            if *order == BondOrder::Aromatic {
                *order = orders[step.bond];
                system.push(step.atom);
            }
        }
    }
}

/// The bond orders of the Kekulé form that the atoms have in canonical order.
fn canonical_orders(outline: &Outline, molecule: &Molecule) -> Option<Vec<BondOrder>> {
    let ranks = ranks(outline);
    let mut given = MoleculeBuilder::from(molecule);
    let rank = |atom: usize| ranks[atom] as usize;
    let mut atoms: Vec<usize> = (0..ranks.len()).collect();
    atoms.sort_unstable_by_key(|&atom| rank(atom));
    given.atoms = atoms.iter().map(|&atom| given.atoms[atom]).collect();
    for bond in &mut given.bonds {
        let ends = [rank(bond.begin), rank(bond.end)];
        // The direction of a dative bond is not a matter of order.
        if bond.order == BondOrder::Dative {
            [bond.begin, bond.end] = ends;
        } else {
            (bond.begin, bond.end) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        }
    }
    let mut bonds: Vec<usize> = (0..given.bonds.len()).collect();
    let ends = |&bond: &usize| (given.bonds[bond].begin, given.bonds[bond].end);
    bonds.sort_unstable_by_key(ends);
    given.bonds = bonds.iter().map(|&bond| given.bonds[bond]).collect();
    let sorted = kekule_orders_of(&given).ok()?;
    let mut orders = vec![BondOrder::Single; bonds.len()];
    for (bond, order) in bonds.into_iter().zip(sorted) {
        orders[bond] = order;
    }
    Some(orders)
}
