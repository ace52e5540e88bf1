//! Eigenvalues and eigenvectors of small dense symmetric matrices.
//!
//! Householder's reduction to tridiagonal form (Martin, Reinsch and Wilkinson, Numer. Math. 11, 181, 1968), then the
//! QL method (Dubrulle, Martin and Wilkinson, Numer. Math. 12, 377, 1968) for the eigenvalues. The rotations of QL are kept
//! and undone, then the reflections, on the unit vectors of the eigenvalues asked for: so the cost of a vector is its own,
//! and all are orthonormal to rounding whatever the spectrum, degenerate ones included.
//!
//! Rows are padded with zeros to whole vectors of [`LANES`], so that inner loops have no remainder. Every number is made by
//! the same operations in the same order on every processor, without fused multiply-add: the same matrix gives the same bits
//! with wide vector instructions and without.

mod householder;
mod lanes;
mod rotations;

use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use lanes::{LANES, Lanes, at, at_mut};

/// A symmetric matrix under construction.
#[derive(Debug, Clone)]
pub struct SymmetricMatrix {
    size: usize,
    stride: usize,
    rows: Vec<Lanes>,
}

/// Eigenvalues, and the eigenvectors of the smallest of them.
#[derive(Debug, Clone)]
pub struct Spectrum {
    values: Vec<f64>,
    count: usize,
    stride: usize,
    /// Row `i` holds component `i` of every vector.
    components: Vec<Lanes>,
}

impl SymmetricMatrix {
    /// The zero matrix of `size` rows.
    pub fn zeros(size: usize) -> Self {
        let stride = size.div_ceil(LANES);
        Self {
            size,
            stride,
            rows: vec![Lanes::ZERO; size * stride],
        }
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The `size` entries of row `i`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        entries(&self.rows[i * self.stride..], self.size)
    }

    /// Entry `(i, j)`.
    ///
    /// # Panics
    /// When `i` or `j` is no row.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        assert!(i < self.size && j < self.size, "no such entry");
        at(&self.rows[i * self.stride..], j)
    }

    /// Sets the entries `(i, j)` and `(j, i)`.
    ///
    /// # Panics
    /// When `i` or `j` is no row.
    pub fn set(&mut self, i: usize, j: usize, value: f64) {
        assert!(i < self.size && j < self.size, "no such entry");
        *at_mut(&mut self.rows[i * self.stride..], j) = value;
        *at_mut(&mut self.rows[j * self.stride..], i) = value;
    }

    /// All eigenvalues, and the eigenvectors of the smallest `count` of them (all, when there are fewer).
    ///
    /// # Complexity
    /// O(n³ + n² count) time, O(n²) memory.
    ///
    /// # Errors
    /// When an entry is not finite, or the iteration does not converge, which finite entries do not cause.
    pub fn spectrum(self, count: usize) -> Result<Spectrum> {
        let size = self.size;
        decompose(self, count.min(size)).ok_or(KernelError::Eigen { size })
    }
}

impl Spectrum {
    /// The eigenvalues, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of eigenvectors.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Component `i` of every eigenvector, in the order of the values: eigenvectors are columns.
    pub fn components(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        entries(&self.components[i * self.stride..], self.count)
    }
}

fn entries(row: &[Lanes], size: usize) -> impl Iterator<Item = f64> + '_ {
    row.iter().flat_map(|x| x.0).take(size)
}

vectorized! {
    /// As [`decompose_plainly`], with the vector instructions of the processor.
    fn decompose(matrix: SymmetricMatrix, count: usize) -> Option<Spectrum> {
        decompose_plainly(matrix, count)
    }
}

/// `None` when there is no answer.
#[inline(always)]
fn decompose_plainly(matrix: SymmetricMatrix, count: usize) -> Option<Spectrum> {
    let SymmetricMatrix {
        size,
        stride,
        mut rows,
    } = matrix;
    let largest = lanes::largest(&rows);
    if !largest.is_finite() {
        return None;
    }
    // Scaling to unit size keeps squares away from overflow and underflow.
    if largest > 0.0 && largest != 1.0 {
        lanes::divide(&mut rows, largest);
    }
    let (mut diagonal, mut joins) = (vec![0.0; size], vec![0.0; size.saturating_sub(1)]);
    let reflections = householder::tridiagonalize(rows, stride, &mut diagonal, &mut joins);
    // T = S |T| S with signs S: from here on, the matrix is |T|, and its off-diagonal is squared.
    let mut negative = vec![false; size];
    for (i, join) in joins.iter_mut().enumerate() {
        negative[i + 1] = negative[i] != (*join < 0.0);
        *join *= *join;
    }
    let rotations = rotations::implicit_ql(&mut diagonal, &mut joins)?;
    let mut places: Vec<usize> = (0..size).collect();
    places.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
    let stride = count.div_ceil(LANES);
    let mut components = vec![Lanes::ZERO; size * stride];
    for (column, &place) in places.iter().take(count).enumerate() {
        *at_mut(&mut components[place * stride..], column) = 1.0;
    }
    rotations.undo(&mut components, stride);
    for (row, negative) in components.chunks_mut(stride.max(1)).zip(negative) {
        if negative {
            lanes::negate(row);
        }
    }
    reflections.apply(&mut components, stride);
    Some(Spectrum {
        values: places
            .iter()
            .map(|&place| diagonal[place] * largest)
            .collect(),
        count,
        stride,
        components,
    })
}

#[cfg(test)]
mod tests;
