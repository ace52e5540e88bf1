//! `A = Q T Q^T` with a tridiagonal `T`, from the last row up.

use super::lanes::{LANES, Lanes, at, at_mut, axpy, dot};

/// The reflections `1 - beta v v^T` whose product is `Q`.
pub(super) struct Reflections {
    /// `v` of reflection `i` is row `i` left of the diagonal; rows are `stride` vectors.
    rows: Vec<Lanes>,
    stride: usize,
    betas: Vec<f64>,
}

/// Reduces a symmetric matrix of `stride` vectors per row: `diagonal` of `T` and its `off_diagonal` (entry `i` joins `i` and
/// `i + 1`).
#[inline(always)]
pub(super) fn tridiagonalize(
    mut a: Vec<Lanes>,
    stride: usize,
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
) -> Reflections {
    let n = diagonal.len();
    let mut betas = vec![0.0; n];
    let mut w = vec![Lanes::ZERO; stride];
    for i in (1..n).rev() {
        let (block, row) = a.split_at_mut(i * stride);
        diagonal[i] = at(row, i);
        let v = &mut row[..i.div_ceil(LANES)];
        for column in i..v.len() * LANES {
            *at_mut(v, column) = 0.0;
        }
        // A reflection sends row i left of the diagonal to a multiple of its last entry.
        let last = std::mem::take(at_mut(v, i - 1));
        let tail = dot(v, v);
        if tail == 0.0 {
            off_diagonal[i - 1] = last;
            continue;
        }
        let alpha = -(tail + last * last).sqrt().copysign(last);
        let pivot = last - alpha;
        let beta = 2.0 / (tail + pivot * pivot);
        *at_mut(v, i - 1) = pivot;
        off_diagonal[i - 1] = alpha;
        betas[i] = beta;
        // A <- A - v w^T - w v^T with w = p - (beta / 2)(p . v) v and p = beta A v.
        let w = &mut w[..v.len()];
        product(block, v, w, i, stride);
        for column in i..w.len() * LANES {
            *at_mut(w, column) = 0.0;
        }
        let half = 0.5 * beta * beta * dot(w, v);
        for (w, v) in w.iter_mut().zip(&*v) {
            let old = *w;
            *w = Lanes::of(|l| beta * old.0[l] - half * v.0[l]);
        }
        for (j, row) in block.chunks_exact_mut(stride).enumerate() {
            let (vj, wj) = (at(v, j), at(w, j));
            for ((row, v), w) in row.iter_mut().zip(&*v).zip(&*w) {
                let (old, v, w) = (*row, *v, *w);
                *row = Lanes::of(|l| old.0[l] - (vj * w.0[l] + wj * v.0[l]));
            }
        }
    }
    if n > 0 {
        diagonal[0] = at(&a, 0);
    }
    Reflections {
        rows: a,
        stride,
        betas,
    }
}

/// `w = A v` for the leading `size` rows of a symmetric `A`, as a sum of its rows: no sum across lanes.
#[inline(always)]
fn product(a: &[Lanes], v: &[Lanes], w: &mut [Lanes], size: usize, stride: usize) {
    let width = w.len();
    let row = |j: usize| &a[j * stride..][..width];
    w.fill(Lanes::ZERO);
    let whole = size / 4 * 4;
    for j in (0..whole).step_by(4) {
        let (fa, fb, fc, fd) = (at(v, j), at(v, j + 1), at(v, j + 2), at(v, j + 3));
        let (a, b, c, d) = (row(j), row(j + 1), row(j + 2), row(j + 3));
        for ((((w, a), b), c), d) in w.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let (old, a, b, c, d) = (w.0, a.0, b.0, c.0, d.0);
            *w = Lanes::of(|l| old[l] + ((fa * a[l] + fb * b[l]) + (fc * c[l] + fd * d[l])));
        }
    }
    for j in whole..size {
        axpy(at(v, j), row(j), w);
    }
}

impl Reflections {
    /// `X <- Q X` for rows of `stride` vectors.
    #[inline(always)]
    pub(super) fn apply(&self, x: &mut [Lanes], stride: usize) {
        let mut column = 0;
        while column + 4 <= stride {
            self.apply_to::<4>(&mut x[column..], stride);
            column += 4;
        }
        match stride - column {
            3 => self.apply_to::<3>(&mut x[column..], stride),
            2 => self.apply_to::<2>(&mut x[column..], stride),
            1 => self.apply_to::<1>(&mut x[column..], stride),
            _ => {}
        }
    }

    /// On `G` neighbouring vectors of every row. `Q = ... H_2 H_1`, and reflection `i` touches the rows before `i` only.
    #[inline(always)]
    fn apply_to<const G: usize>(&self, x: &mut [Lanes], stride: usize) {
        for (i, &beta) in self.betas.iter().enumerate() {
            if beta == 0.0 {
                continue;
            }
            let v = &self.rows[i * self.stride..][..i.div_ceil(LANES)];
            let mut along = [Lanes::ZERO; G];
            for (j, row) in x.chunks(stride).take(i).enumerate() {
                let factor = at(v, j);
                for g in 0..G {
                    along[g] = along[g].plus(factor, row[g]);
                }
            }
            along = along.map(|x| Lanes::of(|l| -beta * x.0[l]));
            for (j, row) in x.chunks_mut(stride).take(i).enumerate() {
                let factor = at(v, j);
                for g in 0..G {
                    row[g] = row[g].plus(factor, along[g]);
                }
            }
        }
    }
}
