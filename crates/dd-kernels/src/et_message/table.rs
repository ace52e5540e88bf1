//! Filters of a grid of distances, and those of pairs between them.

use rayon::prelude::*;

use super::filters::FilterWeights;
use super::plan::Sizes;
use crate::cpu::vectorized;
use crate::real::Real;

/// Grid points that an interpolated filter takes part of: Lagrange's polynomial of degree five.
pub(crate) const POINTS: usize = 6;

/// Grid points that must lie below a coordinate's whole part.
pub(crate) const BEFORE: usize = 2;

/// The filters at all grid points: by head, `[G, filters]`.
pub(super) struct Table<T> {
    filters: Vec<T>,
    len: usize,
}

impl<T: Real> Table<T> {
    /// `basis` is that of the grid points, `[G, K]`.
    pub(super) fn new(sizes: Sizes, weights: &FilterWeights<T>, basis: &[T]) -> Self {
        let len = basis.len() / sizes.basis_size;
        let of_head = len * sizes.filters();
        let mut filters = vec![T::ZERO; sizes.num_heads * of_head];
        filters
            .par_chunks_mut(of_head.max(1))
            .enumerate()
            .for_each(|(head, filters)| weights.activate(sizes, head, basis, filters, None));
        Self { filters, len }
    }

    /// The filters of one head at grid coordinates, a row each.
    pub(super) fn interpolate(&self, sizes: Sizes, head: usize, coordinates: &[T], out: &mut [T]) {
        let of_head = self.len * sizes.filters();
        let table = &self.filters[head * of_head..(head + 1) * of_head];
        interpolate_rows(table, sizes.filters(), coordinates, out);
    }
}

/// Lagrange's weights of the points -2 to 3 for an offset in `0..1` from point 0.
#[inline(always)]
pub(crate) fn lagrange<T: Real>(offset: T) -> [T; POINTS] {
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
    fn interpolate_rows<T: Real>(table: &[T], width: usize, coordinates: &[T], out: &mut [T]) {
        let last = table.len() / width - POINTS;
        for (out, &coordinate) in out.chunks_exact_mut(width).zip(coordinates) {
            let whole = coordinate.to_f64() as usize;
            let first = whole.saturating_sub(BEFORE).min(last);
            let weights = lagrange(coordinate - T::from_f64((first + BEFORE) as f64));
            let rows: [&[T]; POINTS] =
                std::array::from_fn(|i| &table[(first + i) * width..(first + i + 1) * width]);
            for (i, out) in out.iter_mut().enumerate() {
                let near = weights[2].mul_add(rows[2][i], weights[3] * rows[3][i]);
                let middle = weights[1].mul_add(rows[1][i], weights[4] * rows[4][i]);
                let far = weights[0].mul_add(rows[0][i], weights[5] * rows[5][i]);
                *out = near + (middle + far);
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
