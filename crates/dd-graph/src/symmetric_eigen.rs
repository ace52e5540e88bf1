//! Eigenvalues and eigenvectors of small dense symmetric matrices.
//!
//! Householder's reduction to tridiagonal form (Martin, Reinsch and Wilkinson, Numer. Math. 11, 181, 1968) followed by the
//! implicit QL method (Dubrulle, Martin and Wilkinson, Numer. Math. 12, 377, 1968). Eigenvectors are kept as rows, so that
//! every inner loop runs over contiguous memory. All sums have a fixed order: the same matrix gives the same bits.

use ndarray::Array2;

use crate::error::{GraphError, Result};

/// The spectral decomposition `A = sum_i values[i] v_i v_i^T` with orthonormal `v_i`.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending, `[n]`.
    pub values: Vec<f64>,
    /// Eigenvectors as rows, in the order of the values, `[n, n]`.
    pub vectors: Array2<f64>,
}

/// Implicit QL needs fewer than two sweeps per eigenvalue; more than this means that the input was not finite.
const MAX_SWEEPS: usize = 60;

/// Decomposes a symmetric matrix given row by row; only its lower triangle is trusted to be symmetric to the upper.
///
/// # Complexity
/// O(n³) time, O(n²) memory.
///
/// # Errors
/// When the matrix does not have n² entries or the iteration does not converge, which finite input does not cause.
pub fn symmetric_eigen(mut matrix: Vec<f64>, n: usize) -> Result<SymmetricEigen> {
    if matrix.len() != n * n {
        return Err(GraphError::Shape {
            name: "symmetric matrix",
            expected: format!("{n} x {n} entries"),
            got: vec![matrix.len()],
        });
    }
    // Scaling to unit size keeps squares away from overflow and underflow.
    let scale = matrix
        .iter()
        .fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if scale > 0.0 {
        for x in &mut matrix {
            *x /= scale;
        }
    }
    let (mut diagonal, mut off_diagonal, mut rows) = tridiagonalize(&mut matrix, n);
    implicit_ql(&mut diagonal, &mut off_diagonal, &mut rows, n)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
    let vectors = order
        .iter()
        .flat_map(|&i| rows[i * n..(i + 1) * n].iter().copied())
        .collect();
    Ok(SymmetricEigen {
        values: order.iter().map(|&i| diagonal[i] * scale).collect(),
        vectors: Array2::from_shape_vec((n, n), vectors).expect("n rows of n entries"),
    })
}

/// `A = Q T Q^T`: the diagonal of `T`, its off-diagonal (`e[i]` joins `i` and `i + 1`), and `Q^T` row by row.
fn tridiagonalize(a: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut off_diagonal = vec![0.0; n];
    let mut reflectors: Vec<(f64, Vec<f64>)> = Vec::with_capacity(n);
    let mut p = vec![0.0; n];
    for k in 0..n.saturating_sub(1) {
        // H = 1 - beta v v^T sends column k below the diagonal to a multiple of its first entry.
        let mut v: Vec<f64> = (k + 1..n).map(|row| a[row * n + k]).collect();
        let norm = dot(&v, &v).sqrt();
        let tail = dot(&v[1..], &v[1..]);
        if tail == 0.0 {
            off_diagonal[k] = v[0];
            reflectors.push((0.0, Vec::new()));
            continue;
        }
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        v[0] -= alpha;
        let beta = 2.0 / (v[0] * v[0] + tail);
        off_diagonal[k] = alpha;
        // A <- H A H = A - v w^T - w v^T with w = p - (beta/2)(p.v) v, p = beta A v.
        let w = &mut p[..n - k - 1];
        for (i, entry) in w.iter_mut().enumerate() {
            let row = k + 1 + i;
            *entry = beta * dot(&a[row * n + k + 1..(row + 1) * n], &v);
        }
        let half = 0.5 * beta * dot(w, &v);
        axpy(-half, &v, w);
        for i in 0..v.len() {
            let start = (k + 1 + i) * n + k + 1;
            let row = &mut a[start..start + v.len()];
            let (vi, wi) = (v[i], w[i]);
            for ((x, vj), wj) in row.iter_mut().zip(&v).zip(&*w) {
                *x -= vi * wj + wi * vj;
            }
        }
        reflectors.push((beta, v));
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    let mut q = vec![0.0; n * n];
    (0..n).for_each(|i| q[i * n + i] = 1.0);
    // Q^T <- Q^T H_k from the last reflector to the first: each touches the trailing block only.
    for (k, (beta, v)) in reflectors.iter().enumerate().rev() {
        if v.is_empty() {
            continue;
        }
        for row in q.chunks_exact_mut(n).skip(k + 1) {
            let tail = &mut row[k + 1..];
            let factor = -beta * dot(tail, v);
            axpy(factor, v, tail);
        }
    }
    (diagonal, off_diagonal, q)
}

/// Diagonalises the tridiagonal matrix `(d, e)` and applies every rotation to the rows of `z`.
fn implicit_ql(d: &mut [f64], e: &mut [f64], z: &mut [f64], n: usize) -> Result<()> {
    for l in 0..n {
        let mut sweeps = 0;
        loop {
            let negligible = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
            let m = (l..n - 1).find(|&m| negligible(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            sweeps += 1;
            if sweeps > MAX_SWEEPS {
                return Err(GraphError::EigenIteration { size: n });
            }
            // Wilkinson's shift: the eigenvalue of the leading 2 x 2 block that is nearer to d[l].
            let theta = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let root = (theta * theta + 1.0).sqrt();
            let mut g = d[m] - d[l] + e[l] / (theta + root.copysign(theta));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    split = true;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                let t = (d[i] - g) * s + 2.0 * c * b;
                p = s * t;
                d[i + 1] = g + p;
                g = c * t - b;
                let (upper, lower) = z[i * n..(i + 2) * n].split_at_mut(n);
                for (x, y) in upper.iter_mut().zip(lower) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
            if !split {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    Ok(())
}

/// Inner product in eight interleaved sums, so that it vectorises without the compiler reordering anything.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (heads_a, heads_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = heads_a
        .remainder()
        .iter()
        .zip(heads_b.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in heads_a.zip(heads_b) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// `y <- y + factor x`.
fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dd_kernels::rng::Key;

    /// Largest entry of `A V^T - V^T diag` and of `V V^T - 1`.
    fn residuals(matrix: &[f64], n: usize, eigen: &SymmetricEigen) -> (f64, f64) {
        let a = Array2::from_shape_vec((n, n), matrix.to_vec()).expect("square");
        let v = &eigen.vectors;
        let mut worst = 0.0_f64;
        for (i, &value) in eigen.values.iter().enumerate() {
            let residual = a.dot(&v.row(i)) - &v.row(i) * value;
            worst = residual.iter().fold(worst, |w, x| w.max(x.abs()));
        }
        let gram = v.dot(&v.t()) - Array2::<f64>::eye(n);
        (worst, gram.iter().fold(0.0, |w, x| w.max(x.abs())))
    }

    #[test]
    fn random_matrices_are_decomposed_to_rounding() {
        for n in [0, 1, 2, 3, 5, 8, 17, 40, 101] {
            let key = Key::from_seed(9).with(n as u64);
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..=i {
                    a[i * n + j] = key.normal((i * n + j) as u64);
                    a[j * n + i] = a[i * n + j];
                }
            }
            let eigen = symmetric_eigen(a.clone(), n).expect("converges");
            let (residual, orthogonality) = residuals(&a, n, &eigen);
            let bound = 1e-14 * (n as f64 + 1.0);
            assert!(residual < 10.0 * bound, "n = {n}: residual {residual}");
            assert!(orthogonality < 10.0 * bound, "n = {n}: {orthogonality}");
            assert!(eigen.values.is_sorted());
        }
    }

    #[test]
    fn degenerate_and_diagonal_matrices() {
        // All ones: eigenvalues 0 (n - 1 times) and n.
        let n = 12;
        let eigen = symmetric_eigen(vec![1.0; n * n], n).expect("converges");
        assert!((eigen.values[n - 1] - n as f64).abs() < 1e-13);
        assert!(eigen.values[..n - 1].iter().all(|v| v.abs() < 1e-13));
        assert!(residuals(&vec![1.0; n * n], n, &eigen).1 < 1e-13);
        let diagonal = symmetric_eigen(vec![3.0, 0.0, 0.0, -1.0], 2).expect("converges");
        assert_eq!(diagonal.values, [-1.0, 3.0]);
        assert_eq!(
            symmetric_eigen(vec![0.0; 9], 3).expect("zeros").values,
            [0.0; 3]
        );
    }

    #[test]
    fn scale_does_not_matter_and_nan_is_an_error() {
        let tiny = symmetric_eigen(vec![0.0, 1e-200, 1e-200, 0.0], 2).expect("converges");
        assert!((tiny.values[1] / 1e-200 - 1.0).abs() < 1e-14);
        let nan = vec![0.0, f64::NAN, f64::NAN, 0.0];
        assert!(symmetric_eigen(nan, 2).is_err());
        assert!(symmetric_eigen(vec![0.0; 3], 2).is_err());
    }
}
