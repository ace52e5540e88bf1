//! Ring numbers while a SMILES is written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The ring numbers in use: the lowest free one is taken, and free again after the atom
/// that closes it.
#[derive(Debug)]
pub(super) struct Digits {
    /// Number of each ring bond, once it is open.
    of_bond: Vec<u32>,
    /// Ring bonds in the order in which they were closed.
    closed: Vec<u32>,
    free: BinaryHeap<Reverse<u32>>,
    released: Vec<u32>,
    highest: u32,
}

impl Digits {
    pub(super) fn new(num_bonds: usize) -> Self {
        Self {
            of_bond: vec![0; num_bonds],
            closed: Vec::new(),
            free: BinaryHeap::new(),
            released: Vec::new(),
            highest: 0,
        }
    }

    pub(super) fn open(&mut self, bond: u32) -> u32 {
        let number = if let Some(Reverse(number)) = self.free.pop() {
            number
        } else {
            self.highest += 1;
            self.highest
        };
        self.of_bond[bond as usize] = number;
        number
    }

    pub(super) fn close(&mut self, bond: u32) -> u32 {
        let number = self.of_bond[bond as usize];
        self.released.push(number);
        self.closed.push(bond);
        number
    }

    pub(super) fn release(&mut self) {
        self.free.extend(self.released.drain(..).map(Reverse));
    }

    /// The ring bonds in the order in which a reader finds them: by number, then by place.
    pub(super) fn in_reading_order(&self) -> Vec<u32> {
        let mut bonds = self.closed.clone();
        bonds.sort_by_key(|&bond| self.of_bond[bond as usize]);
        bonds
    }
}
