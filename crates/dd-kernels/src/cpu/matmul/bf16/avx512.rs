//! The tile and the rounding by instructions of AVX-512 BF16.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_storeu_si512,
};

use super::{LeftBlock, Sums, TILE_COLUMNS, TILE_ROWS};

const LANES: usize = 16;

pub(super) fn tile(left: &LeftBlock<'_>, right: &[u32], sums: &mut Sums) {
    let depth = right.len() / TILE_COLUMNS;
    let last = (TILE_ROWS - 1) * left.row_stride + (depth.max(1) - 1) * left.pair_stride;
    assert!(
        super::has_instructions() && last < left.pairs.len(),
        "a tile ends beyond its block"
    );
    // SAFETY: the processor has the instructions; the last pair of the left block, and so all of them, is in its slice.
    unsafe { sum(left, right, sums) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn sum(left: &LeftBlock<'_>, right: &[u32], sums: &mut Sums) {
    let mut total = [[_mm512_setzero_ps(); TILE_COLUMNS / LANES]; TILE_ROWS];
    for (p, right) in right.chunks_exact(TILE_COLUMNS).enumerate() {
        // SAFETY: 32 pairs are two registers; registers of pairs and of whole numbers have the same bits.
        let right = unsafe {
            [right, &right[LANES..]]
                .map(|pairs| of_pairs(_mm512_loadu_si512(pairs.as_ptr().cast())))
        };
        for (row, total) in total.iter_mut().enumerate() {
            let at = row * left.row_stride + p * left.pair_stride;
            // SAFETY: the caller has seen to it that all pairs are in the slice.
            let pair = of_pairs(_mm512_set1_epi32(
                unsafe { *left.pairs.get_unchecked(at) } as i32
            ));
            for (total, right) in total.iter_mut().zip(right) {
                *total = _mm512_dpbf16_ps(*total, pair, right);
            }
        }
    }
    for (sums, total) in sums.iter_mut().zip(total) {
        for (sums, total) in sums.chunks_exact_mut(LANES).zip(total) {
            // SAFETY: 16 sums are a register.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), total) };
        }
    }
}

/// Sixteen pairs at once, and what is left over as everywhere.
pub(super) fn pair_up(row: &[f32], pairs: &mut [u32]) {
    assert!(super::has_instructions(), "the processor has no bf16");
    // SAFETY: the processor has the instructions.
    unsafe { pair_up_blocks(row, pairs) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn pair_up_blocks(row: &[f32], pairs: &mut [u32]) {
    let (blocks, rest) = row.as_chunks::<{ 2 * LANES }>();
    let (to, to_rest) = pairs.split_at_mut(blocks.len() * LANES);
    for (block, pairs) in blocks.iter().zip(to.chunks_exact_mut(LANES)) {
        // SAFETY: a block is two registers of numbers and one of pairs.
        unsafe {
            let [low, high] = [0, LANES].map(|at| _mm512_loadu_ps(block.as_ptr().add(at)));
            let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
            _mm512_storeu_si512(pairs.as_mut_ptr().cast(), rounded);
        }
    }
    super::pair_up_portable(rest, to_rest);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn of_pairs(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes, and every pattern of bits is a value of both.
    unsafe { std::mem::transmute(pairs) }
}
