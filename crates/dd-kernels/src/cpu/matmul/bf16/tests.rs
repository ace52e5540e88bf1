//! Against products of rounded numbers in double precision.

use super::*;
use crate::rng::Key;

fn matrix(seed: u64, len: usize) -> Vec<f32> {
    let key = Key::from_seed(seed);
    (0..len as u64).map(|i| key.normal(i) as f32).collect()
}

/// The number itself after rounding.
fn to_bf16(x: f32) -> f64 {
    f64::from(numbers(pair_of(x, 0.0))[0])
}

/// `a b` of rounded numbers in double precision, for `a: [m, k]` and `b: [k, n]` in rows.
fn expected([m, k, n]: [usize; 3], a: &[f32], b: &[f32]) -> Vec<f64> {
    let entry = |at: usize| {
        let (i, j) = (at / n, at % n);
        let terms = (0..k).map(|l| to_bf16(a[i * k + l]) * to_bf16(b[l * n + j]));
        terms.sum()
    };
    (0..m * n).map(entry).collect()
}

fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let entry = |at: usize| x[at % rows * columns + at / rows];
    (0..rows * columns).map(entry).collect()
}

fn assert_close(got: &[f32], expected: &[f64]) {
    let size = expected.iter().fold(0.0_f64, |a, x| a.max(x.abs()));
    for (&got, &expected) in got.iter().zip(expected) {
        let off = (f64::from(got) - expected).abs();
        assert!(off <= 1e-5 * size, "{got} for {expected}");
    }
}

#[test]
fn rounds_to_the_nearest_and_ties_to_even() {
    let step = 1.0 / 128.0; // between neighbours above 1
    for (x, rounded) in [
        (1.0, 1.0),
        (1.0 + 0.4 * step, 1.0),
        (1.0 + 0.5 * step, 1.0),
        (1.0 + 1.5 * step, 1.0 + 2.0 * step),
        (-1.0 - 0.6 * step, -1.0 - step),
        (f32::INFINITY, f32::INFINITY),
    ] {
        assert_eq!(to_bf16(x), f64::from(rounded), "{x}");
    }
    assert!(to_bf16(f32::NAN).is_nan());
    assert!(to_bf16(f32::from_bits(0x7F80_0001)).is_nan(), "no infinity");
}

#[test]
fn products_of_every_layout_are_those_of_rounded_numbers() {
    // More and fewer rows, columns and pairs than a tile or a block has; odd sums.
    for sizes @ [m, k, n] in [
        [1, 1, 1],
        [5, 33, 37],
        [12, 64, 32],
        [98, 40, 65],
        [13, 2 * BLOCK_PAIRS + 3, 40],
    ] {
        let (a, b) = (matrix(1, m * k), matrix(2, k * n));
        let (a_t, b_t) = (transposed(&a, m, k), transposed(&b, k, n));
        let expected = expected(sizes, &a, &b);
        for a in [View::rows(&a, k), View::rows(&a_t, m).t()] {
            for b in [View::rows(&b, n), View::rows(&b_t, k).t()] {
                let b = RightFactor::new(b, [k, n]);
                let mut out = vec![f32::NAN; m * n];
                matmul_into(&mut out, n, m, a, &b, false);
                assert_close(&out, &expected);
                // Added, into rows with room between them.
                let stride = n + 3;
                let mut wide = vec![1.0; m * stride];
                matmul_into(&mut wide, stride, m, a, &b, true);
                for (row, out) in wide.chunks(stride).zip(out.chunks(n)) {
                    assert!(
                        row[..n]
                            .iter()
                            .zip(out)
                            .all(|(x, y)| (x - 1.0 - y).abs() < 1e-4)
                    );
                    assert_eq!(row[n..], [1.0; 3]);
                }
            }
        }
    }
}

#[test]
fn nothing_to_sum_is_zero() {
    let b = RightFactor::new(View::rows(&[], 2), [0, 2]);
    let mut out = [f32::NAN; 6];
    matmul_into(&mut out, 2, 3, View::rows(&[], 0), &b, false);
    assert_eq!(out, [0.0; 6]);
}

#[test]
fn a_row_has_the_same_bits_alone() {
    let [m, k, n] = [200, 70, 45];
    let (a, b) = (matrix(3, m * k), matrix(4, k * n));
    let b = RightFactor::new(View::rows(&b, n), [k, n]);
    let mut all = vec![0.0; m * n];
    matmul_into(&mut all, n, m, View::rows(&a, k), &b, false);
    for row in [0, 11, 12, 95, 96, 199] {
        let mut alone = vec![0.0; n];
        matmul_into(&mut alone, n, 1, View::rows(&a[row * k..], k), &b, false);
        assert_eq!(alone, all[row * n..][..n]);
    }
}

#[test]
fn instructions_and_plain_sums_agree() {
    let (a, b) = (matrix(5, TILE_ROWS * 60), matrix(6, 60 * TILE_COLUMNS));
    let mut pairs = Vec::new();
    let [row_stride, pair_stride] = lay_out_left(View::rows(&a, 60), TILE_ROWS, 0..60, &mut pairs);
    let left = LeftBlock {
        pairs: &pairs,
        row_stride,
        pair_stride,
    };
    let right = RightFactor::new(View::rows(&b, TILE_COLUMNS), [60, TILE_COLUMNS]);
    let mut sums = [[[0.0; TILE_COLUMNS]; TILE_ROWS]; 2];
    let [here, plain] = &mut sums;
    tile_of_this_machine()(&left, &right.pairs, here);
    portable_tile(&left, &right.pairs, plain);
    let plain: Vec<f64> = plain.as_flattened().iter().map(|&x| f64::from(x)).collect();
    assert_close(here.as_flattened(), &plain);
}
