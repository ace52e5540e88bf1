//! The messages of a group of atoms, head by head, block of edges by block of edges.

use rayon::prelude::*;

use super::lanes::{Lanes, WIDTH};
use super::plan::{BLOCK_EDGES, Ends, Plan, Sizes};
use crate::cpu::block::split_at_offsets;
use crate::cpu::matmul::{View, matmul};
use crate::cpu::vectorized;
use crate::real::Real;

/// What arrives, `[N, 4 F]`: `m`, then `w`.
pub(super) fn forward<T: Real>(plan: &Plan, atoms: &[T], edges: &[T], filters: &[T]) -> Vec<T> {
    let sizes = plan.sizes;
    let mut arrived = vec![T::ZERO; sizes.num_atoms * 4 * sizes.features()];
    let parts = split_at_offsets(&mut arrived, &plan.atom_offsets(), 4 * sizes.features());
    parts
        .into_par_iter()
        .zip(&plan.groups)
        .for_each(|(arrived, group)| {
            let atoms = &atoms[group.atoms.start * sizes.atom_width()..];
            let edges = &edges[group.edges.start * sizes.edge_width()..];
            let ends = plan.ends(group);
            let mut filter = vec![T::ZERO; BLOCK_EDGES * sizes.filters()];
            for (block, ends) in ends.chunks(BLOCK_EDGES).enumerate() {
                let edges = &edges[block * BLOCK_EDGES * sizes.edge_width()..];
                for head in 0..sizes.num_heads {
                    filters_before_activation(sizes, head, edges, filters, ends.len(), &mut filter);
                    send(sizes, head, ends, atoms, edges, &mut filter, arrived);
                }
            }
        });
    arrived
}

vectorized! {
    /// Activates the filters of one head for a block of edges and sends the messages.
    fn send<T: Real>(
        sizes: Sizes,
        head: usize,
        ends: &[Ends],
        atoms: &[T],
        edges: &[T],
        filter: &mut [T],
        arrived: &mut [T],
    ) {
        for x in &mut filter[..ends.len() * sizes.filters()] {
            *x *= x.sigmoid();
        }
        for (number, &ends) in ends.iter().enumerate() {
            let edge = Edge::new(sizes, head, ends, number, atoms, edges, filter);
            edge.send(&mut arrived[ends.target * 4 * sizes.features()..]);
        }
    }
}

/// `W e + b` of one head for a block of edges, `[edges, filters per head]`.
pub(super) fn filters_before_activation<T: Real>(
    sizes: Sizes,
    head: usize,
    edges: &[T],
    filters: &[T],
    num_edges: usize,
    out: &mut [T],
) {
    let (rows, columns) = (sizes.filters(), sizes.basis_size + 1);
    if rows > 0 {
        let weight = View::rows(&filters[head * rows * columns..], columns);
        matmul(
            out,
            [num_edges, columns, rows],
            View::rows(edges, sizes.edge_width()),
            weight.t(),
            false,
        );
    }
}

/// What one head sees of one edge. Slices hold the head's channels, or more.
pub(super) struct Edge<'a, T> {
    pub(super) sizes: Sizes,
    head: usize,
    pub(super) query: &'a [T],
    pub(super) key: &'a [T],
    pub(super) value: &'a [T],
    pub(super) vector: [&'a [T]; 3],
    pub(super) filter: &'a [T],
    pub(super) cutoff: T,
    pub(super) direction: [T; 3],
}

impl<'a, T: Real> Edge<'a, T> {
    /// Edge `number` of a block whose edge rows begin with `edges` and whose filters with `filter`.
    #[inline(always)]
    pub(super) fn new(
        sizes: Sizes,
        head: usize,
        ends: Ends,
        number: usize,
        atoms: &'a [T],
        edges: &'a [T],
        filter: &'a [T],
    ) -> Self {
        let [query, key, value] = sizes.atom_columns(head);
        let source = &atoms[ends.source * sizes.atom_width()..];
        let geometry = &edges[number * sizes.edge_width() + sizes.basis_size + 1..];
        Self {
            sizes,
            head,
            query: &atoms[ends.target * sizes.atom_width() + query..],
            key: &source[key..],
            value: &source[value..],
            vector: sizes.vector_columns(head).map(|column| &source[column..]),
            filter: &filter[number * sizes.filters()..],
            cutoff: geometry[0],
            direction: [geometry[1], geometry[2], geometry[3]],
        }
    }

    /// Ranges of at most [`WIDTH`] channels.
    #[inline(always)]
    pub(super) fn channels(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<T> {
        let channels = self.sizes.channels;
        (0..channels)
            .step_by(WIDTH)
            .map(move |start| start..(start + WIDTH).min(channels))
    }

    /// `dk`.
    #[inline(always)]
    pub(super) fn key_filter(&self, channels: std::ops::Range<usize>) -> Lanes<T> {
        if self.sizes.has_key_filter {
            Lanes::load(&self.filter[channels])
        } else {
            Lanes::splat(T::ONE)
        }
    }

    /// `dv` of `s` (part 0), `a` (1) or `b` (2).
    #[inline(always)]
    pub(super) fn value_filter(&self, part: usize, channels: std::ops::Range<usize>) -> Lanes<T> {
        if self.sizes.has_value_filter {
            Lanes::load(&self.filter[self.sizes.value_filters()..][self.part(part, channels)])
        } else {
            Lanes::splat(T::ONE)
        }
    }

    /// `u` of `s` (part 0), `a` (1) or `b` (2).
    #[inline(always)]
    pub(super) fn value_part(&self, part: usize, channels: std::ops::Range<usize>) -> Lanes<T> {
        Lanes::load(&self.value[self.part(part, channels)])
    }

    /// Channels of a part among `(s, a, b)`.
    #[inline(always)]
    pub(super) fn part(
        &self,
        part: usize,
        channels: std::ops::Range<usize>,
    ) -> std::ops::Range<usize> {
        let start = part * self.sizes.channels;
        start + channels.start..start + channels.end
    }

    /// `sum of q k dk` over the head's channels.
    #[inline(always)]
    pub(super) fn score(&self) -> T {
        let mut score = Lanes::splat(T::ZERO);
        for c in self.channels() {
            let qk = Lanes::load(&self.query[c.clone()]) * Lanes::load(&self.key[c.clone()]);
            score = qk.mul_add(self.key_filter(c), score);
        }
        score.sum()
    }

    /// Adds the messages to the target's row.
    #[inline(always)]
    fn send(&self, arrived: &mut [T]) {
        let score = self.score();
        let attention = Lanes::splat(score * score.sigmoid() * self.cutoff);
        let columns = self.sizes.arrived_columns(self.head);
        for c in self.channels() {
            let [s, a, b] = [0, 1, 2]
                .map(|part| self.value_part(part, c.clone()) * self.value_filter(part, c.clone()));
            let at = |column: usize| column + c.start..column + c.end;
            (attention * s).add_to(&mut arrived[at(columns[0])]);
            for axis in 0..3 {
                let carried = Lanes::load(&self.vector[axis][c.clone()]) * a;
                let message = Lanes::splat(self.direction[axis]).mul_add(b, carried);
                message.add_to(&mut arrived[at(columns[axis + 1])]);
            }
        }
    }
}
