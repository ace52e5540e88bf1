//! The valence model: which bonds an atom may have, and the hydrogens that fill it up.
//!
//! A charged atom follows the valences of the element with as many electrons (N+ those
//! of carbon), except for negative P, S, As, Se, which keep their own higher ones.

use super::draft::{Draft, DraftAtom};
use crate::element::{Element, MAX_ATOMIC_NUMBER};
use crate::error::PerceptionError;

/// Updates valence and implicit hydrogens of all atoms.
pub(crate) fn update(draft: &mut Draft, strict: bool) -> Result<(), PerceptionError> {
    for atom in 0..draft.atoms.len() {
        update_atom(draft, atom, strict)?;
    }
    Ok(())
}

/// Updates valence and implicit hydrogens of one atom.
pub(crate) fn update_atom(
    draft: &mut Draft,
    atom: usize,
    strict: bool,
) -> Result<(), PerceptionError> {
    let explicit = explicit_valence(draft, atom);
    if strict {
        check_explicit(draft, atom, explicit)?;
    }
    draft.atoms[atom].explicit_valence = explicit;
    draft.atoms[atom].implicit_hydrogens = implicit_hydrogens(draft, atom, strict)?;
    Ok(())
}

/// The element whose valences apply: with as many electrons, unless the element
/// itself has no preferred valence.
fn effective_element(atom: &DraftAtom) -> (&'static Element, i32) {
    let own = atom.element();
    let number = i32::from(atom.atomic_number);
    if own.valences == [-1] {
        return (own, number);
    }
    let effective = (number - atom.charge).clamp(0, i32::from(MAX_ATOMIC_NUMBER));
    (Element::of(effective as u8), effective)
}

/// Negative P, S, As and Se keep their higher valences although the halogen or noble
/// gas with as many electrons has none.
fn can_be_hypervalent(atom: &DraftAtom, effective: i32) -> bool {
    (effective > 16 && matches!(atom.atomic_number, 15 | 16))
        || (effective > 34 && matches!(atom.atomic_number, 33 | 34))
}

/// Sum of bond orders and explicit hydrogens, rounded up; an aromatic atom within 1.5
/// of an allowed valence takes that.
pub(crate) fn explicit_valence(draft: &Draft, index: usize) -> i32 {
    let atom = &draft.atoms[index];
    let mut twice = 2 * atom.explicit_hydrogens as i32;
    let mut aromatic = atom.aromatic;
    for (_, bond) in draft.bonds_of(index) {
        twice += bond.twice_valence(index);
        aromatic |= bond.is_aromatic();
    }
    let (element, _) = effective_element(atom);
    let default = element.default_valence();
    if aromatic && default >= 0 && twice > 2 * default {
        let nearest = element
            .valences
            .iter()
            .take_while(|v| **v >= 0 && 2 * **v <= twice)
            .last()
            .copied()
            .unwrap_or(default);
        if twice - 2 * nearest <= 3 {
            twice = 2 * nearest;
        }
    }
    (twice + 1) / 2
}

fn check_explicit(draft: &Draft, index: usize, valence: i32) -> Result<(), PerceptionError> {
    let atom = &draft.atoms[index];
    if atom.explicit_hydrogens > u32::from(u8::MAX) {
        return Err(too_many(draft, index, valence));
    }
    let own_max = atom.element().max_valence();
    let (element, effective) = effective_element(atom);
    let mut max = element.max_valence();
    let mut offset = 0;
    if can_be_hypervalent(atom, effective) {
        max = own_max;
        offset = -atom.charge;
    }
    if atom.atomic_number == 1 && atom.charge == -1 {
        // A hydride may bridge two atoms.
        max = 2;
    }
    if max >= 0 && own_max >= 0 && valence + offset > max {
        return Err(too_many(draft, index, valence));
    }
    Ok(())
}

fn too_many(draft: &Draft, index: usize, valence: i32) -> PerceptionError {
    PerceptionError::Valence {
        atom: draft.input_index(index),
        symbol: draft.atoms[index].element().symbol,
        valence: valence as u32,
    }
}

/// Hydrogens that fill the lowest valence which holds the bonds and radicals.
fn implicit_hydrogens(draft: &Draft, index: usize, strict: bool) -> Result<i32, PerceptionError> {
    let atom = &draft.atoms[index];
    if atom.no_implicit || atom.atomic_number == 0 {
        return Ok(0);
    }
    if atom.atomic_number == 1 && atom.explicit_valence == 0 && atom.radicals == 0 {
        return match atom.charge {
            0 => Ok(1),
            charge if strict && charge.abs() > 1 => Err(PerceptionError::Charge {
                atom: draft.input_index(index),
                symbol: "H",
                charge: charge as i8,
            }),
            _ => Ok(0),
        };
    }
    let (element, effective) = effective_element(atom);
    let default = element.default_valence();
    if effective == 0 || default < 0 {
        return Ok(0);
    }
    let own = atom.element();
    let mut occupied = atom.explicit_valence + atom.radicals;
    let mut valences = element.valences;
    if can_be_hypervalent(atom, effective) {
        valences = own.valences;
        occupied -= atom.charge;
    }
    let closed = || valences[valences.len() - 1] >= 0;
    if draft.is_aromatic_atom(index) {
        if occupied <= default {
            return Ok(default - occupied);
        }
        let satisfied = valences
            .iter()
            .take_while(|v| **v > 0)
            .any(|v| *v == occupied);
        if strict && !satisfied {
            return Err(too_many(draft, index, atom.explicit_valence));
        }
        return Ok(0);
    }
    match valences
        .iter()
        .take_while(|v| **v >= 0)
        .find(|v| occupied <= **v)
    {
        Some(valence) => Ok(valence - occupied),
        None if strict && closed() && own.max_valence() > 0 => {
            Err(too_many(draft, index, atom.explicit_valence))
        }
        None => Ok(0),
    }
}
