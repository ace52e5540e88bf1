//! Filters of a grid of distances, and those of pairs between them.

use std::ops::Range;

use rayon::prelude::*;

use super::filters::FilterWeights;
use super::forward::{LANES, lanes};
use super::plan::Sizes;
use crate::cpu::vectorized;
use crate::real::Real;

/// Grid points that an interpolated filter takes part of: Lagrange's polynomial of degree five.
pub(super) const POINTS: usize = 6;

/// Grid points that must lie below a coordinate's whole part.
const BEFORE: usize = 2;

/// The filters at all grid points: by head, `[G, filters]`, and their derivatives.
pub(super) struct Table<T> {
    values: Vec<T>,
    slopes: Vec<T>,
    len: usize,
    /// Of each pair.
    places: Vec<Place<T>>,
}

/// Where a pair stands between the grid points: the first that its filters take part of, and how much of each.
struct Place<T> {
    first: usize,
    weights: [T; POINTS],
}

impl<T: Real> Table<T> {
    /// `basis` is that of the grid points, `[G, K]`; `coordinates` those of the pairs.
    pub(super) fn new(
        sizes: Sizes,
        weights: &FilterWeights<T>,
        basis: &[T],
        coordinates: &[T],
        with_slopes: bool,
    ) -> Self {
        let len = basis.len() / sizes.basis_size;
        let last = len - POINTS;
        let places = coordinates.par_iter();
        let of_head = len * sizes.filters();
        let [mut values, mut slopes] = [true, with_slopes]
            .map(|wanted| vec![T::ZERO; if wanted { sizes.num_heads * of_head } else { 0 }]);
        let heads = values.par_chunks_mut(of_head.max(1)).enumerate();
        if with_slopes {
            heads.zip(slopes.par_chunks_mut(of_head.max(1))).for_each(
                |((head, values), slopes)| {
                    weights.activate(sizes, head, basis, values, Some(slopes));
                },
            );
        } else {
            heads.for_each(|(head, values)| weights.activate(sizes, head, basis, values, None));
        }
        Self {
            values,
            slopes,
            len,
            places: places.map(|&at| Place::new(at, last)).collect(),
        }
    }
}

impl<T: Real> Place<T> {
    /// `last` is the last grid point that can be the first.
    fn new(coordinate: T, last: usize) -> Self {
        let whole = coordinate.to_f64() as usize;
        let first = whole.saturating_sub(BEFORE).min(last);
        Self {
            first,
            weights: lagrange(coordinate - T::from_f64((first + BEFORE) as f64)),
        }
    }
}

/// Where the filters of pairs come from.
pub(super) struct Filters<T> {
    pub(super) weights: FilterWeights<T>,
    /// To interpolate from.
    pub(super) table: Option<Table<T>>,
}

impl<T: Real> Filters<T> {
    /// The filters of one head for some pairs, and their derivatives: from the table, or from the pairs' `basis`.
    pub(super) fn of(
        &self,
        sizes: Sizes,
        head: usize,
        pairs: Range<usize>,
        basis: &[T],
        value: &mut [T],
        slope: Option<&mut [T]>,
    ) {
        let Some(table) = &self.table else {
            let basis = &basis[pairs.start * sizes.basis_size..pairs.end * sizes.basis_size];
            self.weights.activate(sizes, head, basis, value, slope);
            return;
        };
        let of_head = table.len * sizes.filters();
        let places = &table.places[pairs];
        let from = |rows: &'_ [T], out: &mut [T]| {
            let rows = &rows[head * of_head..(head + 1) * of_head];
            interpolate_rows(rows, sizes.filters(), places, out);
        };
        from(&table.values, value);
        if let Some(slope) = slope {
            from(&table.slopes, slope);
        }
    }
}

/// Lagrange's weights of the points -2 to 3 for an offset in `0..1` from point 0.
#[inline(always)]
fn lagrange<T: Real>(offset: T) -> [T; POINTS] {
    // Products of (j - m) over the other points m.
    const DENOMINATORS: [f64; POINTS] = [-120.0, 24.0, -12.0, 12.0, -24.0, 120.0];
    let distance = |point: usize| offset - T::from_f64(point as f64 - BEFORE as f64);
    std::array::from_fn(|point| {
        let others = (0..POINTS).filter(|&other| other != point);
        others.fold(T::from_f64(1.0 / DENOMINATORS[point]), |product, other| {
            product * distance(other)
        })
    })
}

vectorized! {
    fn interpolate_rows<T: Real>(table: &[T], width: usize, places: &[Place<T>], out: &mut [T]) {
        for (out, Place { first, weights }) in out.chunks_exact_mut(width).zip(places) {
            let rows: [&[[T; LANES]]; POINTS] = std::array::from_fn(|i| {
                table[(first + i) * width..(first + i + 1) * width].as_chunks().0
            });
            for (i, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let [a, b, c] = [rows[0][i], rows[1][i], rows[2][i]];
                let [d, e, f] = [rows[3][i], rows[4][i], rows[5][i]];
                *out = lanes(|l| {
                    let near = weights[2].mul_add(c[l], weights[3] * d[l]);
                    let middle = weights[1].mul_add(b[l], weights[4] * e[l]);
                    let far = weights[0].mul_add(a[l], weights[5] * f[l]);
                    near + (middle + far)
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_of_degree_five_are_exact() {
        let f = |x: f64| 1.0 - x + 0.5 * x.powi(3) - 0.25 * x.powi(5);
        for offset in [0.0, 0.3, 0.5, 0.999] {
            let weights = lagrange(offset);
            let values = (0..POINTS).map(|point| f(point as f64 - BEFORE as f64));
            let sum: f64 = weights.iter().zip(values).map(|(w, y)| w * y).sum();
            assert!((sum - f(offset)).abs() < 1e-13, "{offset}: {sum}");
        }
    }
}
