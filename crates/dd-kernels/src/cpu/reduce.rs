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
    pairwise(partial, |a, b| a + b)
}

/// Sum over a row: `f(sum, element)` adds one element.
#[inline(always)]
pub(crate) fn sum<T: Real>(x: &[T], f: impl Fn(T, T) -> T) -> T {
    sum2(x, x, |sum, x, _| f(sum, x))
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

/// Joins a power of two of numbers: the first half with the second, and so on.
#[inline(always)]
pub(crate) fn pairwise<T: Real, const N: usize>(mut partial: [T; N], f: impl Fn(T, T) -> T) -> T {
    let mut half = N / 2;
    while half > 0 {
        for lane in 0..half {
            partial[lane] = f(partial[lane], partial[lane + half]);
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
