//! The QL method: plane rotations until a tridiagonal matrix is diagonal.
//!
//! The recurrence runs on squares (the variant of Pal, Walker and Kahan; Parlett, "The Symmetric Eigenvalue Problem", section
//! 8.15): a step waits for one division instead of a root and a division. The rotations are roots of its numbers, taken
//! afterwards, several at a time. They are kept, so that only the eigenvectors asked for need to be made.

use super::lanes::{Lanes, negate};

/// QL needs about two sweeps per eigenvalue.
const MAX_SWEEPS: usize = 60;
/// A square of a pivot below this is zero: its quotients would overflow.
const TINY: f64 = 1e-290;
const SIGN: u64 = 1 << 63;

/// Every rotation of a run of the QL method, in order.
#[derive(Default)]
pub(super) struct Rotations {
    cosines: Vec<f64>,
    sines: Vec<f64>,
    sweeps: Vec<Sweep>,
}

/// Rotations of the rows `(first, first + 1)`, `(first + 1, first + 2)`, ..., made from the last to the first.
struct Sweep {
    first: usize,
    length: usize,
    /// Whether the first row changed its sign at the end.
    flipped: bool,
}

/// Numbers of one sweep, a place for each row.
struct Scratch {
    diagonal: Vec<f64>,
    pivots: Vec<f64>,
    sums: Vec<f64>,
    signs: Vec<u64>,
}

/// Diagonalises the tridiagonal matrix of `d` and `e`; entry `i` of `e` is the square of the (non-negative) entry that
/// joins `i` and `i + 1`. `None` when it does not converge.
#[inline(always)]
pub(super) fn implicit_ql(d: &mut [f64], e: &mut [f64]) -> Option<Rotations> {
    let n = d.len();
    let largest = d.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let rounding = f64::EPSILON * e.iter().fold(largest, |m, x| m.max(x.sqrt()));
    let mut rotations = Rotations {
        cosines: Vec::with_capacity(n * n + n * n / 4),
        sines: Vec::with_capacity(n * n + n * n / 4),
        sweeps: Vec::with_capacity(2 * n + 8),
    };
    let mut scratch = Scratch {
        diagonal: vec![0.0; n],
        pivots: vec![0.0; n],
        sums: vec![0.0; n],
        signs: vec![0; n],
    };
    for l in 0..n {
        let mut sweeps = 0;
        loop {
            let joined = e[l..]
                .iter()
                .take_while(|&&square| square > rounding * rounding);
            let m = l + joined.count();
            if m == l {
                break;
            }
            // Wilkinson's shift: the eigenvalue of the leading 2 x 2 block that is nearer to d[l].
            let root = e[l].sqrt();
            let theta = (d[l + 1] - d[l]) / (2.0 * root);
            let mut shift = d[l] - root / (theta + (theta * theta + 1.0).sqrt().copysign(theta));
            // A pivot of zero has no cosine; with another shift it is not zero.
            let mut flipped = None;
            while flipped.is_none() {
                if sweeps == MAX_SWEEPS {
                    return None;
                }
                flipped = sweep(
                    &mut d[l..=m],
                    &mut e[l..m],
                    shift,
                    &mut scratch,
                    &mut rotations,
                );
                sweeps += 1;
                shift += rounding;
            }
            rotations.sweeps.push(Sweep {
                first: l,
                length: m - l,
                flipped: flipped == Some(true),
            });
        }
    }
    for sine in &mut rotations.sines {
        *sine = sine.sqrt();
    }
    for cosine in &mut rotations.cosines {
        *cosine = cosine.abs().sqrt().copysign(*cosine);
    }
    Some(rotations)
}

/// One sweep over an unreduced block: whether its first row changes its sign, or `None`, and nothing done, when a pivot is
/// zero.
#[inline(always)]
fn sweep(
    d: &mut [f64],
    e: &mut [f64],
    shift: f64,
    scratch: &mut Scratch,
    rotations: &mut Rotations,
) -> Option<bool> {
    let m = e.len();
    let (d, e) = (&mut d[..=m], &mut e[..m]);
    let diagonal = &mut scratch.diagonal[..=m];
    let pivots = &mut scratch.pivots[..m];
    let sums = &mut scratch.sums[..m];
    let signs = &mut scratch.signs[..m];
    // gamma is the pivot times the cosine before it, p the pivot's square.
    let mut gamma = d[m] - shift;
    let mut p = gamma * gamma;
    let mut sign = 0;
    for i in (0..m).rev() {
        let r = p + e[i];
        pivots[i] = p;
        sums[i] = r;
        sign ^= gamma.to_bits() & SIGN;
        signs[i] = sign;
        let before = gamma;
        let numerator = p * (d[i] - shift) - e[i] * before;
        gamma = numerator / r;
        p = gamma * (numerator / p);
        diagonal[i + 1] = before + (d[i] - gamma);
    }
    if !pivots.iter().all(|&p| p > TINY) {
        return None;
    }
    diagonal[0] = shift + gamma;
    d.copy_from_slice(diagonal);
    // Squares of cosine and sine; the sign of a cosine is the sign of its pivot.
    let cosines = pivots.iter().zip(&*sums).zip(&*signs);
    rotations
        .cosines
        .extend(cosines.map(|((p, r), sign)| f64::from_bits((p / r).to_bits() | sign)));
    for (b, r) in e.iter_mut().zip(&*sums) {
        *b /= r;
    }
    rotations.sines.extend_from_slice(e);
    e[0] *= p;
    for (s, r) in e[1..].iter_mut().zip(&*sums) {
        *s *= r;
    }
    Some((sign ^ gamma.to_bits()) & SIGN != 0)
}

impl Rotations {
    /// Undoes the rotations, the last first, on rows of `stride` vectors: the unit vector of an eigenvalue's place becomes
    /// the eigenvector of the tridiagonal matrix.
    #[inline(always)]
    pub(super) fn undo(&self, rows: &mut [Lanes], stride: usize) {
        let mut column = 0;
        while column + 4 <= stride {
            self.undo_on::<4>(&mut rows[column..], stride);
            column += 4;
        }
        match stride - column {
            3 => self.undo_on::<3>(&mut rows[column..], stride),
            2 => self.undo_on::<2>(&mut rows[column..], stride),
            1 => self.undo_on::<1>(&mut rows[column..], stride),
            _ => {}
        }
    }

    /// Undoes them on `G` neighbouring vectors of every row. The row between two rotations stays in registers.
    #[inline(always)]
    fn undo_on<const G: usize>(&self, rows: &mut [Lanes], stride: usize) {
        let mut end = self.sines.len();
        for sweep in self.sweeps.iter().rev() {
            let start = end - sweep.length;
            let turns = self.cosines[start..end].iter().zip(&self.sines[start..end]);
            end = start;
            let mut following = rows[sweep.first * stride..].chunks_mut(stride);
            let Some(mut row) = following.next() else {
                continue;
            };
            let mut upper = *vectors::<G>(row);
            if sweep.flipped {
                negate(&mut upper);
            }
            for ((&c, &s), next) in turns.zip(following) {
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
}

/// The first `G` vectors of a row.
#[inline(always)]
fn vectors<const G: usize>(row: &mut [Lanes]) -> &mut [Lanes; G] {
    (&mut row[..G]).try_into().expect("G vectors were cut out")
}
