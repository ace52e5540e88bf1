//! Ring closures: numbers opened, numbers closed, and the bonds they make.

use super::error::{SmilesError, SmilesErrorKind};
use super::scanner::Scanner;
use crate::builder::{AtomSpec, BondDirection, BondSpec};
use crate::molecule::BondOrder;

/// A bond symbol; without an order the atoms decide between single and aromatic.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BondToken {
    pub(super) order: Option<BondOrder>,
    pub(super) direction: BondDirection,
    /// `<-`: the bond runs from the later atom to the earlier one.
    pub(super) reversed: bool,
}

impl BondToken {
    /// The bond between `begin` and `end`, in the direction of the text.
    pub(super) fn bond(self, begin: usize, end: usize, atoms: &[AtomSpec]) -> BondSpec {
        let both_aromatic = atoms[begin].is_aromatic && atoms[end].is_aromatic;
        let order = self.order.unwrap_or(if both_aromatic {
            BondOrder::Aromatic
        } else {
            BondOrder::Single
        });
        let (begin, end) = if self.reversed {
            (end, begin)
        } else {
            (begin, end)
        };
        BondSpec {
            direction: self.direction,
            ..BondSpec::new(begin, end, order)
        }
    }
}

/// One use of a ring number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    /// How many uses stand before it in the text.
    pub(super) index: u32,
    pub(super) atom: u32,
    /// Byte position in the text.
    pub(super) position: u32,
    pub(super) token: BondToken,
}

/// A pair of uses.
#[derive(Debug, Clone, Copy)]
struct Closure {
    number: u32,
    opened: Use,
    closed: Use,
}

/// All ring numbers of one SMILES.
#[derive(Debug, Default)]
pub(super) struct Closures {
    open: Vec<Option<Use>>,
    closures: Vec<Closure>,
}

impl Closures {
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.closures.clear();
    }

    /// Opens or closes ring `number`.
    pub(super) fn touch(&mut self, number: u32, here: Use) {
        let slot = number as usize;
        if self.open.len() <= slot {
            self.open.resize(slot + 1, None);
        }
        match self.open[slot].take() {
            None => self.open[slot] = Some(here),
            Some(opened) => self.closures.push(Closure {
                number,
                opened,
                closed: here,
            }),
        }
    }

    /// Checks that all rings are closed, and puts them in the order of their numbers, then
    /// of appearance.
    pub(super) fn finish(&mut self, scanner: &Scanner<'_>) -> Result<(), SmilesError> {
        if let Some(number) = self.open.iter().position(Option::is_some) {
            let position = self.open[number].map_or(0, |u| u.position as usize);
            return Err(scanner.error(
                SmilesErrorKind::UnclosedRing {
                    number: number as u32,
                },
                position..position + 1,
            ));
        }
        self.closures.sort_by_key(|closure| closure.number);
        let mut closures = self.closures.iter();
        match closures.position(|closure| closure.opened.atom == closure.closed.atom) {
            Some(at) => Err(self.duplicate(at, scanner)),
            None => Ok(()),
        }
    }

    /// Number of closed rings.
    pub(super) fn len(&self) -> usize {
        self.closures.len()
    }

    /// The bond of a closed ring, and the indices of the two uses of its number.
    pub(super) fn bond(&self, at: usize, atoms: &[AtomSpec]) -> (BondSpec, [u32; 2]) {
        let Closure { opened, closed, .. } = self.closures[at];
        (
            closure_bond(opened, closed, atoms),
            [opened.index, closed.index],
        )
    }

    /// The error for a ring closure that repeats a bond.
    pub(super) fn duplicate(&self, at: usize, scanner: &Scanner<'_>) -> SmilesError {
        let Closure { number, closed, .. } = self.closures[at];
        let position = closed.position as usize;
        scanner.error(
            SmilesErrorKind::DuplicateRing { number },
            position..position + 1,
        )
    }
}

/// The order given at the opening wins; without one the bond runs from the closing
/// atom to the opening atom. A slash at only one end counts for the bond. A `~` leaves the
/// order to the atoms, as if nothing were written.
fn closure_bond(opened: Use, closed: Use, atoms: &[AtomSpec]) -> BondSpec {
    let (first, second) = if opened.token.order.is_some() {
        (opened, closed)
    } else {
        (closed, opened)
    };
    let token = BondToken {
        order: first
            .token
            .order
            .filter(|order| *order != BondOrder::Unspecified),
        ..first.token
    };
    let mut bond = token.bond(first.atom as usize, second.atom as usize, atoms);
    if bond.direction == BondDirection::None {
        bond.direction = second.token.direction.reversed();
    }
    bond
}

#[cfg(test)]
mod tests {
    use crate::molecule::BondOrder;
    use crate::smiles::parse;

    /// Found by fuzzing: RDKit keeps `~` in chains only.
    #[test]
    fn any_bond_at_a_ring_number_is_what_the_atoms_make_it() {
        let last = |smiles: &str| {
            let molecule = parse(smiles).expect("valid SMILES");
            let bond = molecule.bonds().last().expect("bonds");
            (bond.begin, bond.end, bond.bond.order)
        };
        assert_eq!(last("C~1CC1"), (0, 2, BondOrder::Single));
        assert_eq!(last("C1CC~1"), (2, 0, BondOrder::Single));
        assert_eq!(last("C~1CC=1"), (0, 2, BondOrder::Single));
        assert_eq!(last("C=1CC~1"), (0, 2, BondOrder::Double));
        assert_eq!(last("c~1ccccc1"), (0, 5, BondOrder::Aromatic));
        assert_eq!(last("C~C"), (0, 1, BondOrder::Unspecified));
    }
}
