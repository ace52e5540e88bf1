//! The QL method: plane rotations until a tridiagonal matrix is diagonal.
//!
//! A sweep is made from the determinants `delta[i]` of the trailing blocks of the shifted matrix and the sums
//! `sum[i] = delta[i + 1]² + e[i] sum[i + 1]`: a recurrence of products, where the usual one waits for a division and a root
//! in every row. Squares of cosine and sine are the two parts of a sum by the sum, so all divisions and roots are taken
//! afterwards, several at a time. The error of a row is within rounding of the size of the matrix, as `delta[i + 1]²` and
//! `e[i] delta[i + 2]²` are at most `sum[i]`. Rotations are kept, so that only the eigenvectors asked for need to be made.
//!
//! In the usual recurrence on squares (Parlett, "The Symmetric Eigenvalue Problem", section 8.15) the pivot's square is
//! `delta[i]² / sum[i]` and gamma is `delta[i] delta[i + 1] / sum[i]`.

use super::lanes::{LANES, Lanes, negate};

/// QL needs about two sweeps per eigenvalue.
const MAX_SWEEPS: usize = 60;
/// Rows between two changes of scale. Entries are at most 1 before the reduction and joins that count at least an ulp of
/// that, so that a sum stays between 1e-260 and 1e260 over so many rows.
const SCALED_ROWS: usize = 8;

/// Every rotation of a run of the QL method, in order.
#[derive(Debug, Default)]
pub(super) struct Rotations {
    /// Cosines and sines; each sweep begins with a vector of its own.
    turns: Vec<[Lanes; 2]>,
    sweeps: Vec<Sweep>,
    scratch: Scratch,
}

/// Rotations of the rows `(first, first + 1)`, `(first + 1, first + 2)`, ..., made from the last to the first.
#[derive(Debug)]
struct Sweep {
    first: usize,
    length: usize,
    /// Whether the first row changed its sign at the end.
    flipped: bool,
}

/// Numbers of one sweep, a place for each row: determinant of the block below it and of that from it on, the sum and its
/// second part, gamma, and the new join.
#[derive(Debug, Default)]
struct Scratch {
    below: Vec<f64>,
    here: Vec<f64>,
    sums: Vec<f64>,
    parts: Vec<f64>,
    gammas: Vec<f64>,
    joins: Vec<f64>,
}

impl Scratch {
    fn resize(&mut self, rows: usize) {
        let Self {
            below,
            here,
            sums,
            parts,
            gammas,
            joins,
        } = self;
        for row in [below, here, sums, parts, gammas, joins] {
            // What a place holds is not used, but must be a sum that can be divided by.
            row.resize(rows.max(row.len()), 1.0);
        }
    }
}

/// Places behind the end of a row of `n` numbers, so that whole vectors are read and written.
pub(super) fn padded(n: usize) -> usize {
    n + 2 * LANES
}

/// Diagonalises the tridiagonal matrix of size `n`. `d` holds the diagonal, entry `i + 1` of `e` the square of the
/// (non-negative) entry that joins `i` and `i + 1`; entry 0 is zero, and both are followed by zeros to [`padded`]
/// places. `None` when it does not converge.
#[inline(always)]
pub(super) fn implicit_ql(
    n: usize,
    d: &mut [f64],
    e: &mut [f64],
    rotations: &mut Rotations,
) -> Option<()> {
    let largest = d.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let rounding = f64::EPSILON * e.iter().fold(largest, |m, x| m.max(x.sqrt()));
    rotations.turns.clear();
    rotations.sweeps.clear();
    rotations.scratch.resize(padded(n));
    for l in 0..n {
        e[l] = 0.0;
        let mut sweeps = 0;
        loop {
            let joined = e[l + 1..].iter();
            let length = joined
                .take_while(|&&square| square > rounding * rounding)
                .count();
            if length == 0 {
                break;
            }
            if sweeps == MAX_SWEEPS {
                return None;
            }
            sweeps += 1;
            let flipped = sweep(length, &mut d[l..], &mut e[l..], rotations);
            rotations.sweeps.push(Sweep {
                first: l,
                length,
                flipped,
            });
        }
    }
    Some(())
}

/// Wilkinson's shift: the eigenvalue of a leading block `[a, b; b, c]` that is nearer to `a`; `square` is `b²`.
#[inline(always)]
fn shift_of(a: f64, square: f64, c: f64) -> f64 {
    let half = 0.5 * (c - a);
    a - square / (half + (half * half + square).sqrt().copysign(half))
}

/// One sweep over the leading `m` rotations of an unreduced block: whether its first row changes its sign.
#[inline(always)]
fn sweep(m: usize, d: &mut [f64], e: &mut [f64], rotations: &mut Rotations) -> bool {
    let Rotations { turns, scratch, .. } = rotations;
    let shift = shift_of(d[0], e[1], d[1]);
    let delta = determinants(&d[..=m], &e[..=m], shift, scratch);
    let vectors = m / LANES + 1;
    let start = turns.len();
    turns.resize(start + vectors, [Lanes::ZERO, Lanes::ZERO]);
    turn_all(&mut turns[start..], e, scratch);
    // Whole vectors are written; what is behind the block comes back.
    let behind = (load(d, m + 1), load(e, m + 1));
    let (gammas, joins) = (&scratch.gammas, &scratch.joins);
    // From the last vector up, as each row reads what the row above it held before.
    for i in (0..vectors).rev().map(|vector| vector * LANES) {
        let (above, gamma, after) = (load(d, i), load(gammas, i), load(gammas, i + 1));
        let diagonal = Lanes::of(|l| after.0[l] + (above.0[l] - gamma.0[l]));
        store(d, i + 1, diagonal);
        store(e, i + 1, load(joins, i));
    }
    store(d, m + 1, behind.0);
    store(e, m + 1, behind.1);
    d[0] = shift + gammas[0];
    delta < 0.0
}

/// Cosines, sines, gammas and new joins of the rows of a sweep.
#[inline(always)]
fn turn_all(turns: &mut [[Lanes; 2]], e: &[f64], scratch: &mut Scratch) {
    let Scratch {
        below,
        here,
        sums,
        parts,
        gammas,
        joins,
    } = scratch;
    // Last rows first: what was written last is on its way to memory.
    for (i, turn) in turns.iter_mut().enumerate().rev() {
        let i = i * LANES;
        let (below, here) = (load(below, i).0, load(here, i).0);
        let (sum, part, above) = (load(sums, i).0, load(parts, i).0, load(e, i).0);
        let inverse = Lanes::of(|l| 1.0 / sum[l]).0;
        let cosine = Lanes::of(|l| below[l] * below[l] * inverse[l]).0;
        let sine = Lanes::of(|l| part[l] * inverse[l]).0;
        let gamma = Lanes::of(|l| below[l] * here[l] * inverse[l]);
        let pivot = Lanes::of(|l| here[l] * here[l] * inverse[l]).0;
        store(gammas, i, gamma);
        store(joins, i, Lanes::of(|l| sine[l] * (pivot[l] + above[l])));
        turn[0] = Lanes::of(|l| cosine[l].sqrt().copysign(below[l]));
        turn[1] = Lanes::of(|l| sine[l].sqrt());
    }
}

/// The determinants and sums of all rows; answers with the determinant of the whole, up to scale.
///
/// One value waits for the other, so this is a function of its own: all of them stay in registers.
#[inline(never)]
fn determinants(d: &[f64], e: &[f64], shift: f64, scratch: &mut Scratch) -> f64 {
    let rows = d.len();
    let e = &e[..rows];
    let below = &mut scratch.below[..rows];
    let here = &mut scratch.here[..rows];
    let sums = &mut scratch.sums[..rows];
    let parts = &mut scratch.parts[..rows];
    let (mut delta, mut last, mut sum) = (1.0, 0.0, 0.0);
    let mut join = 0.0;
    for i in (0..rows).rev() {
        let next = (d[i] - shift) * delta - join * last;
        let part = join * sum;
        sum = delta * delta + part;
        (below[i], here[i], sums[i], parts[i]) = (delta, next, sum, part);
        (last, delta, join) = (delta, next, e[i]);
        if i % SCALED_ROWS == 0 {
            let scale = inverse_root_of_power(sum);
            (delta, last, sum) = (delta * scale, last * scale, sum * scale * scale);
        }
    }
    delta
}

/// The power of two that brings `x`, times its square, between 1 and 4.
#[inline(always)]
fn inverse_root_of_power(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52) as i64 - 1023;
    f64::from_bits(((1023 - (exponent >> 1)) as u64) << 52)
}

#[inline(always)]
fn load(row: &[f64], i: usize) -> Lanes {
    Lanes(row[i..i + LANES].try_into().expect("as many as lanes"))
}

#[inline(always)]
fn store(row: &mut [f64], i: usize, x: Lanes) {
    row[i..i + LANES].copy_from_slice(&x.0);
}

impl Rotations {
    /// Undoes the rotations, the last first, on rows of `stride` vectors: the unit vector of an eigenvalue's place becomes
    /// the eigenvector of the tridiagonal matrix. `places` are those of the columns, ascending.
    #[inline(always)]
    pub(super) fn undo(&self, rows: &mut [Lanes], stride: usize, places: &[usize]) {
        let mut end = self.turns.len();
        let mut columns = places.len();
        for sweep in self.sweeps.iter().rev() {
            let start = end - sweep.vectors();
            let turns = &self.turns[start..end];
            end = start;
            // A column with a place before the sweep's rows is still zero there.
            while columns > 0 && places[columns - 1] >= sweep.first {
                columns -= 1;
            }
            let mut column = columns / LANES;
            let rows = &mut rows[sweep.first * stride..];
            while column + 4 <= stride {
                sweep.undo_on::<4>(turns, &mut rows[column..], stride);
                column += 4;
            }
            match stride - column {
                3 => sweep.undo_on::<3>(turns, &mut rows[column..], stride),
                2 => sweep.undo_on::<2>(turns, &mut rows[column..], stride),
                1 => sweep.undo_on::<1>(turns, &mut rows[column..], stride),
                _ => {}
            }
        }
    }
}

impl Sweep {
    /// Vectors of cosines, and of sines.
    fn vectors(&self) -> usize {
        self.length / LANES + 1
    }

    /// Undoes a sweep on `G` neighbouring vectors of every row. The row between two rotations stays in registers.
    #[inline(always)]
    fn undo_on<const G: usize>(&self, turns: &[[Lanes; 2]], rows: &mut [Lanes], stride: usize) {
        let mut following = rows.chunks_mut(stride);
        let Some(mut row) = following.next() else {
            return;
        };
        let mut upper = *vectors::<G>(row);
        if self.flipped {
            negate(&mut upper);
        }
        for (i, next) in (0..self.length).zip(following) {
            let [cosines, sines] = &turns[i / LANES];
            let (c, s) = (cosines.0[i % LANES], sines.0[i % LANES]);
            let lower = *vectors::<G>(next);
            let done = vectors::<G>(row);
            for g in 0..G {
                let (x, y) = (upper[g].0, lower[g].0);
                done[g] = Lanes::of(|l| c * x[l] + s * y[l]);
                upper[g] = Lanes::of(|l| c * y[l] - s * x[l]);
            }
            row = next;
        }
        *vectors::<G>(row) = upper;
    }
}

/// The first `G` vectors of a row.
#[inline(always)]
fn vectors<const G: usize>(row: &mut [Lanes]) -> &mut [Lanes; G] {
    (&mut row[..G]).try_into().expect("G vectors were cut out")
}
