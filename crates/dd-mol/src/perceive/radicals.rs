//! Unpaired electrons of atoms that may not take hydrogens.

use super::draft::Draft;

/// Assigns radical electrons where the stated bonds leave a shell open.
pub(crate) fn assign(draft: &mut Draft) {
    for index in 0..draft.atoms.len() {
        let atom = &draft.atoms[index];
        if !atom.no_implicit || atom.atomic_number == 0 {
            continue;
        }
        let element = atom.element();
        let charge = atom.charge;
        let outer = element.outer_electrons;
        draft.atoms[index].radicals = if element.valences == [-1] {
            // Nothing is known of the element's bonds; only a bare ion can tell.
            if draft.degree(index) > 0 {
                0
            } else {
                (outer - charge).max(0) % 2
            }
        } else {
            let twice: i32 = draft
                .bonds_of(index)
                .map(|(_, bond)| bond.twice_valence(index))
                .sum();
            let valence = twice / 2 + atom.explicit_hydrogens as i32;
            let shell = if atom.atomic_number <= 2 { 2 } else { 8 };
            let mut radicals = shell - outer - valence + charge;
            if radicals < 0 {
                radicals = 0;
                if element.valences.len() > 1 {
                    radicals = element
                        .valences
                        .iter()
                        .map(|v| v - valence + charge)
                        .find(|free| *free >= 0)
                        .unwrap_or(0);
                }
            }
            // An early element has no more electrons than these.
            let own = outer - valence - charge;
            if own >= 0 {
                radicals.min(own)
            } else {
                radicals
            }
        };
    }
}

/// Electrons that an atom can give to a pi system; negative when it cannot be part of
/// one (univalent elements, more than three neighbours).
pub(crate) fn pi_electrons(draft: &Draft, index: usize) -> i32 {
    let atom = &draft.atoms[index];
    let element = atom.element();
    let default = element.default_valence();
    if default <= 1 {
        return -1;
    }
    let silent = draft
        .bonds_of(index)
        .filter(|(_, bond)| bond.twice_valence(index) == 0)
        .count() as i32;
    let degree = draft.total_degree(index) - silent;
    if degree > 3 {
        return -1;
    }
    let lone = (element.outer_electrons - default - atom.charge).max(0);
    let electrons = default - degree + lone - atom.radicals;
    let unsaturation = atom.explicit_valence - draft.degree(index) as i32;
    if electrons > 1 && unsaturation > 1 {
        1
    } else {
        electrons
    }
}
