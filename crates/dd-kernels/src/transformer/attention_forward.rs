//! The forward pass of attention with its norm, projections and residual, a few whole segments after another.
//!
//! All that lies between a group's rows and its result stays in the cache, unless the backward pass wants to see it again.

use std::ops::Range;

use rayon::prelude::*;

use super::attention_block::{Attend, Layers};
use super::{NORM_EPSILON, add, scale, scale_rows};
use crate::cpu::block::{split_at_offsets, zeros};
use crate::cpu::dense::{DenseForward, rows_per_task};
use crate::operation::Outcome;
use crate::real::Real;
use crate::{Segments, layer_norm};

/// The layers, and the rows that they are applied to.
struct Call<'a, T> {
    x: &'a [T],
    norm: [&'a [T]; 2],
    query: DenseForward<'a, T>,
    key: DenseForward<'a, T>,
    value: DenseForward<'a, T>,
    output: DenseForward<'a, T>,
}

impl Attend {
    /// The result; queries, keys, values and the heads' results are kept for a backward pass.
    pub(super) fn forward_in_groups<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let Layers {
            query,
            key,
            value,
            output,
        } = self.layers(inputs);
        let call = Call {
            x: inputs[0],
            norm: [inputs[1], inputs[2]],
            query: query.forward_pass(),
            key: key.forward_pass(),
            value: value.forward_pass(),
            output: output.forward_pass(),
        };
        let groups = groups(&self.segments);
        let cut = |rows, of: &Segments| split_at_offsets(rows, &offsets(&groups, of), self.width);
        let [all, read] = [&self.segments, self.reading()].map(|of| of.num_rows() * self.width);
        let mut y = zeros(read);
        let mut kept = Vec::new();
        if self.differentiable {
            kept.extend([read, all, all, read].map(zeros));
        }
        let rooms: Vec<_> = match &mut kept[..] {
            [q, k, v, message] => {
                let [q, message] = [q, message].map(|rows| cut(rows, self.reading()));
                let [k, v] = [k, v].map(|rows| cut(rows, &self.segments));
                let rooms = q.into_iter().zip(k).zip(v).zip(message);
                rooms
                    .map(|(((q, k), v), message)| Some([q, k, v, message]))
                    .collect()
            }
            _ => groups.iter().map(|_| None).collect(),
        };
        let parts = cut(&mut y, self.reading()).into_par_iter();
        parts
            .zip(rooms)
            .zip(&groups)
            .for_each(|((y, room), group)| self.forward_group(&call, group, room, y));
        Outcome { output: y, kept }
    }

    fn forward_group<T: Real>(
        &self,
        call: &Call<'_, T>,
        group: &Range<usize>,
        room: Option<[&mut [T]; 4]>,
        y: &mut [T],
    ) {
        let (width, reading) = (self.width, self.reading());
        let x = rows_of(call.x, &self.segments, group, width);
        let mut h = vec![T::ZERO; x.len()];
        let ([weight, bias], epsilon) = (call.norm, T::from_f64(NORM_EPSILON));
        layer_norm::normalize_rows(x, weight, bias, epsilon, &mut h);
        let mut own;
        let [q, k, v, message] = match room {
            Some(room) => room,
            None => {
                own = [y.len(), x.len(), x.len(), y.len()].map(|len| vec![T::ZERO; len]);
                own.each_mut().map(|rows| &mut rows[..])
            }
        };
        call.query.all(&self.rows_that_read(&h, group), q);
        scale(q, self.query_scale());
        call.key.all(&h, k);
        call.value.all(&h, v);
        let [first, first_reader] = [&self.segments, reading].map(|of| of.range(group.start).start);
        let heads = self.heads();
        for segment in group.clone() {
            let of_group = |range: Range<usize>, first: usize| {
                (range.start - first) * width..(range.end - first) * width
            };
            let rows = of_group(self.segments.range(segment), first);
            let readers = of_group(reading.range(segment), first_reader);
            let message = &mut message[readers.clone()];
            heads.forward_segment(segment, &q[readers], [&k[rows.clone()], &v[rows]], message);
        }
        call.output.all(message, y);
        scale_rows(y, width, first_reader, reading, self.factors.as_deref());
        add(y, &self.rows_that_read(x, group));
    }
}

/// Runs of whole segments with about as many rows as one task takes: a function of the segments alone.
fn groups(segments: &Segments) -> Vec<Range<usize>> {
    let most = rows_per_task(segments.num_rows());
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut rows = 0;
    for (segment, length) in segments.lengths().enumerate() {
        match groups.last_mut() {
            Some(group) if rows + length <= most => group.end += 1,
            _ => {
                groups.push(segment..segment + 1);
                rows = 0;
            }
        }
        rows += length;
    }
    groups
}

/// Where the rows of groups begin, and where the last one ends.
fn offsets(groups: &[Range<usize>], segments: &Segments) -> Vec<u32> {
    let ends = groups.iter().map(|group| group.end);
    let bounds = std::iter::once(0).chain(ends);
    bounds.map(|segment| segments.offsets()[segment]).collect()
}

/// A group's rows of all rows.
fn rows_of<'x, T>(x: &'x [T], segments: &Segments, group: &Range<usize>, width: usize) -> &'x [T] {
    let offsets = segments.offsets();
    let [start, end] = [group.start, group.end].map(|segment| offsets[segment] as usize);
    &x[start * width..end * width]
}
