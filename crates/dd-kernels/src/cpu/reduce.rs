//! Sums in a fixed order.
//!
//! A row is summed in [`LANES`] interleaved partial sums, which are then added pairwise: vector instructions need
//! independent sums, and naming their number fixes the rounding on every machine.

use super::vectorized;
use crate::real::Real;

/// Number of interleaved partial sums.
const LANES: usize = 32;

/// Sum of `f` over the positions of two rows.
#[inline(always)]
pub(crate) fn sum2<T: Real>(x: &[T], y: &[T], f: impl Fn(T, T, T) -> T) -> T {
    let mut partial = [T::ZERO; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y[..x.len()].as_chunks::<LANES>();
    for (x, y) in blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            partial[lane] = f(partial[lane], x[lane], y[lane]);
        }
    }
    for ((partial, &x), &y) in partial.iter_mut().zip(rest).zip(y_rest) {
        *partial = f(*partial, x, y);
    }
    pairwise(partial)
}

/// Sum over a row: `f(sum, element)` adds one element.
#[inline(always)]
pub(crate) fn sum<T: Real>(x: &[T], f: impl Fn(T, T) -> T) -> T {
    sum2(x, x, |sum, x, _| f(sum, x))
}

/// Largest element of a row, NaN if it holds one; the least number for an empty row.
#[inline(always)]
pub(crate) fn max<T: Real>(x: &[T]) -> T {
    let mut largest = [T::from_f64(f64::NEG_INFINITY); LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for x in blocks {
        for lane in 0..LANES {
            largest[lane] = larger(x[lane], largest[lane]);
        }
    }
    for (largest, &x) in largest.iter_mut().zip(rest) {
        *largest = larger(x, *largest);
    }
    largest
        .into_iter()
        .fold(T::from_f64(f64::NEG_INFINITY), |a, b| larger(b, a))
}

/// The larger of a new element and the largest so far; NaN wins.
#[inline(always)]
#[allow(clippy::eq_op, reason = "only NaN differs from itself")]
pub(crate) fn larger<T: Real>(new: T, largest: T) -> T {
    if largest >= new || largest != largest {
        largest
    } else {
        new
    }
}

#[inline(always)]
fn pairwise<T: Real>(mut partial: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            partial[lane] += partial[lane + half];
        }
        half /= 2;
    }
    partial[0]
}

vectorized! {
    /// `sum += x`, element by element.
    pub(crate) fn add_row<T: Real>(sum: &mut [T], x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum += x;
        }
    }
}
