//! What an atom shows of itself, and its bonds.

use std::cmp::Reverse;

use crate::molecule::{BondOrder, BondStereo, ChiralTag};
use crate::perceive::draft::{Draft, DraftBond};

/// Class number, degree, element, isotope, hydrogens, charge, and whether chiral.
pub(super) type Invariant = [u32; 7];

pub(super) fn invariants(draft: &Draft) -> Vec<Invariant> {
    let of = |(index, atom): (usize, &crate::perceive::draft::DraftAtom)| {
        [
            atom.atom_map,
            draft.degree(index) as u32,
            u32::from(atom.atomic_number),
            u32::from(atom.isotope),
            atom.hydrogens() as u32,
            // RDKit compares charges without their sign: anions come after cations.
            atom.charge as u32,
            u32::from(atom.tag != ChiralTag::Unspecified),
        ]
    };
    draft.atoms.iter().enumerate().map(of).collect()
}

/// A bond as seen from one of its atoms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    label: (u8, bool),
    pub(super) atom: u32,
    /// Class of the other atom, as of the last comparison.
    pub(super) class: u32,
}

impl Step {
    pub(super) fn key(&self) -> ((u8, bool), u32) {
        (self.label, self.class)
    }
}

pub(super) fn steps(draft: &Draft) -> Vec<Vec<Step>> {
    let step = |link: &crate::perceive::draft::Link| Step {
        label: label(&draft.bonds[link.bond as usize]),
        atom: link.atom,
        class: 0,
    };
    (0..draft.atoms.len())
        .map(|atom| {
            let mut steps: Vec<Step> = draft.adjacency.of(atom).iter().map(step).collect();
            steps.sort_by_key(|step| Reverse(step.key()));
            steps
        })
        .collect()
}

/// Kinds of bonds in RDKit's order, and whether the geometry is marked as unknown.
fn label(bond: &DraftBond) -> (u8, bool) {
    let order = if bond.is_aromatic() {
        BondOrder::Aromatic
    } else {
        bond.order
    };
    let rank = match order {
        BondOrder::Unspecified => 0,
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 5,
        BondOrder::Dative => 6,
        BondOrder::Zero => 7,
    };
    (rank, bond.stereo == BondStereo::Any)
}
