//! One sweep of the QL method, by determinants.
//!
//! A sweep is made from the determinants `delta[i]` of the trailing blocks of the shifted matrix and the sums
//! `sum[i] = delta[i + 1]² + e[i] sum[i + 1]`: a recurrence of products, where the usual one waits for a division and a root
//! in every row. Squares of cosine and sine are the two parts of a sum by the sum, so all divisions and roots are taken
//! afterwards, several at a time. The error of a row is within rounding of the size of the matrix, as `delta[i + 1]²` and
//! `e[i] delta[i + 2]²` are at most `sum[i]`.
//!
//! In the usual recurrence on squares (Parlett, "The Symmetric Eigenvalue Problem", section 8.15) the pivot's square is
//! `delta[i]² / sum[i]` and gamma is `delta[i] delta[i + 1] / sum[i]`.

use super::lanes::{LANES, Lanes};
use super::quad::Quad;

/// Sums outside of this range are scaled. Joins that count are at least a third of an ulp, squared, as the largest entry of the
/// tridiagonal matrix is at least a third of that of the matrix, which is 1: so six more rows, as many as there are until the
/// next look, leave a sum above 1e-294.
const SCALED: std::ops::Range<f64> = 1e-100..1e100;

/// What a sweep made of its block.
pub(super) struct Swept {
    /// Whether the first row changed its sign.
    pub(super) flipped: bool,
    /// The least of the squared joins but the first.
    pub(super) least: f64,
}

/// One sweep over the leading `m` rotations of an unreduced block. `d` and `e` are as in
/// [`diagonalize`](super::ql::diagonalize), `turns` has room for the cosines and sines of whole vectors of rows.
///
/// The recurrence of the determinants waits for itself in every row. Divisions and roots of the rows below, four at a time,
/// are made meanwhile.
#[inline(always)]
pub(super) fn sweep<Q: Quad>(
    m: usize,
    d: &mut [f64],
    e: &mut [f64],
    turns: &mut [[Lanes; 2]],
) -> Swept {
    let shift = shift_of(d[0], e[1], d[1]);
    // Whole vectors are written; what is behind the block comes back.
    let behind = (Q::load(d, m + 1), Q::load(e, m + 1));
    let top = m / LANES;
    let mut chain = Chain::new(shift, d[m], e[m]);
    let mut rows: Determinants<Q> = chain.last_rows(m, d, e);
    let (mut gamma, mut joins);
    gamma = Q::splat(0.0);
    let mut least = Q::splat(f64::INFINITY);
    for block in (1..=top).rev() {
        (gamma, joins) = rows.turn(block * LANES, d, e, gamma, &mut turns[block]);
        least = least.min(joins);
        rows = chain.rows((block - 1) * LANES, d, e);
    }
    (gamma, joins) = rows.turn(0, d, e, gamma, &mut turns[0]);
    let all_but_first = joins.followed_by(least);
    least = least.min(all_but_first);
    behind.0.store(d, m + 1);
    behind.1.store(e, m + 1);
    d[0] = shift + gamma.first();
    let least: Lanes = least.into();
    Swept {
        flipped: chain.delta < 0.0,
        least: least.0.into_iter().fold(f64::INFINITY, f64::min),
    }
}

/// Wilkinson's shift: the eigenvalue of a leading block `[a, b; b, c]` that is nearer to `a`; `square` is `b²`.
#[inline(always)]
fn shift_of(a: f64, square: f64, c: f64) -> f64 {
    let half = 0.5 * (c - a);
    a - square / (half + half.mul_add(half, square).sqrt().copysign(half))
}

/// Numbers of four rows: determinant of the block below the row and of that from it on, the sum and its second part.
struct Determinants<Q> {
    below: Q,
    here: Q,
    sums: Q,
    parts: Q,
}

impl<Q: Quad> Determinants<Q> {
    #[inline(always)]
    fn of(rows: [[f64; 4]; LANES]) -> Self {
        let [a, b, c, d] = rows;
        let column = |i: usize| Q::of([a[i], b[i], c[i], d[i]]);
        Self {
            below: column(0),
            here: column(1),
            sums: column(2),
            parts: column(3),
        }
    }

    /// Writes cosines, sines, the new diagonal and the new joins of the vector of rows from `i` on. Returns gamma, which the
    /// vector above needs, and the joins.
    #[inline(always)]
    fn turn(
        self,
        i: usize,
        d: &mut [f64],
        e: &mut [f64],
        gamma_below: Q,
        turn: &mut [Lanes; 2],
    ) -> (Q, Q) {
        let (below, here) = (self.below, self.here);
        let (above, diagonal) = (Q::load(e, i), Q::load(d, i));
        let inverse = Q::splat(1.0) / self.sums;
        let cosine = below * below * inverse;
        let sine = self.parts * inverse;
        let gamma = below * here * inverse;
        let pivot = here * here * inverse;
        let joins = sine * (pivot + above);
        joins.store(e, i + 1);
        let moved = gamma.followed_by(gamma_below) + (diagonal - gamma);
        moved.store(d, i + 1);
        *turn = [cosine.sqrt().copysign(below).into(), sine.sqrt().into()];
        (gamma, joins)
    }
}

/// The recurrence of determinants and sums, from the last row up.
struct Chain {
    shift: f64,
    delta: f64,
    /// The determinant before.
    last: f64,
    sum: f64,
    /// The square that joins the row to the one below it.
    join: f64,
    /// The sum when two rows of the last vector were still to come, so that a look at it waits for nothing.
    seen: f64,
}

impl Chain {
    /// After the last row, with its entry of the diagonal and the square that joins it to the row above.
    #[inline(always)]
    fn new(shift: f64, diagonal: f64, join: f64) -> Self {
        Self {
            shift,
            delta: diagonal - shift,
            last: 1.0,
            sum: 1.0,
            join,
            seen: 1.0,
        }
    }

    /// The vector that holds the last row, `m`, which is not turned, and behind it lanes without a row. The second part of these
    /// and of the last row is infinite, and so is their join, which the least therefore ignores.
    #[inline(always)]
    fn last_rows<Q: Quad>(&mut self, m: usize, d: &[f64], e: &[f64]) -> Determinants<Q> {
        let (first, place) = (m - m % LANES, m % LANES);
        let mut rows = [[1.0, 1.0, 1.0, f64::INFINITY]; LANES];
        for i in (0..LANES).rev() {
            if i == place {
                rows[i][1] = self.delta;
            } else if i < place {
                rows[i] = self.row(first + i, d, e);
            }
        }
        Determinants::of(rows)
    }

    /// The vector of rows from `i` on.
    #[inline(always)]
    fn rows<Q: Quad>(&mut self, i: usize, d: &[f64], e: &[f64]) -> Determinants<Q> {
        if !SCALED.contains(&self.seen) {
            (self.delta, self.last, self.sum) = scaled(self.delta, self.last, self.sum);
        }
        let fourth = self.row(i + 3, d, e);
        let third = self.row(i + 2, d, e);
        self.seen = self.sum;
        let second = self.row(i + 1, d, e);
        let first = self.row(i, d, e);
        Determinants::of([first, second, third, fourth])
    }

    #[inline(always)]
    fn row(&mut self, i: usize, d: &[f64], e: &[f64]) -> [f64; 4] {
        let below = self.delta;
        let here = (d[i] - self.shift).mul_add(below, -(self.join * self.last));
        let part = self.join * self.sum;
        self.sum = self.join.mul_add(self.sum, below * below);
        (self.last, self.delta, self.join) = (below, here, e[i]);
        [below, here, self.sum, part]
    }
}

/// By a power of two, and its square, that brings the sum between 1 and 4.
#[cold]
#[inline(never)]
fn scaled(delta: f64, last: f64, sum: f64) -> (f64, f64, f64) {
    let exponent = (sum.to_bits() >> 52) as i64 - 1023;
    let scale = f64::from_bits(((1023 - (exponent >> 1)) as u64) << 52);
    (delta * scale, last * scale, sum * scale * scale)
}
