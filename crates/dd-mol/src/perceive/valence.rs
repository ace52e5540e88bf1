//! The valence model: which bonds an atom may have, and the hydrogens that fill it up.
//!
//! A charged atom follows the valences of the element with as many electrons (N+ those
//! of carbon), except for negative P, S, As, Se, which keep their own higher ones.

use super::draft::{Draft, DraftAtom, DraftBond};
use crate::element::{Element, MAX_ATOMIC_NUMBER};
use crate::error::PerceptionError;

/// Updates valence and implicit hydrogens of all atoms.
pub(crate) fn update(draft: &mut Draft, strict: bool) -> Result<(), PerceptionError> {
    sum_bonds(draft);
    for atom in 0..draft.atoms.len() {
        let found = assess(&draft.atoms[atom], draft.sums[atom]);
        if strict {
            found.check(draft, atom)?;
        }
        found.store(&mut draft.atoms[atom]);
    }
    Ok(())
}

/// Updates valence and implicit hydrogens of one atom.
pub(crate) fn update_atom(
    draft: &mut Draft,
    atom: usize,
    strict: bool,
) -> Result<(), PerceptionError> {
    let found = assess(&draft.atoms[atom], bond_sum(draft, atom));
    if strict {
        found.check(draft, atom)?;
    }
    found.store(&mut draft.atoms[atom]);
    Ok(())
}

/// Updates all atoms after aromaticity; hydrogens that the valence model would no longer
/// add (pyrrole nitrogen) become explicit.
pub(crate) fn settle(draft: &mut Draft) -> Result<(), PerceptionError> {
    sum_bonds(draft);
    for index in 0..draft.atoms.len() {
        let sum = draft.sums[index];
        let atom = &mut draft.atoms[index];
        let mut found = assess(atom, sum);
        let lost = atom.implicit_hydrogens - found.implicit_hydrogens;
        if lost > 0 {
            atom.explicit_hydrogens += lost as u32;
            found = assess(atom, sum);
        }
        found.check(draft, index)?;
        found.store(&mut draft.atoms[index]);
    }
    Ok(())
}

/// What the model says of an atom.
struct Assessment {
    explicit_valence: i32,
    implicit_hydrogens: i32,
    /// The fault, if the atom is outside the model.
    fault: Option<Fault>,
}

#[derive(Clone, Copy)]
enum Fault {
    TooManyBonds,
    Charge,
}

impl Assessment {
    fn check(&self, draft: &Draft, index: usize) -> Result<(), PerceptionError> {
        let atom = &draft.atoms[index];
        match self.fault {
            None => Ok(()),
            Some(Fault::TooManyBonds) => Err(PerceptionError::Valence {
                atom: draft.input_index(index),
                symbol: atom.element().symbol,
                valence: self.explicit_valence as u32,
            }),
            Some(Fault::Charge) => Err(PerceptionError::Charge {
                atom: draft.input_index(index),
                symbol: atom.element().symbol,
                charge: atom.charge as i8,
            }),
        }
    }

    fn store(&self, atom: &mut DraftAtom) {
        atom.explicit_valence = self.explicit_valence;
        atom.implicit_hydrogens = self.implicit_hydrogens;
    }
}

fn assess(atom: &DraftAtom, sum: BondSum) -> Assessment {
    let aromatic = sum.aromatic | atom.aromatic;
    let (element, effective) = effective_element(atom);
    let explicit_valence = rounded(atom, element, sum);
    let (implicit_hydrogens, fault) =
        implicit_hydrogens(atom, element, effective, explicit_valence, aromatic);
    let exceeds = exceeds_maximum(atom, element, effective, explicit_valence);
    Assessment {
        explicit_valence,
        implicit_hydrogens,
        fault: if exceeds {
            Some(Fault::TooManyBonds)
        } else {
            fault
        },
    }
}

/// The element whose valences apply: with as many electrons, unless the element
/// itself has no preferred valence.
fn effective_element(atom: &DraftAtom) -> (&'static Element, i32) {
    let own = atom.element();
    let number = i32::from(atom.atomic_number);
    if own.default_valence() < 0 {
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

/// The bonds of one atom.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BondSum {
    /// Twice the sum of their orders.
    twice: i32,
    /// Some bond is aromatic.
    aromatic: bool,
}

impl BondSum {
    fn add(&mut self, bond: &DraftBond, atom: u32) {
        self.twice += bond.twice_valence(atom as usize);
        self.aromatic |= bond.is_aromatic();
    }
}

/// Sums the bonds of all atoms.
fn sum_bonds(draft: &mut Draft) {
    let sums = &mut draft.sums;
    sums.clear();
    sums.resize(draft.atoms.len(), BondSum::default());
    for bond in &draft.bonds {
        for atom in [bond.begin, bond.end] {
            sums[atom as usize].add(bond, atom);
        }
    }
}

fn bond_sum(draft: &Draft, index: usize) -> BondSum {
    let mut sum = BondSum::default();
    for (_, bond) in draft.bonds_of(index) {
        sum.add(bond, index as u32);
    }
    sum
}

/// Sum of bond orders and explicit hydrogens, rounded up; an aromatic atom within 1.5
/// of an allowed valence takes that.
pub(crate) fn explicit_valence(draft: &Draft, index: usize) -> i32 {
    let atom = &draft.atoms[index];
    let (element, _) = effective_element(atom);
    rounded(atom, element, bond_sum(draft, index))
}

fn rounded(atom: &DraftAtom, element: &Element, sum: BondSum) -> i32 {
    let aromatic = sum.aromatic | atom.aromatic;
    let mut twice = sum.twice + 2 * atom.explicit_hydrogens as i32;
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

fn exceeds_maximum(atom: &DraftAtom, element: &Element, effective: i32, valence: i32) -> bool {
    if atom.explicit_hydrogens > u32::from(u8::MAX) {
        return true;
    }
    let own_max = atom.element().max_valence();
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
    max >= 0 && own_max >= 0 && valence + offset > max
}

/// Hydrogens that fill the lowest valence which holds the bonds and radicals, and what is
/// wrong where there is none.
fn implicit_hydrogens(
    atom: &DraftAtom,
    element: &Element,
    effective: i32,
    explicit_valence: i32,
    aromatic: bool,
) -> (i32, Option<Fault>) {
    if atom.no_implicit || atom.atomic_number == 0 {
        return (0, None);
    }
    if atom.atomic_number == 1 && explicit_valence == 0 && atom.radicals == 0 {
        return match atom.charge {
            0 => (1, None),
            charge if charge.abs() > 1 => (0, Some(Fault::Charge)),
            _ => (0, None),
        };
    }
    let default = element.default_valence();
    if effective == 0 || default < 0 {
        return (0, None);
    }
    let mut occupied = explicit_valence + atom.radicals;
    let mut valences = element.valences;
    if can_be_hypervalent(atom, effective) {
        valences = atom.element().valences;
        occupied -= atom.charge;
    }
    if aromatic {
        if occupied <= default {
            return (default - occupied, None);
        }
        let mut bounded = valences.iter().take_while(|v| **v > 0);
        let satisfied = bounded.any(|v| *v == occupied);
        return (0, (!satisfied).then_some(Fault::TooManyBonds));
    }
    let mut bounded = valences.iter().take_while(|v| **v >= 0);
    if let Some(valence) = bounded.find(|v| occupied <= **v) {
        return (valence - occupied, None);
    }
    let closed = valences[valences.len() - 1] >= 0 && atom.element().max_valence() > 0;
    (0, closed.then_some(Fault::TooManyBonds))
}
