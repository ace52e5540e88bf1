//! Products of matrices that are rounded to bf16, summed in float32.
//!
//! Processors with AVX-512 BF16 multiply and add twice as many of these numbers as of float32. A register holds pairs: two
//! numbers that follow each other along the summed dimension. Both factors are laid out as such pairs first, the left one
//! block by block, and then one tile of the result after the other is summed in registers.
//! Other processors sum the same tiles in float32, which is slower than a product of float32.

#[cfg(target_arch = "x86_64")]
mod avx512;

use std::ops::Range;

use rayon::prelude::*;

use super::View;
use crate::cpu::vectorized;

/// Rows and columns of a tile: 24 of the 32 registers of 16 sums.
const TILE_ROWS: usize = 12;
const TILE_COLUMNS: usize = 32;
/// Rows and pairs of a block of the left factor: with its rows of the result it fits the second-level cache.
const BLOCK_ROWS: usize = 8 * TILE_ROWS;
const BLOCK_PAIRS: usize = 512;
/// Pairs of the right factor that are worth a task.
const TASK_PAIRS: usize = 1 << 15;
/// Added to rows of pairs, so that they do not all start in the same few places of the cache.
const SKEW: usize = 16;

type Sums = [[f32; TILE_COLUMNS]; TILE_ROWS];

/// The right factor of products `a b`, `b: [k, n]`, ready for any number of left ones.
pub(crate) struct RightFactor {
    /// For 32 columns after another, one pair after another: 32 of them.
    pairs: Vec<u32>,
    rows: usize,
    columns: usize,
}

impl RightFactor {
    /// Lays out the factor, in parallel: not to be called while other threads wait for it.
    pub(crate) fn new(b: View<'_, f32>, [k, n]: [usize; 2]) -> Self {
        assert!(b.holds(k, n), "a matrix ends beyond its slice");
        let depth = k.div_ceil(2);
        let mut pairs = vec![0; n.div_ceil(TILE_COLUMNS) * depth * TILE_COLUMNS];
        if depth > 0 {
            pairs
                .par_chunks_mut(depth * TILE_COLUMNS)
                .with_min_len(TASK_PAIRS / (depth * TILE_COLUMNS))
                .enumerate()
                .for_each(|(panel, pairs)| {
                    let first = panel * TILE_COLUMNS;
                    let columns = TILE_COLUMNS.min(n - first);
                    if b.row_stride == 1 {
                        lay_out_columns(b.skip_columns(first), k, columns, pairs);
                    } else {
                        lay_out_rows(b.skip_columns(first), 0..k, columns, TILE_COLUMNS, pairs);
                    }
                });
        }
        Self {
            pairs,
            rows: k,
            columns: n,
        }
    }
}

/// A block of the left factor: the pair `p` of row `i` stands at `i * row_stride + p * pair_stride`.
struct LeftBlock<'a> {
    pairs: &'a [u32],
    row_stride: usize,
    pair_stride: usize,
}

/// `out = a b` (`add`: `out += a b`) for `a: [m, k]`, into rows that stand `stride` apart, on the calling thread.
///
/// The order of additions is the same for all rows, and depends on `k` only.
pub(crate) fn matmul_into(
    out: &mut [f32],
    stride: usize,
    m: usize,
    a: View<'_, f32>,
    b: &RightFactor,
    add: bool,
) {
    let (k, n) = (b.rows, b.columns);
    let all_pairs = k.div_ceil(2);
    assert!(
        View::rows(out, stride).holds(m, n) && stride >= n && a.holds(m, k),
        "a matrix ends beyond its slice"
    );
    if k == 0 && !add {
        out.chunks_mut(stride)
            .take(m)
            .for_each(|row| row[..n].fill(0.0));
    }
    let tile = tile_of_this_machine();
    let mut pairs = Vec::new();
    let mut sums = [[0.0; TILE_COLUMNS]; TILE_ROWS];
    for top in (0..m).step_by(BLOCK_ROWS) {
        let rows = BLOCK_ROWS.min(m - top);
        let a = a.skip_rows(top);
        for first in (0..all_pairs).step_by(BLOCK_PAIRS) {
            let depth = BLOCK_PAIRS.min(all_pairs - first);
            let numbers = 2 * first..k.min(2 * (first + depth));
            let [row_stride, pair_stride] = lay_out_left(a, rows, numbers, &mut pairs);
            let add = add || first > 0;
            for column in (0..n).step_by(TILE_COLUMNS) {
                let columns = TILE_COLUMNS.min(n - column);
                let right = column * all_pairs + first * TILE_COLUMNS;
                let right = &b.pairs[right..][..depth * TILE_COLUMNS];
                for row in (0..rows).step_by(TILE_ROWS) {
                    let left = LeftBlock {
                        pairs: &pairs[row * row_stride..],
                        row_stride,
                        pair_stride,
                    };
                    tile(&left, right, &mut sums);
                    let out = out[(top + row) * stride..].chunks_mut(stride);
                    for (out, sums) in out.zip(&sums).take(rows - row) {
                        store(&sums[..columns], &mut out[column..][..columns], add);
                    }
                }
            }
        }
    }
}

/// Some of the numbers of each row as pairs; tells the strides of rows and pairs.
fn lay_out_left(
    a: View<'_, f32>,
    m: usize,
    numbers: Range<usize>,
    pairs: &mut Vec<u32>,
) -> [usize; 2] {
    let rows = m.next_multiple_of(TILE_ROWS);
    let depth = numbers.len().div_ceil(2);
    if a.column_stride == 1 {
        let stride = BLOCK_PAIRS + SKEW;
        pairs.resize(rows * stride, 0);
        for (row, pairs) in pairs.chunks_exact_mut(stride).take(m).enumerate() {
            pair_up(
                &a.row(row, numbers.end)[numbers.clone()],
                &mut pairs[..depth],
            );
        }
        [stride, 1]
    } else {
        let stride = rows + SKEW;
        pairs.resize(depth * stride, 0);
        lay_out_rows(a.t(), numbers, m, stride, pairs);
        [1, stride]
    }
}

/// Pairs of numbers that follow each other in a column, from rows in one piece: those of two rows, `stride` apart.
fn lay_out_rows(
    b: View<'_, f32>,
    rows: Range<usize>,
    columns: usize,
    stride: usize,
    pairs: &mut [u32],
) {
    for (first, pairs) in rows.clone().step_by(2).zip(pairs.chunks_mut(stride)) {
        let low = b.row(first, columns);
        if first + 1 < rows.end {
            pair_rows(low, b.row(first + 1, columns), pairs);
        } else {
            pair_rows(low, &vec![0.0; columns], pairs);
        }
    }
}

vectorized! {
    fn pair_rows(low: &[f32], high: &[f32], pairs: &mut [u32]) {
        for ((pair, &low), &high) in pairs.iter_mut().zip(low).zip(high) {
            *pair = pair_of(low, high);
        }
    }
}

fn pair_up(row: &[f32], pairs: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if has_instructions() {
        return avx512::pair_up(row, pairs);
    }
    pair_up_portable(row, pairs);
}

vectorized! {
    fn pair_up_portable(row: &[f32], pairs: &mut [u32]) {
        let two = row.chunks_exact(2);
        if let (&[last], Some(pair)) = (two.remainder(), pairs.last_mut()) {
            *pair = pair_of(last, 0.0);
        }
        for (pair, two) in pairs.iter_mut().zip(two) {
            *pair = pair_of(two[0], two[1]);
        }
    }
}

/// The same from columns in one piece.
fn lay_out_columns(b: View<'_, f32>, k: usize, columns: usize, pairs: &mut [u32]) {
    let columns_in_rows = b.t();
    let mut column_pairs = vec![0; k.div_ceil(2)];
    for column in 0..columns {
        pair_up(columns_in_rows.row(column, k), &mut column_pairs);
        for (pairs, &pair) in pairs.chunks_exact_mut(TILE_COLUMNS).zip(&column_pairs) {
            pairs[column] = pair;
        }
    }
}

/// Two numbers rounded to bf16 (ties to even), the first in the low half. NaN stays NaN.
#[inline(always)]
fn pair_of(low: f32, high: f32) -> u32 {
    (rounded(low) >> 16) | (rounded(high) & 0xFFFF_0000)
}

#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let up = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
    if x.is_nan() { bits | 0x0040_0000 } else { up }
}

vectorized! {
    fn store(sums: &[f32], out: &mut [f32], add: bool) {
        if add {
            for (out, &sum) in out.iter_mut().zip(sums) {
                *out += sum;
            }
        } else {
            out.copy_from_slice(sums);
        }
    }
}

type Tile = fn(&LeftBlock<'_>, &[u32], &mut Sums);

/// Sums of a tile: by the instructions for bf16 if the processor has them.
fn tile_of_this_machine() -> Tile {
    #[cfg(target_arch = "x86_64")]
    if has_instructions() {
        return avx512::tile;
    }
    portable_tile
}

/// Whether this processor multiplies bf16 itself.
pub(crate) fn has_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

vectorized! {
    fn portable_tile(left: &LeftBlock<'_>, right: &[u32], sums: &mut Sums) {
        for (row, sums) in sums.iter_mut().enumerate() {
            let mut total = [0.0_f32; TILE_COLUMNS];
            for (p, right) in right.chunks_exact(TILE_COLUMNS).enumerate() {
                let [low, high] = numbers(left.pairs[row * left.row_stride + p * left.pair_stride]);
                for (total, &right) in total.iter_mut().zip(right) {
                    let right = numbers(right);
                    *total = f32::mul_add(low, right[0], f32::mul_add(high, right[1], *total));
                }
            }
            *sums = total;
        }
    }
}

#[inline(always)]
fn numbers(pair: u32) -> [f32; 2] {
    [
        f32::from_bits(pair << 16),
        f32::from_bits(pair & 0xFFFF_0000),
    ]
}

#[cfg(test)]
mod tests;
