//! Inverse square roots of symmetric 3 x 3 matrices, with a gradient that stays finite when eigenvalues coincide.
//!
//! With `S = V diag(s) V^T`, the function is `f(S) = V diag(f(s)) V^T`, `f(s) = (s + eps)^(-1/2)`. The gradient of a
//! spectral function (Daleckii and Krein 1965) divides differences of `f` by differences of eigenvalues; for this `f` the
//! quotient is `-1 / (a b (a + b))` with `a = (s_i + eps)^(1/2)`, `b = (s_j + eps)^(1/2)`: nothing to divide by zero.

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor};

type Matrix = [[f64; 3]; 3];

/// `[N, 3, 3]` symmetric positive semi-definite in f64 to `[N, 3, 3]`. Runs on the host.
pub(crate) fn inverse_sqrt(matrices: &Tensor, epsilon: f64) -> Result<Tensor> {
    let device = matrices.device();
    let matrices = matrices.to_device(&Device::Cpu)?.contiguous()?;
    matrices
        .apply_op1(InverseSqrt { epsilon })?
        .to_device(device)
}

struct InverseSqrt {
    epsilon: f64,
}

impl CustomOp1 for InverseSqrt {
    fn name(&self) -> &'static str {
        "inverse-sqrt-3x3"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!("{}: the input is not contiguous", self.name());
        };
        let values: &[f64] = storage.as_slice()?;
        let roots = values[start..end]
            .chunks_exact(9)
            .flat_map(|matrix| {
                let spectrum = Spectrum::of(&from_row_major(matrix), self.epsilon);
                row_major(&spectrum.function())
            })
            .collect();
        Ok((CpuStorage::F64(roots), layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let host = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let (matrices, gradients) = (host(arg)?, host(grad_res)?);
        let values: Vec<f64> = matrices
            .chunks_exact(9)
            .zip(gradients.chunks_exact(9))
            .flat_map(|(matrix, gradient)| {
                let spectrum = Spectrum::of(&from_row_major(matrix), self.epsilon);
                row_major(&spectrum.pull_back(&from_row_major(gradient)))
            })
            .collect();
        Tensor::from_vec(values, arg.shape(), &Device::Cpu).map(Some)
    }
}

/// Eigenvectors (columns) and `(s + eps)^(1/2)` of a matrix.
struct Spectrum {
    vectors: Matrix,
    roots: [f64; 3],
    /// Eigenvalues below the precision of the largest count as zero and carry no gradient, as in the original.
    negligible: [bool; 3],
}

impl Spectrum {
    fn of(matrix: &Matrix, epsilon: f64) -> Self {
        let (values, vectors) = eigen(*matrix);
        let largest = values.iter().fold(0.0_f64, |max, s| max.max(s.abs()));
        let negligible = values.map(|s| s <= largest * 3.0 * f64::EPSILON);
        let mut roots = [0.0; 3];
        for k in 0..3 {
            let s = if negligible[k] { 0.0 } else { values[k] };
            roots[k] = (s + epsilon).sqrt();
        }
        Self {
            vectors,
            roots,
            negligible,
        }
    }

    /// `V diag(1 / root) V^T`.
    fn function(&self) -> Matrix {
        let v = &self.vectors;
        from_fn(|i, j| (0..3).map(|k| v[i][k] * v[j][k] / self.roots[k]).sum())
    }

    /// `V (Q (*) (V^T G V)) V^T` with the difference quotients `Q`, and `G` made symmetric.
    fn pull_back(&self, gradient: &Matrix) -> Matrix {
        let v = &self.vectors;
        let symmetric: Matrix = from_fn(|i, j| 0.5 * (gradient[i][j] + gradient[j][i]));
        let rotated = multiply(&multiply(&transpose(v), &symmetric), v);
        let weighted = from_fn(|i, j| {
            // Both count as zero, whatever they are.
            if self.negligible[i] && self.negligible[j] {
                return 0.0;
            }
            let (a, b) = (self.roots[i], self.roots[j]);
            -rotated[i][j] / (a * b * (a + b))
        });
        multiply(&multiply(v, &weighted), &transpose(v))
    }
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix by Jacobi rotations (Golub and Van Loan, section 8.5).
fn eigen(mut a: Matrix) -> ([f64; 3], Matrix) {
    let mut v: Matrix = from_fn(|i, j| if i == j { 1.0 } else { 0.0 });
    // Convergence is quadratic: a handful of sweeps reach rounding error; the bound only guards against NaN.
    for _ in 0..16 {
        let scale = a[0][0].abs() + a[1][1].abs() + a[2][2].abs();
        let off = a[0][1].abs() + a[0][2].abs() + a[1][2].abs();
        if off <= f64::EPSILON * 1e-3 * scale {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            rotate(&mut a, &mut v, p, q);
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

/// Zeroes `a[p][q]` by a rotation in the plane of `p` and `q`.
fn rotate(a: &mut Matrix, v: &mut Matrix, p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in a.iter_mut().chain(v.iter_mut()) {
        let (x, y) = (row[p], row[q]);
        row[p] = c * x - s * y;
        row[q] = s * x + c * y;
    }
    let (upper, lower) = (a[p], a[q]);
    a[p] = std::array::from_fn(|k| c * upper[k] - s * lower[k]);
    a[q] = std::array::from_fn(|k| s * upper[k] + c * lower[k]);
    a[p][q] = 0.0;
    a[q][p] = 0.0;
}

fn from_fn(entry: impl Fn(usize, usize) -> f64) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    from_fn(|i, j| (0..3).map(|k| a[i][k] * b[k][j]).sum())
}

fn transpose(a: &Matrix) -> Matrix {
    from_fn(|i, j| a[j][i])
}

fn from_row_major(values: &[f64]) -> Matrix {
    from_fn(|i, j| values[3 * i + j])
}

fn row_major(a: &Matrix) -> [f64; 9] {
    std::array::from_fn(|k| a[k / 3][k % 3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;

    const EPSILON: f64 = 1e-5;

    /// `B B^T` of a few awkward matrices: ordinary, two equal eigenvalues, all equal, rank one, zero.
    fn matrices() -> Vec<Matrix> {
        vec![
            [[2.0, 0.3, -0.1], [0.3, 1.0, 0.4], [-0.1, 0.4, 0.7]],
            [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]],
            [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]],
            [[0.0; 3]; 3],
        ]
    }

    #[test]
    fn squared_and_inverted_it_gives_the_matrix_back() {
        for matrix in matrices() {
            let root = Spectrum::of(&matrix, EPSILON).function();
            let shifted = from_fn(|i, j| matrix[i][j] + if i == j { EPSILON } else { 0.0 });
            let product = multiply(&multiply(&root, &root), &shifted);
            for (i, row) in product.iter().enumerate() {
                for (j, x) in row.iter().enumerate() {
                    let expected = f64::from(u8::from(i == j));
                    assert!((x - expected).abs() < 1e-7, "{matrix:?}: {product:?}");
                }
            }
        }
    }

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let weights = [0.3, -0.7, 0.2, 1.1, 0.9, -0.4, 0.5, 0.8, -1.3];
        let value = |matrix: &Matrix| -> f64 {
            let root = row_major(&Spectrum::of(matrix, EPSILON).function());
            root.iter().zip(weights).map(|(x, w)| x * w).sum()
        };
        // Not the singular ones: there the function is steep and the small eigenvalues count as zero.
        for matrix in &matrices()[..3] {
            let var = Var::from_vec(row_major(matrix).to_vec(), (1, 3, 3), &Device::Cpu);
            let var = var.expect("nine values");
            let root = inverse_sqrt(var.as_tensor(), EPSILON).expect("symmetric");
            let weights = Tensor::new(&weights, &Device::Cpu).expect("nine values");
            let loss = (root.flatten_all().expect("flat") * weights)
                .and_then(|x| x.sum_all())
                .expect("scalar");
            let gradients = loss.backward().expect("gradients");
            let gradient = gradients.get(&var).expect("reaches the matrix");
            let gradient: Vec<f64> = gradient
                .flatten_all()
                .and_then(|g| g.to_vec1())
                .expect("f64");
            for i in 0..3 {
                for j in i..3 {
                    let step = 1e-5;
                    let moved = |sign: f64| {
                        let mut moved = *matrix;
                        moved[i][j] += sign * step;
                        if i != j {
                            moved[j][i] += sign * step;
                        }
                        value(&moved)
                    };
                    let numeric = (moved(1.0) - moved(-1.0)) / (2.0 * step);
                    let analytic = if i == j {
                        gradient[4 * i]
                    } else {
                        gradient[3 * i + j] + gradient[3 * j + i]
                    };
                    assert!(
                        (numeric - analytic).abs() < 1e-6 * (1.0 + numeric.abs()),
                        "{matrix:?} [{i}][{j}]: {analytic} against {numeric}"
                    );
                }
            }
        }
    }

    #[test]
    fn gradient_is_finite_for_singular_matrices() {
        for matrix in matrices() {
            let gradient = Spectrum::of(&matrix, EPSILON).pull_back(&[[1.0; 3]; 3]);
            assert!(row_major(&gradient).iter().all(|g| g.is_finite()));
        }
    }
}
