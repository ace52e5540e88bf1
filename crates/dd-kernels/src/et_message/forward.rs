//! The messages of a group of atoms, head by head, block of pairs by block of pairs.

use rayon::prelude::*;

use super::plan::{BLOCK_PAIRS, Group, Link, Plan};
use super::records::{Atoms, each_arrival};
use super::table::Filters;
use crate::cpu::block::{split_at_offsets, zeros};
use crate::cpu::vectorized;
use crate::real::Real;

/// Numbers that the inner loops take at a time.
pub(super) const LANES: usize = 8;

/// So many numbers from others that were read before: written like this, it becomes vector instructions wherever it stands.
#[inline(always)]
pub(super) fn lanes<T>(f: impl Fn(usize) -> T) -> [T; LANES] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

/// Replaces each of so many numbers by `f(lane, number)`.
#[inline(always)]
pub(super) fn replace<T: Copy>(numbers: &mut [T; LANES], f: impl Fn(usize, T) -> T) {
    let old = *numbers;
    *numbers = lanes(|l| f(l, old[l]));
}

/// The numbers of a call.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a, T> {
    pub(super) atoms: Atoms<'a, T>,
    /// `[P, K]`.
    pub(super) basis: &'a [T],
    /// `[P]`.
    pub(super) cutoffs: &'a [T],
    /// `[E, 3]`.
    pub(super) directions: &'a [T],
}

/// What arrives, `[N, 4 F]`: `m`, then `w`.
pub(super) fn forward<T: Real>(
    plan: &Plan,
    numbers: Numbers<'_, T>,
    filters: &Filters<T>,
) -> Vec<T> {
    let width = 4 * plan.sizes.features();
    let mut arrived = zeros(plan.sizes.num_atoms * width);
    let ends = plan.offsets(|group| group.atoms.end);
    split_at_offsets(&mut arrived, &ends, width)
        .into_par_iter()
        .zip(&plan.groups)
        .for_each(|(arrived, group)| send_group(plan, group, numbers, filters, arrived));
    arrived
}

fn send_group<T: Real>(
    plan: &Plan,
    group: &Group,
    numbers: Numbers<'_, T>,
    filters: &Filters<T>,
    arrived: &mut [T],
) {
    let sizes = plan.sizes;
    let num_atoms = group.atoms.len();
    let (offsets, links) = plan.links(group);
    let mut records = vec![T::ZERO; num_atoms * sizes.record()];
    let mut arrivals = vec![T::ZERO; num_atoms * sizes.arrival()];
    let mut filter = vec![T::ZERO; BLOCK_PAIRS * sizes.filters()];
    let mut weights = Vec::new();
    for head in 0..sizes.num_heads {
        numbers.atoms.gather(sizes, group, head, &mut records);
        arrivals.fill(T::ZERO);
        for pairs in blocks(group) {
            filters.of(sizes, head, pairs.clone(), numbers.basis, &mut filter, None);
            let first = pairs.start - group.pairs.start;
            let block = Block {
                padded: sizes.padded(),
                offsets: &offsets[first..=first + pairs.len()],
                links: &links,
                cutoffs: &numbers.cutoffs[pairs],
                directions: numbers.directions,
                records: &records,
                filter: &filter,
            };
            send(&block, &mut weights, &mut arrivals);
        }
        each_arrival(sizes, num_atoms, head, |row, arrival| {
            arrived[row].copy_from_slice(&arrivals[arrival]);
        });
    }
}

/// Ranges of at most [`BLOCK_PAIRS`] pairs of a group.
pub(super) fn blocks(group: &Group) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
    let pairs = group.pairs.clone();
    pairs
        .clone()
        .step_by(BLOCK_PAIRS)
        .map(move |start| start..(start + BLOCK_PAIRS).min(pairs.end))
}

/// What one head sees of a block of pairs.
pub(super) struct Block<'a, T> {
    pub(super) padded: usize,
    /// Edges of each pair among `links`.
    pub(super) offsets: &'a [usize],
    pub(super) links: &'a [Link],
    /// Of each pair.
    pub(super) cutoffs: &'a [T],
    /// Of each edge of the batch.
    pub(super) directions: &'a [T],
    /// Of each atom of the group.
    pub(super) records: &'a [T],
    /// Of each pair.
    pub(super) filter: &'a [T],
}

/// One part of a record, arrival or filter, eight channels at a time.
#[inline(always)]
pub(super) fn part<T>(x: &[T], padded: usize, number: usize) -> &[[T; LANES]] {
    x[number * padded..(number + 1) * padded].as_chunks().0
}

impl<'a, T: Real> Block<'a, T> {
    #[inline(always)]
    pub(super) fn record(&self, atom: usize) -> &'a [T] {
        &self.records[atom * 8 * self.padded..(atom + 1) * 8 * self.padded]
    }

    #[inline(always)]
    pub(super) fn filter_of(&self, pair: usize) -> &'a [T] {
        &self.filter[pair * 4 * self.padded..(pair + 1) * 4 * self.padded]
    }

    #[inline(always)]
    pub(super) fn direction(&self, edge: usize) -> [T; 3] {
        let d = &self.directions[3 * edge..3 * edge + 3];
        [d[0], d[1], d[2]]
    }
}

/// `sum of q k dk` over the head's channels.
#[inline(always)]
pub(super) fn score<T: Real>(padded: usize, target: &[T], source: &[T], filter: &[T]) -> T {
    let (q, k, dk) = (
        part(target, padded, 0),
        part(source, padded, 1),
        part(filter, padded, 0),
    );
    let mut sums = [T::ZERO; LANES];
    for ((&q, &k), &dk) in q.iter().zip(k).zip(dk) {
        replace(&mut sums, |l, sum| (q[l] * k[l]).mul_add(dk[l], sum));
    }
    sum(sums)
}

/// Sum across lanes.
#[inline(always)]
pub(super) fn sum<T: Real>([a, b, c, d, e, f, g, h]: [T; LANES]) -> T {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Cuts into parts of `padded` numbers, [`LANES`] at a time.
#[inline(always)]
pub(super) fn split_parts<T, const N: usize>(
    mut x: &mut [T],
    padded: usize,
) -> [&mut [[T; LANES]]; N] {
    std::array::from_fn(|_| {
        let (part, rest) = std::mem::take(&mut x).split_at_mut(padded);
        x = rest;
        part.as_chunks_mut().0
    })
}

vectorized! {
    /// Sends along the edges of a block's pairs; `weights` has room for them.
    fn send<T: Real>(block: &Block<'_, T>, weights: &mut Vec<T>, arrivals: &mut [T]) {
        let padded = block.padded;
        // All scores first: their activation then is one loop over them.
        weights.clear();
        for (pair, edges) in block.offsets.windows(2).enumerate() {
            let filter = block.filter_of(pair);
            for link in &block.links[edges[0]..edges[1]] {
                let (target, source) = (block.record(link.target), block.record(link.source));
                weights.push(score(padded, target, source, filter));
            }
        }
        for weight in weights.iter_mut() {
            *weight *= weight.sigmoid();
        }
        let first = block.offsets[0];
        for (pair, &cutoff) in block.cutoffs.iter().enumerate() {
            let filter = block.filter_of(pair);
            let [ds, da, db] = [1, 2, 3].map(|i| part(filter, padded, i));
            let edges = block.offsets[pair]..block.offsets[pair + 1];
            let weights = &weights[edges.start - first..edges.end - first];
            for (link, &weight) in block.links[edges].iter().zip(weights) {
                let source = block.record(link.source);
                let attention = weight * cutoff;
                let d = block.direction(link.edge);
                let [s, a, b] = [2, 3, 4].map(|i| part(source, padded, i));
                let [vx, vy, vz] = [5, 6, 7].map(|i| part(source, padded, i));
                let arrival = &mut arrivals[link.target * 4 * padded..];
                let [m, wx, wy, wz] = split_parts(arrival, padded);
                for i in 0..padded / LANES {
                    let [s, a, b, ds, da, db] = [s[i], a[i], b[i], ds[i], da[i], db[i]];
                    let [vx, vy, vz] = [vx[i], vy[i], vz[i]];
                    let carried = lanes(|l| a[l] * da[l]);
                    let created = lanes(|l| b[l] * db[l]);
                    replace(&mut m[i], |l, m| attention.mul_add(s[l] * ds[l], m));
                    replace(&mut wx[i], |l, w| w + vx[l].mul_add(carried[l], d[0] * created[l]));
                    replace(&mut wy[i], |l, w| w + vy[l].mul_add(carried[l], d[1] * created[l]));
                    replace(&mut wz[i], |l, w| w + vz[l].mul_add(carried[l], d[2] * created[l]));
                }
            }
        }
    }
}
