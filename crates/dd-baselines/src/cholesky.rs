//! Symmetric positive definite matrices: products, factors, solutions, inverses.
//!
//! In blocks, so that most of the work is matrix products, which ndarray does fast. Only
//! lower triangles are made and read.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Rows per block.
const BLOCK: usize = 64;
/// Columns per product when one triangle of the result is wanted.
const WIDE: usize = 256;
/// Rows whose images are held at a time.
const CHUNK: usize = 1024;

/// The lower triangle of `rows · rowsᵀ`; above it is nothing of meaning.
pub(crate) fn gram(rows: ArrayView2<'_, f64>) -> Array2<f64> {
    let count = rows.nrows();
    let mut product = Array2::zeros((count, count));
    for from in (0..count).step_by(WIDE) {
        let to = (from + WIDE).min(count);
        let columns = rows.slice(s![from..to, ..]);
        let mut target = product.slice_mut(s![from.., from..to]);
        let below = rows.slice(s![from.., ..]);
        general_mat_mul(1.0, &below, &columns.t(), 0.0, &mut target);
    }
    product
}

/// `L` of `A = L Lᵀ`.
#[derive(Debug)]
pub(crate) struct Cholesky {
    lower: Array2<f64>,
}

impl Cholesky {
    /// Factors a matrix of which the lower triangle is given; `None` when it is not
    /// positive definite in double precision.
    pub(crate) fn new(mut matrix: Array2<f64>) -> Option<Self> {
        let count = matrix.nrows();
        let largest = matrix.diag().fold(0.0, |a: f64, b| a.max(*b));
        let least = largest * count as f64 * f64::EPSILON;
        for from in (0..count).step_by(BLOCK) {
            let to = (from + BLOCK).min(count);
            for row in from..count {
                let (above, mut rest) = matrix.view_mut().split_at(Axis(0), row);
                let mut this = rest.row_mut(0);
                for column in from..to.min(row) {
                    let other = above.row(column);
                    let known = s![from..column];
                    let dot = this.slice(known).dot(&other.slice(known));
                    this[column] = (this[column] - dot) / other[column];
                }
                if row < to {
                    let known = this.slice(s![from..row]);
                    let pivot = this[row] - known.dot(&known);
                    if pivot.is_nan() || pivot <= least {
                        return None;
                    }
                    this[row] = pivot.sqrt();
                }
            }
            let panel = matrix.slice(s![to.., from..to]).to_owned();
            for start in (to..count).step_by(WIDE) {
                let end = (start + WIDE).min(count);
                let columns = panel.slice(s![start - to..end - to, ..]);
                let below = panel.slice(s![start - to.., ..]);
                let mut target = matrix.slice_mut(s![start.., start..end]);
                general_mat_mul(-1.0, &below, &columns.t(), 1.0, &mut target);
            }
        }
        Some(Self { lower: matrix })
    }

    /// The solution `x` of `A x = right`.
    pub(crate) fn solve(&self, right: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut x = right.to_owned();
        for row in 0..x.len() {
            let known = self.lower.slice(s![row, ..row]);
            x[row] = (x[row] - known.dot(&x.slice(s![..row]))) / self.lower[(row, row)];
        }
        for row in (0..x.len()).rev() {
            x[row] /= self.lower[(row, row)];
            let value = x[row];
            let known = self.lower.slice(s![row, ..row]);
            x.slice_mut(s![..row]).scaled_add(-value, &known);
        }
        x
    }

    /// `L⁻¹`, a lower triangle with zeros above it; `A⁻¹` is its transpose times itself.
    pub(crate) fn inverse_factor(&self) -> Array2<f64> {
        let count = self.lower.nrows();
        let mut inverse = Array2::<f64>::zeros((count, count));
        for from in (0..count).step_by(BLOCK) {
            let to = (from + BLOCK).min(count);
            for row in from..to {
                let (above, mut rest) = inverse.view_mut().split_at(Axis(0), row);
                let mut this = rest.row_mut(0);
                this[row] = 1.0;
                for column in from..row {
                    let known = above.slice(s![column, ..=column]);
                    this.slice_mut(s![..=column])
                        .scaled_add(-self.lower[(row, column)], &known);
                }
                this /= self.lower[(row, row)];
            }
            let done = inverse.slice(s![from..to, ..to]).to_owned();
            let left = self.lower.slice(s![to.., from..to]);
            let mut below = inverse.slice_mut(s![to.., ..to]);
            general_mat_mul(-1.0, &left, &done, 1.0, &mut below);
        }
        inverse
    }
}

/// `‖T x‖²` of every row `x` of `rows`, with a lower triangle `T`.
pub(crate) fn squared_lengths(triangle: &Array2<f64>, rows: ArrayView2<'_, f64>) -> Array1<f64> {
    let mut lengths = Array1::zeros(rows.nrows());
    let width = rows.ncols();
    for (chunk, rows) in rows.axis_chunks_iter(Axis(0), CHUNK).enumerate() {
        let mut lengths = lengths.slice_mut(s![chunk * CHUNK..chunk * CHUNK + rows.nrows()]);
        for from in (0..width).step_by(WIDE) {
            let to = (from + WIDE).min(width);
            let images = rows
                .slice(s![.., ..to])
                .dot(&triangle.slice(s![from..to, ..to]).t());
            for (length, image) in lengths.iter_mut().zip(images.rows()) {
                *length += image.dot(&image);
            }
        }
    }
    lengths
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn rows(count: usize, width: usize) -> Array2<f64> {
        let mut random = SplitMix64::new(count as u64, width as u64);
        Array2::from_shape_fn((count, width), |_| random.below(2001) as f64 / 1e3 - 1.0)
    }

    /// `rows · rowsᵀ + I`, whole.
    fn positive(count: usize, width: usize) -> Array2<f64> {
        let rows = rows(count, width);
        rows.dot(&rows.t()) + Array2::<f64>::eye(count)
    }

    #[test]
    fn products_are_those_of_all_pairs() {
        for (count, width) in [(1, 3), (300, 5), (513, 2)] {
            let rows = rows(count, width);
            let (product, all) = (gram(rows.view()), rows.dot(&rows.t()));
            for row in 0..count {
                let below = s![row, ..=row];
                let difference = &product.slice(below) - &all.slice(below);
                assert!(difference.iter().all(|x| x.abs() < 1e-12));
            }
        }
    }

    #[test]
    fn solutions_solve() {
        for count in [1, 2, 63, 64, 65, 300] {
            let matrix = positive(count, 20);
            let right = rows(count, 1).column(0).to_owned();
            let x = Cholesky::new(matrix.clone()).unwrap().solve(right.view());
            let rest = matrix.dot(&x) - &right;
            assert!(rest.iter().all(|x| x.abs() < 1e-11), "{count}");
        }
    }

    #[test]
    fn inverse_factors_invert() {
        for count in [1, 63, 65, 300] {
            let factor = Cholesky::new(positive(count, 20)).unwrap();
            let inverse = factor.inverse_factor();
            let unit = Array2::<f64>::eye(count);
            for i in [0, count / 2, count - 1] {
                let column = inverse.t().dot(&inverse.column(i));
                let rest = factor.solve(unit.row(i)) - column;
                assert!(rest.iter().all(|x| x.abs() < 1e-12), "{count}");
            }
        }
    }

    #[test]
    fn squared_lengths_are_those_of_products() {
        let triangle = Cholesky::new(positive(300, 20)).unwrap().inverse_factor();
        let rows = rows(1100, 300);
        let lengths = squared_lengths(&triangle, rows.view());
        for i in [0, 1023, 1024, 1099] {
            let image = triangle.dot(&rows.row(i));
            assert!((lengths[i] / image.dot(&image) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn singular_matrices_are_refused() {
        let rows = rows(60, 20);
        assert!(Cholesky::new(rows.dot(&rows.t())).is_none());
        assert!(Cholesky::new(Array2::zeros((2, 2))).is_none());
        assert!(Cholesky::new(Array2::from_elem((1, 1), f64::NAN)).is_none());
    }
}
