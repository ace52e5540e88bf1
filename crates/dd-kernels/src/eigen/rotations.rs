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

use super::lanes::{LANES, Lanes, negate, vectors};

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
    /// How many of the turns are of this run; behind them is room.
    used: usize,
    sweeps: Vec<Sweep>,
    scratch: Vec<Determinants>,
}

/// Rotations of the rows `(first, first + 1)`, `(first + 1, first + 2)`, ..., made from the last to the first.
#[derive(Debug)]
struct Sweep {
    first: usize,
    length: usize,
    /// Whether the first row changed its sign at the end.
    flipped: bool,
}

/// Numbers of one sweep, a place for each of some rows: determinant of the block below the row and of that from it on, the
/// sum and its second part.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Determinants {
    below: [f64; LANES],
    here: [f64; LANES],
    sums: [f64; LANES],
    parts: [f64; LANES],
}

impl Determinants {
    /// What a place without a row holds is not used, but must be a sum that can be divided by.
    const NONE: Self = Self {
        below: [1.0; LANES],
        here: [1.0; LANES],
        sums: [1.0; LANES],
        parts: [1.0; LANES],
    };
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
    rotations.used = 0;
    rotations.sweeps.clear();
    rotations.scratch.clear();
    rotations.scratch.resize(n / LANES + 1, Determinants::NONE);
    let negligible = rounding * rounding;
    let block = |e: &[f64], l: usize| {
        let joined = e[l + 1..].iter();
        joined.take_while(|&&square| square > negligible).count()
    };
    let mut known = None;
    for l in 0..n {
        e[l] = 0.0;
        let mut length = known.take().unwrap_or_else(|| block(e, l));
        let mut sweeps = 0;
        while length > 0 {
            if sweeps == MAX_SWEEPS {
                return None;
            }
            sweeps += 1;
            let Swept { flipped, least } = sweep(length, &mut d[l..], &mut e[l..], rotations);
            rotations.sweeps.push(Sweep {
                first: l,
                length,
                flipped,
            });
            if least <= negligible {
                length = block(e, l);
            } else if e[l + 1] <= negligible {
                // Only the first join fell, as it does nearly always.
                known = Some(length - 1);
                break;
            }
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

/// What a sweep made of its block.
struct Swept {
    /// Whether the first row changed its sign.
    flipped: bool,
    /// The least of the squared joins but the first.
    least: f64,
}

/// One sweep over the leading `m` rotations of an unreduced block.
///
/// The recurrence of the determinants waits for itself in every row. Divisions and roots of the rows below, four at a time,
/// are made meanwhile.
#[inline(always)]
fn sweep(m: usize, d: &mut [f64], e: &mut [f64], rotations: &mut Rotations) -> Swept {
    let shift = shift_of(d[0], e[1], d[1]);
    let vectors = m / LANES + 1;
    let start = rotations.used;
    rotations.used += vectors;
    if rotations.turns.len() < rotations.used {
        let room = [Lanes::ZERO, Lanes::ZERO];
        rotations.turns.resize(2 * rotations.used, room);
    }
    let turns = &mut rotations.turns[start..start + vectors];
    let scratch = &mut rotations.scratch[..vectors];
    // Whole vectors are written; what is behind the block comes back.
    let behind = (load(d, m + 1), load(e, m + 1));
    let mut chain = Chain {
        shift,
        delta: 1.0,
        last: 0.0,
        sum: 0.0,
        join: 0.0,
    };
    let mut turning = Turning {
        rows: m,
        gamma: Lanes::ZERO,
        least: Lanes([f64::INFINITY; LANES]),
    };
    let top = vectors - 1;
    for row in (0..=m % LANES).rev() {
        chain.row(row, top, d, e, &mut scratch[top]);
    }
    for block in (0..top).rev() {
        for row in (0..LANES).rev() {
            chain.row(row, block, d, e, &mut scratch[block]);
        }
        turning.turn(block + 1, d, e, &scratch[block + 1], &mut turns[block + 1]);
    }
    turning.turn(0, d, e, &scratch[0], &mut turns[0]);
    store(d, m + 1, behind.0);
    store(e, m + 1, behind.1);
    d[0] = shift + turning.gamma.0[0];
    Swept {
        flipped: chain.delta < 0.0,
        least: { turning.least.0.into_iter() }.fold(f64::INFINITY, f64::min),
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
}

impl Chain {
    #[inline(always)]
    fn row(&mut self, row: usize, block: usize, d: &[f64], e: &[f64], to: &mut Determinants) {
        let i = block * LANES + row;
        let next = (d[i] - self.shift) * self.delta - self.join * self.last;
        let part = self.join * self.sum;
        self.sum = self.delta * self.delta + part;
        to.below[row] = self.delta;
        to.here[row] = next;
        to.sums[row] = self.sum;
        to.parts[row] = part;
        (self.last, self.delta, self.join) = (self.delta, next, e[i]);
        if i.is_multiple_of(SCALED_ROWS) {
            let scale = inverse_root_of_power(self.sum);
            self.delta *= scale;
            self.last *= scale;
            self.sum = self.sum * scale * scale;
        }
    }
}

/// What one vector of rows needs of those below it.
struct Turning {
    /// Rotations of the sweep.
    rows: usize,
    gamma: Lanes,
    least: Lanes,
}

impl Turning {
    /// Cosines, sines, the new diagonal and the new joins of a vector of rows.
    #[inline(always)]
    fn turn(
        &mut self,
        block: usize,
        d: &mut [f64],
        e: &mut [f64],
        from: &Determinants,
        turn: &mut [Lanes; 2],
    ) {
        let i = block * LANES;
        let (below, here, sum, part) = (from.below, from.here, from.sums, from.parts);
        let (above, diagonal) = (load(e, i).0, load(d, i).0);
        let inverse = Lanes::of(|l| 1.0 / sum[l]).0;
        let cosine = Lanes::of(|l| below[l] * below[l] * inverse[l]).0;
        let sine = Lanes::of(|l| part[l] * inverse[l]).0;
        let gamma = Lanes::of(|l| below[l] * here[l] * inverse[l]).0;
        let pivot = Lanes::of(|l| here[l] * here[l] * inverse[l]).0;
        let join = Lanes::of(|l| sine[l] * (pivot[l] + above[l]));
        turn[0] = Lanes::of(|l| cosine[l].sqrt().copysign(below[l]));
        turn[1] = Lanes::of(|l| sine[l].sqrt());
        store(e, i + 1, join);
        let after = [gamma[1], gamma[2], gamma[3], self.gamma.0[0]];
        let moved = Lanes::of(|l| after[l] + (diagonal[l] - gamma[l]));
        store(d, i + 1, moved);
        self.gamma = Lanes(gamma);
        let (old, join) = (self.least.0, join.0);
        // Rows 1 to the last.
        let counts = |l: usize| (i + l).wrapping_sub(1) < self.rows - 1;
        let counted = Lanes::of(|l| if counts(l) { join[l] } else { f64::INFINITY }).0;
        self.least = Lanes::of(|l| {
            if counted[l] < old[l] {
                counted[l]
            } else {
                old[l]
            }
        });
    }
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
        let mut end = self.used;
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
        let mut upper = *vectors::<G>(rows, 0);
        if self.flipped {
            negate(&mut upper);
        }
        let mut row = 0;
        for (block, [cosines, sines]) in turns.iter().enumerate() {
            let count = LANES.min(self.length - block * LANES);
            for i in 0..count {
                let (c, s) = (cosines.0[i], sines.0[i]);
                let lower = *vectors::<G>(rows, row + stride);
                let done = vectors::<G>(rows, row);
                for g in 0..G {
                    let (x, y) = (upper[g].0, lower[g].0);
                    done[g] = Lanes::of(|l| c * x[l] + s * y[l]);
                    upper[g] = Lanes::of(|l| c * y[l] - s * x[l]);
                }
                row += stride;
            }
        }
        *vectors::<G>(rows, row) = upper;
    }
}
