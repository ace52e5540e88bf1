//! Eigenvalues and eigenvectors of small dense symmetric matrices.
//!
//! Householder's reduction to tridiagonal form (Martin, Reinsch and Wilkinson, Numer. Math. 11, 181, 1968), then the
//! QL method (Dubrulle, Martin and Wilkinson, Numer. Math. 12, 377, 1968) for the eigenvalues. The rotations of QL are kept
//! and undone, then the reflections, on the unit vectors of the eigenvalues asked for: so the cost of a vector is its own,
//! and all are orthonormal to rounding whatever the spectrum, degenerate ones included.
//!
//! Rows are padded with zeros to whole vectors of [`LANES`], so that inner loops have no remainder. Every number is made by
//! the same operations in the same order on every processor, products and sums fused everywhere alike: the same matrix gives
//! the same bits with wide vector instructions and without. A processor that cannot fuse them does it in software, slowly.

mod householder;
mod lanes;
mod order;
mod ql;
mod quad;
mod recurrence;
mod rotations;

use std::cell::Cell;

use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use householder::Reflections;
use lanes::{LANES, Lanes, at, at_mut, numbers};
use order::Order;
use quad::Quad;
use rotations::Rotations;

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
    /// Column of the vector of each value.
    columns: Vec<u32>,
    stride: usize,
    /// Row `i` holds component `i` of every vector.
    components: Vec<Lanes>,
}

/// Memory of a decomposition, reused from matrix to matrix.
#[derive(Debug, Default)]
struct Desk {
    diagonal: Vec<f64>,
    joins: Vec<f64>,
    reflections: Reflections,
    rotations: Rotations,
    /// Signs of the rows of the vectors.
    signs: Vec<f64>,
    order: Order,
    /// Places on the diagonal of the values whose vectors are asked for, ascending.
    wanted: Vec<usize>,
}

thread_local! {
    static DESK: Cell<Desk> = Cell::default();
}

/// Matrices larger than this give their memory back.
const KEPT_SIZE: usize = 256;

impl SymmetricMatrix {
    /// The zero matrix of `size` rows.
    pub fn zeros(size: usize) -> Self {
        let stride = size.div_ceil(LANES);
        Self {
            size,
            stride,
            rows: lanes::zeros(size * stride),
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
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        assert!(i < self.size && j < self.size, "no such entry");
        at(&self.rows[i * self.stride..], j)
    }

    /// Sets the entries `(i, j)` and `(j, i)`.
    ///
    /// # Panics
    /// When `i` or `j` is no row.
    #[inline]
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
        let mut desk = DESK.take();
        let spectrum = decompose(self, count.min(size), &mut desk);
        if size <= KEPT_SIZE {
            DESK.set(desk);
        }
        spectrum.ok_or(KernelError::Eigen { size })
    }
}

impl Spectrum {
    /// The eigenvalues, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of eigenvectors.
    pub fn count(&self) -> usize {
        self.columns.len()
    }

    /// Component `i` of every eigenvector, in the order of the values: eigenvectors are columns.
    #[inline]
    pub fn components(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        let row = numbers(&self.components[i * self.stride..][..self.stride]);
        self.columns.iter().map(|&column| row[column as usize])
    }

    /// Gives every eigenvector the sign that makes its entry of largest magnitude positive; of entries within the factor
    /// `tie` of the largest, the first.
    pub fn make_largest_positive(&mut self, tie: f64) {
        make_largest_positive(&mut self.components, self.stride, tie);
    }
}

impl Drop for Spectrum {
    fn drop(&mut self) {
        lanes::give_back(std::mem::take(&mut self.components));
    }
}

vectorized! {
    /// As [`Spectrum::make_largest_positive`]; padding stays zero.
    fn make_largest_positive(components: &mut [Lanes], stride: usize, tie: f64) {
        for column in 0..stride {
            let mut largest = Lanes::ZERO;
            let mut i = column;
            while i < components.len() {
                let (old, x) = (largest.0, components[i].0);
                largest = Lanes::of(|l| if x[l].abs() > old[l] { x[l].abs() } else { old[l] });
                i += stride;
            }
            let least = Lanes::of(|l| tie * largest.0[l]).0;
            let mut sign = Lanes::ZERO;
            // From the end, so that the first entry has the last word.
            while i > column {
                i -= stride;
                let (old, x) = (sign.0, components[i].0);
                sign = Lanes::of(|l| if x[l].abs() >= least[l] { 1.0_f64.copysign(x[l]) } else { old[l] });
            }
            while i < components.len() {
                let old = components[i].0;
                components[i] = Lanes::of(|l| old[l] * sign.0[l]);
                i += stride;
            }
        }
    }
}

fn entries(row: &[Lanes], size: usize) -> impl Iterator<Item = f64> + '_ {
    row.iter().flat_map(|x| x.0).take(size)
}

/// `None` when there is no answer.
fn decompose(matrix: SymmetricMatrix, count: usize, desk: &mut Desk) -> Option<Spectrum> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::is_x86_feature_detected as has;
        if has!("avx2") && has!("fma") && has!("avx512f") && has!("avx512vl") && has!("avx512dq") {
            // SAFETY: the processor was just found to have what the function is compiled for.
            #[allow(unsafe_code)]
            return unsafe { with_avx512(matrix, count, desk) };
        }
        if has!("avx2") && has!("fma") {
            // SAFETY: as above.
            #[allow(unsafe_code)]
            return unsafe { with_avx2(matrix, count, desk) };
        }
    }
    decompose_on::<Lanes>(matrix, count, desk)
}

/// The same instructions as [`with_avx2`] with twice the registers, and wider ones for the vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq")]
fn with_avx512(matrix: SymmetricMatrix, count: usize, desk: &mut Desk) -> Option<Spectrum> {
    decompose_on::<quad::Avx>(matrix, count, desk)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(matrix: SymmetricMatrix, count: usize, desk: &mut Desk) -> Option<Spectrum> {
    decompose_on::<quad::Avx>(matrix, count, desk)
}

#[inline(always)]
fn decompose_on<Q: Quad>(
    matrix: SymmetricMatrix,
    count: usize,
    desk: &mut Desk,
) -> Option<Spectrum> {
    let SymmetricMatrix {
        size,
        stride,
        mut rows,
    } = matrix;
    let Desk {
        diagonal,
        joins,
        reflections,
        rotations,
        signs,
        order,
        wanted,
    } = desk;
    let largest = lanes::largest(&rows);
    if !largest.is_finite() {
        return None;
    }
    // Scaling to unit size keeps squares away from overflow and underflow.
    if largest > 0.0 && largest != 1.0 {
        lanes::divide(&mut rows, largest);
    }
    for row in [&mut *diagonal, &mut *joins] {
        row.clear();
        row.resize(rotations::padded(size), 0.0);
    }
    let off_diagonal = &mut joins[1..size.max(1)];
    householder::tridiagonalize(
        &mut rows,
        stride,
        &mut diagonal[..size],
        off_diagonal,
        reflections,
    );
    // T = S |T| S with signs S: from here on, the matrix is |T|, and its off-diagonal is squared.
    let mut sign = 1.0_f64;
    signs.clear();
    for join in &mut joins[..size] {
        sign = if *join < 0.0 { -sign } else { sign };
        *join *= *join;
        signs.push(sign);
    }
    ql::diagonalize::<Q>(size, diagonal, joins, rotations)?;
    if !diagonal[..size].iter().all(|value| value.is_finite()) {
        return None;
    }
    let ranks = order.ranks(&diagonal[..size]);
    wanted.clear();
    wanted.extend((0..size).filter(|&place| ranks[place] < count));
    let mut values = vec![0.0; size];
    for (&value, &rank) in diagonal.iter().zip(ranks) {
        values[rank] = value * largest;
    }
    let stride = count.div_ceil(LANES);
    let mut components = lanes::zeros(size * stride);
    let mut columns = vec![0; count];
    for (column, &place) in wanted.iter().enumerate() {
        columns[ranks[place]] = column as u32;
        *at_mut(&mut components[place * stride..], column) = 1.0;
    }
    rotations.undo(&mut components, stride, wanted);
    for (row, sign) in components.chunks_mut(stride.max(1)).zip(signs) {
        lanes::multiply(row, *sign);
    }
    reflections.apply(&rows, &mut components, stride);
    lanes::give_back(rows);
    Some(Spectrum {
        values,
        columns,
        stride,
        components,
    })
}

#[cfg(test)]
mod tests;
