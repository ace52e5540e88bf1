//! Division of an output into parts that threads fill independently.

use rayon::prelude::*;

use super::vectorized;
use crate::real::Real;

/// Elements of one block: small enough to stay in the second-level cache, large enough to hide the cost of a task.
const BLOCK_ELEMENTS: usize = 8192;

/// Number of rows of `width` elements in a block; depends on nothing else.
pub(crate) fn rows_per_block(width: usize) -> usize {
    (BLOCK_ELEMENTS / width.max(1)).max(1)
}

/// Zeros that all threads write: a large tensor is not worth waiting for one of them.
pub(crate) fn zeros<T: Real>(len: usize) -> Vec<T> {
    let zeros = rayon::iter::repeat_n(T::ZERO, len);
    zeros.with_min_len(8 * BLOCK_ELEMENTS).collect()
}

/// Fills `out`, rows of `width` elements, in parallel: `f(row, elements)` for each row.
pub(crate) fn fill_rows<T: Send>(out: &mut [T], width: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    if out.is_empty() {
        return;
    }
    let block = rows_per_block(width);
    out.par_chunks_mut(block * width)
        .enumerate()
        .for_each(|(number, rows)| {
            for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                f(number * block + i, row);
            }
        });
}

/// Fills `out` element by element from `x` in parallel. `f` must be `#[inline(always)]`.
pub(crate) fn map<T: Real>(x: &[T], out: &mut [T], f: impl Fn(T) -> T + Sync + Copy) {
    let blocks = out
        .par_chunks_mut(BLOCK_ELEMENTS)
        .zip(x.par_chunks(BLOCK_ELEMENTS));
    blocks.for_each(|(out, x)| map_block(x, out, f));
}

/// Fills `out` element by element from `x` and `y` in parallel. `f` must be `#[inline(always)]`.
pub(crate) fn map2<T: Real>(x: &[T], y: &[T], out: &mut [T], f: impl Fn(T, T) -> T + Sync + Copy) {
    let blocks = out
        .par_chunks_mut(BLOCK_ELEMENTS)
        .zip(x.par_chunks(BLOCK_ELEMENTS));
    blocks
        .zip(y.par_chunks(BLOCK_ELEMENTS))
        .for_each(|((out, x), y)| map2_block(x, y, out, f));
}

vectorized! {
    fn map_block<T: Real>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    }
}

vectorized! {
    fn map2_block<T: Real>(x: &[T], y: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out = f(x, y);
        }
    }
}

/// Cuts `rows` (of `width` elements) at the given row offsets: part `i` holds rows `offsets[i]..offsets[i + 1]`.
pub(crate) fn split_at_offsets<'a, T>(
    mut rows: &'a mut [T],
    offsets: &[u32],
    width: usize,
) -> Vec<&'a mut [T]> {
    let mut parts = Vec::with_capacity(offsets.len().saturating_sub(1));
    for pair in offsets.windows(2) {
        let (part, rest) = rows.split_at_mut((pair[1] - pair[0]) as usize * width);
        parts.push(part);
        rows = rest;
    }
    parts
}
