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
struct Use {
    atom: u32,
    position: u32,
    token: BondToken,
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
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Opens or closes ring `number` at `atom`.
    pub(super) fn touch(&mut self, number: u32, atom: usize, position: usize, token: BondToken) {
        let here = Use {
            atom: atom as u32,
            position: position as u32,
            token,
        };
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

    /// The closure bonds, ordered by ring number, then by appearance, each with the
    /// positions in the text of its two ring numbers.
    pub(super) fn finish(
        mut self,
        atoms: &[AtomSpec],
        scanner: &Scanner<'_>,
    ) -> Result<Vec<ClosureBond>, SmilesError> {
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
        self.closures
            .iter()
            .map(|closure| {
                if closure.opened.atom == closure.closed.atom {
                    return Err(duplicate(closure.number, closure.closed.position, scanner));
                }
                Ok(ClosureBond {
                    bond: closure_bond(closure.opened, closure.closed, atoms),
                    number: closure.number,
                    positions: [closure.opened.position, closure.closed.position],
                })
            })
            .collect()
    }
}

/// A closure bond and where it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClosureBond {
    pub(super) bond: BondSpec,
    pub(super) number: u32,
    pub(super) positions: [u32; 2],
}

/// The error for a ring closure that repeats a bond.
pub(super) fn duplicate(number: u32, position: u32, scanner: &Scanner<'_>) -> SmilesError {
    let position = position as usize;
    scanner.error(
        SmilesErrorKind::DuplicateRing { number },
        position..position + 1,
    )
}

/// The order given at the opening wins; without one the bond runs from the closing
/// atom to the opening atom. A slash at only one end counts for the bond.
fn closure_bond(opened: Use, closed: Use, atoms: &[AtomSpec]) -> BondSpec {
    let (first, second) = if opened.token.order.is_some() {
        (opened, closed)
    } else {
        (closed, opened)
    };
    let mut bond = first
        .token
        .bond(first.atom as usize, second.atom as usize, atoms);
    if bond.direction == BondDirection::None {
        bond.direction = second.token.direction.reversed();
    }
    bond
}
