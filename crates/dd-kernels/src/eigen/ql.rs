//! The QL method: plane rotations until a tridiagonal matrix is diagonal.

use super::quad::Quad;
use super::recurrence::{Swept, sweep};
use super::rotations::Rotations;

/// QL needs about two sweeps per eigenvalue.
const MAX_SWEEPS: usize = 60;

/// Diagonalises the tridiagonal matrix of size `n`. `d` holds the diagonal, entry `i + 1` of `e` the square of the
/// (non-negative) entry that joins `i` and `i + 1`; entry 0 is zero, and both are followed by zeros to
/// [`padded`](super::rotations::padded) places. `None` when it does not converge.
#[inline(always)]
pub(super) fn diagonalize<Q: Quad>(
    n: usize,
    d: &mut [f64],
    e: &mut [f64],
    rotations: &mut Rotations,
) -> Option<()> {
    let largest = d.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let join = e.iter().fold(0.0_f64, |m, x| m.max(*x)).sqrt();
    let rounding = f64::EPSILON * largest.max(join);
    let negligible = rounding * rounding;
    let block = |e: &[f64], l: usize| {
        let joined = e[l + 1..].iter();
        joined.take_while(|&&square| square > negligible).count()
    };
    rotations.clear();
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
            let turns = rotations.room(length);
            let Swept { flipped, least } = sweep::<Q>(length, &mut d[l..], &mut e[l..], turns);
            rotations.keep(l, length, flipped);
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
