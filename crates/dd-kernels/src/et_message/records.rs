//! A head's numbers of a group's atoms, side by side: what its inner loops read and write.

use super::plan::{Group, Sizes};
use crate::real::Real;

/// What all atoms bring.
#[derive(Clone, Copy)]
pub(crate) struct Atoms<'a, T> {
    /// Queries, keys and values, `[N, 5 F]`.
    pub(crate) projected: &'a [T],
    /// Vectors `[3, F]` of the first atom, and so on; those of two atoms stand `vectors_apart`.
    pub(crate) vectors: &'a [T],
    pub(crate) vectors_apart: usize,
}

/// Where the parts of a record come from in an atom's row of `[5 F]`.
fn projected_parts(sizes: Sizes, head: usize) -> [usize; 5] {
    let (f, c) = (sizes.features(), sizes.channels);
    let value = |part: usize| 2 * f + (head * 3 + part) * c;
    [head * c, f + head * c, value(0), value(1), value(2)]
}

impl<T: Real> Atoms<'_, T> {
    /// Copies the head's channels of the group's atoms into records.
    pub(super) fn gather(&self, sizes: Sizes, group: &Group, head: usize, records: &mut [T]) {
        let (f, c, padded) = (sizes.features(), sizes.channels, sizes.padded());
        let places = projected_parts(sizes, head);
        let records = records.chunks_exact_mut(sizes.record());
        for (record, atom) in records.zip(group.atoms.clone()) {
            let projected = &self.projected[atom * 5 * f..];
            let vectors = &self.vectors[atom * self.vectors_apart + head * c..];
            let projected = places.iter().map(|&place| &projected[place..]);
            let vectors = (0..3).map(|axis| &vectors[axis * f..]);
            for (part, source) in record
                .chunks_exact_mut(padded)
                .zip(projected.chain(vectors))
            {
                part[..c].copy_from_slice(&source[..c]);
            }
        }
    }
}

/// Gradients of the same, for the atoms of one group.
pub(super) struct AtomGradients<'a, T> {
    /// `[atoms, 5 F]`.
    pub(super) projected: &'a mut [T],
    /// `[atoms, 3, F]`.
    pub(super) vectors: &'a mut [T],
}

impl<T: Real> AtomGradients<'_, T> {
    /// Copies records back to the head's channels.
    pub(super) fn scatter(&mut self, sizes: Sizes, head: usize, records: &[T]) {
        let (f, c, padded) = (sizes.features(), sizes.channels, sizes.padded());
        let places = projected_parts(sizes, head);
        let rows =
            { self.projected.chunks_exact_mut(5 * f) }.zip(self.vectors.chunks_exact_mut(3 * f));
        for (record, (projected, vectors)) in records.chunks_exact(sizes.record()).zip(rows) {
            let mut parts = record.chunks_exact(padded).map(|part| &part[..c]);
            for (&place, part) in places.iter().zip(&mut parts) {
                projected[place..place + c].copy_from_slice(part);
            }
            for (axis, part) in parts.enumerate() {
                vectors[axis * f + head * c..][..c].copy_from_slice(part);
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
