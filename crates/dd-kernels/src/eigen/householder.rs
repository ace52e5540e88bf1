//! `A = Q T Q^T` with a tridiagonal `T`, from the last row up.

use super::lanes::{LANES, Lanes, at, at_mut, axpy, dot, numbers, numbers_mut, vectors};

/// The reflections `1 - beta v v^T` whose product is `Q`: `v` of reflection `i` is left of the diagonal in row `i` of the
/// matrix that was reduced.
#[derive(Debug, Default)]
pub(super) struct Reflections {
    betas: Vec<f64>,
    v: Vec<Lanes>,
    w: Vec<Lanes>,
    product: Vec<Lanes>,
}

/// Reduces a symmetric matrix of `stride` vectors per row: `diagonal` of `T` and its `off_diagonal` (entry `i` joins `i` and
/// `i + 1`).
///
/// A reflection changes the rows above its own by `A <- A - v w^T - w v^T`. They change when the next reflection is known,
/// so that one pass over the matrix serves the change and the product with the next `v`.
#[inline(always)]
pub(super) fn tridiagonalize(
    a: &mut [Lanes],
    stride: usize,
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
    reflections: &mut Reflections,
) {
    let n = diagonal.len();
    let Reflections {
        betas,
        v,
        w,
        product,
    } = reflections;
    betas.clear();
    betas.resize(n, 0.0);
    for row in [&mut *v, &mut *w, &mut *product] {
        row.clear();
        row.resize(stride, Lanes::ZERO);
    }
    for i in (0..n).rev() {
        let (block, row) = a.split_at_mut(i * stride);
        change(row, at(v, i), at(w, i), v, w);
        diagonal[i] = at(row, i);
        if i == 0 {
            break;
        }
        let width = i.div_ceil(LANES);
        let (row, p) = (&mut row[..width], &mut product[..width]);
        let (v, w) = (&mut v[..width], &mut w[..width]);
        numbers_mut(row)[i..].fill(0.0);
        // A reflection sends row i left of the diagonal to a multiple of its last entry.
        let last = std::mem::take(at_mut(row, i - 1));
        let tail = dot(row, row);
        if tail == 0.0 {
            off_diagonal[i - 1] = last;
        } else {
            let alpha = -(tail + last * last).sqrt().copysign(last);
            let pivot = last - alpha;
            betas[i] = 2.0 / (tail + pivot * pivot);
            *at_mut(row, i - 1) = pivot;
            off_diagonal[i - 1] = alpha;
        }
        change_and_multiply(block, stride, [row, v, w], p);
        // w = p - (beta / 2)(p . v) v with p = beta A v; nothing where there is no reflection.
        let beta = betas[i];
        numbers_mut(p)[i..].fill(0.0);
        let half = 0.5 * beta * beta * dot(p, row);
        for (((w, v), p), row) in w.iter_mut().zip(v).zip(p).zip(row) {
            let (p, row) = (p.0, *row);
            *w = Lanes::of(|l| beta * p[l] - half * row.0[l]);
            *v = row;
        }
    }
}

/// `row <- row - x w^T - y v^T`.
#[inline(always)]
fn change(row: &mut [Lanes], x: f64, y: f64, v: &[Lanes], w: &[Lanes]) {
    for ((row, v), w) in row.iter_mut().zip(v).zip(w) {
        let (old, v, w) = (row.0, v.0, w.0);
        *row = Lanes::of(|l| old[l] - (x * w[l] + y * v[l]));
    }
}

/// `A <- A - v w^T - w v^T`, then `product = A u`, as a sum of rows: no sum across lanes.
#[inline(always)]
fn change_and_multiply(
    mut a: &mut [Lanes],
    stride: usize,
    [u, v, w]: [&[Lanes]; 3],
    product: &mut [Lanes],
) {
    let width = product.len();
    product.fill(Lanes::ZERO);
    let factors = (numbers(u), numbers(v), numbers(w));
    let mut row = 0;
    while a.len() >= 4 * stride {
        let (rows, rest) = a.split_at_mut(4 * stride);
        a = rest;
        let four = |of: &[f64]| [of[row], of[row + 1], of[row + 2], of[row + 3]];
        let factors = [four(factors.0), four(factors.1), four(factors.2)];
        row += 4;
        // The matrix of a graph stays sparse for a while.
        if factors == [[0.0; 4]; 3] {
            continue;
        }
        let mut column = 0;
        while column + 4 <= width {
            tile::<4>(rows, stride, column, &factors, [v, w], product);
            column += 4;
        }
        match width - column {
            3 => tile::<3>(rows, stride, column, &factors, [v, w], product),
            2 => tile::<2>(rows, stride, column, &factors, [v, w], product),
            1 => tile::<1>(rows, stride, column, &factors, [v, w], product),
            _ => {}
        }
    }
    while !a.is_empty() {
        let (one, rest) = a.split_at_mut(stride);
        a = rest;
        let one = &mut one[..width];
        change(one, factors.1[row], factors.2[row], v, w);
        axpy(factors.0[row], one, product);
        row += 1;
    }
}

/// `T` neighbouring vectors of four rows.
#[inline(always)]
fn tile<const T: usize>(
    rows: &mut [Lanes],
    stride: usize,
    column: usize,
    [u, x, y]: &[[f64; 4]; 3],
    [v, w]: [&[Lanes]; 2],
    product: &mut [Lanes],
) {
    let (a, rows) = rows.split_at_mut(stride);
    let (b, rows) = rows.split_at_mut(stride);
    let (c, d) = rows.split_at_mut(stride);
    let (a, b) = (vectors::<T>(a, column), vectors::<T>(b, column));
    let (c, d) = (vectors::<T>(c, column), vectors::<T>(d, column));
    let product = vectors::<T>(product, column);
    let (v, w) = (&v[column..][..T], &w[column..][..T]);
    for t in 0..T {
        let (v, w, old) = (v[t].0, w[t].0, product[t].0);
        let change = |row: &mut Lanes, i: usize| {
            let old = row.0;
            *row = Lanes::of(|l| old[l] - (x[i] * w[l] + y[i] * v[l]));
            row.0
        };
        let a = change(&mut a[t], 0);
        let b = change(&mut b[t], 1);
        let c = change(&mut c[t], 2);
        let d = change(&mut d[t], 3);
        product[t] =
            Lanes::of(|l| old[l] + ((u[0] * a[l] + u[1] * b[l]) + (u[2] * c[l] + u[3] * d[l])));
    }
}

impl Reflections {
    /// `X <- Q X` for rows of `stride` vectors; `a` is the matrix after the reduction.
    #[inline(always)]
    pub(super) fn apply(&self, a: &[Lanes], x: &mut [Lanes], stride: usize) {
        let mut column = 0;
        while column + 4 <= stride {
            self.apply_to::<4>(a, &mut x[column..], stride);
            column += 4;
        }
        match stride - column {
            3 => self.apply_to::<3>(a, &mut x[column..], stride),
            2 => self.apply_to::<2>(a, &mut x[column..], stride),
            1 => self.apply_to::<1>(a, &mut x[column..], stride),
            _ => {}
        }
    }

    /// On `G` neighbouring vectors of every row. `Q = ... H_2 H_1`, and reflection `i` touches the rows before `i` only.
    #[inline(always)]
    fn apply_to<const G: usize>(&self, a: &[Lanes], x: &mut [Lanes], stride: usize) {
        let width = self.betas.len().div_ceil(LANES);
        for (i, (&beta, v)) in self.betas.iter().zip(a.chunks(width)).enumerate() {
            if beta == 0.0 {
                continue;
            }
            let mut along = [Lanes::ZERO; G];
            let v = &numbers(v)[..i];
            let mut first = 0;
            for &factor in v {
                let row = vectors::<G>(x, first);
                for g in 0..G {
                    along[g] = along[g].plus(factor, row[g]);
                }
                first += stride;
            }
            for along in &mut along {
                let old = along.0;
                *along = Lanes::of(|l| -beta * old[l]);
            }
            first = 0;
            for &factor in v {
                let row = vectors::<G>(x, first);
                for g in 0..G {
                    row[g] = row[g].plus(factor, along[g]);
                }
                first += stride;
            }
        }
    }
}
