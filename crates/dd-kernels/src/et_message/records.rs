//! A head's numbers of a group's atoms, side by side: what its inner loops read and write.

use super::plan::{Group, Sizes};
use crate::real::Real;

/// Queries, keys, values and vectors of all atoms.
#[derive(Clone, Copy)]
pub(super) struct Atoms<'a, T> {
    pub(super) queries: &'a [T],
    pub(super) keys: &'a [T],
    pub(super) values: &'a [T],
    pub(super) vectors: &'a [T],
}

impl<T: Real> Atoms<'_, T> {
    /// Copies the head's channels of the group's atoms into records.
    pub(super) fn gather(&self, sizes: Sizes, group: &Group, head: usize, records: &mut [T]) {
        let (f, c, padded) = (sizes.features(), sizes.channels, sizes.padded());
        let records = records.chunks_exact_mut(sizes.record());
        for (record, atom) in records.zip(group.atoms.clone()) {
            let sources = [
                &self.queries[atom * f + head * c..],
                &self.keys[atom * f + head * c..],
                &self.values[(atom * 3 * f) + head * 3 * c..],
                &self.values[(atom * 3 * f) + (head * 3 + 1) * c..],
                &self.values[(atom * 3 * f) + (head * 3 + 2) * c..],
                &self.vectors[(atom * 3) * f + head * c..],
                &self.vectors[(atom * 3 + 1) * f + head * c..],
                &self.vectors[(atom * 3 + 2) * f + head * c..],
            ];
            for (part, source) in record.chunks_exact_mut(padded).zip(sources) {
                part[..c].copy_from_slice(&source[..c]);
            }
        }
    }
}

/// Gradients of the same, for the atoms of one group.
pub(super) struct AtomGradients<'a, T> {
    pub(super) queries: &'a mut [T],
    pub(super) keys: &'a mut [T],
    pub(super) values: &'a mut [T],
    pub(super) vectors: &'a mut [T],
}

impl<T: Real> AtomGradients<'_, T> {
    /// Copies records back to the head's channels.
    pub(super) fn scatter(&mut self, sizes: Sizes, head: usize, records: &[T]) {
        let (f, c, padded) = (sizes.features(), sizes.channels, sizes.padded());
        for (atom, record) in records.chunks_exact(sizes.record()).enumerate() {
            let mut parts = record.chunks_exact(padded).map(|part| &part[..c]);
            let mut put = |out: &mut [T], at: usize| {
                if let Some(part) = parts.next() {
                    out[at..at + c].copy_from_slice(part);
                }
            };
            put(self.queries, atom * f + head * c);
            put(self.keys, atom * f + head * c);
            for part in 0..3 {
                put(self.values, atom * 3 * f + (head * 3 + part) * c);
            }
            for axis in 0..3 {
                put(self.vectors, (atom * 3 + axis) * f + head * c);
            }
        }
    }
}

/// Copies between rows `m [F], w [3, F]` of atoms and a head's arrivals, in the direction of `copy(row, arrival)`.
pub(super) fn each_arrival(
    sizes: Sizes,
    num_atoms: usize,
    head: usize,
    mut copy: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let (f, c, padded) = (sizes.features(), sizes.channels, sizes.padded());
    for atom in 0..num_atoms {
        for part in 0..4 {
            let row = atom * 4 * f + part * f + head * c;
            let arrival = atom * sizes.arrival() + part * padded;
            copy(row..row + c, arrival..arrival + c);
        }
    }
}
