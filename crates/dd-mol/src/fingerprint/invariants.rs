//! What RDKit hashes of an atom and a bond, and how.

use crate::element::Element;
use crate::molecule::{BondOrder, Molecule};
use crate::properties::atom_mass;

/// Takes `value` into a hash, as the 32-bit `boost::hash_combine` does.
pub(super) fn combine(hash: u32, value: u32) -> u32 {
    let mixed = value
        .wrapping_add(0x9e37_79b9)
        .wrapping_add(hash << 6)
        .wrapping_add(hash >> 2);
    hash ^ mixed
}

/// The hash of an atom without its neighbours.
pub(super) fn atom_invariant(molecule: &Molecule, index: usize) -> u32 {
    let atom = molecule.atom(index);
    let natural = Element::of(atom.atomic_number).weight;
    let excess_mass = atom_mass(atom, |element| element.weight) - natural;
    let ring = atom.in_ring.then_some(1);
    [
        u32::from(atom.atomic_number),
        molecule.total_degree(index) as u32,
        molecule.total_hydrogens(index) as u32,
        i32::from(atom.formal_charge) as u32,
        // Whole daltons, as in RDKit: carbon-13, 0.99 above the standard weight, counts 0.
        excess_mass as i32 as u32,
    ]
    .into_iter()
    .chain(ring)
    .fold(0, combine)
}

/// RDKit's number of the bond type.
pub(super) fn bond_invariant(order: BondOrder) -> u32 {
    match order {
        BondOrder::Unspecified => 0,
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 12,
        BondOrder::Dative => 17,
        BondOrder::Zero => 21,
    }
}
