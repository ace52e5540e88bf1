//! `A = Q T Q^T` with a tridiagonal `T`, from the last row up.

use super::lanes::{LANES, Lanes, at, dot, numbers, vectors};

/// Squares that sum to less than this beside entries of at most 1 are none: the square of `beta`, their inverse, would
/// overflow.
const NO_TAIL: f64 = 1e-140;

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
        // Entries left of the diagonal that the last vector holds; the others count as zeros.
        let kept = i - (width - 1) * LANES;
        // A reflection sends row i left of the diagonal to a multiple of its last entry.
        let (last, end) = (at(row, i - 1), row[width - 1].0);
        let end = Lanes::of(|l| if l + 1 < kept { end[l] } else { 0.0 });
        let tail = dot([&row[..width - 1]; 2], [end; 2]);
        let mut pivot = 0.0;
        if tail < NO_TAIL {
            off_diagonal[i - 1] = last;
        } else {
            let alpha = -(tail + last * last).sqrt().copysign(last);
            pivot = last - alpha;
            betas[i] = 2.0 / (tail + pivot * pivot);
            off_diagonal[i - 1] = alpha;
        }
        let end = Lanes::of(|l| if l + 1 == kept { pivot } else { end.0[l] });
        row[width - 1] = end;
        change_and_multiply(block, stride, [row, v, w], p);
        // w = p - (beta / 2)(p . v) v with p = beta A v; nothing where there is no reflection.
        let beta = betas[i];
        let p_end = p[width - 1].0;
        let p_end = Lanes::of(|l| if l < kept { p_end[l] } else { 0.0 });
        p[width - 1] = p_end;
        let half = 0.5 * beta * beta * dot([&p[..width - 1], &row[..width - 1]], [p_end, end]);
        for (((w, v), p), row) in w.iter_mut().zip(v).zip(p).zip(row) {
            let (p, row) = (p.0, *row);
            *w = Lanes::of(|l| (-half).mul_add(row.0[l], beta * p[l]));
            *v = row;
        }
    }
}

/// `row <- row - x w^T - y v^T`.
#[inline(always)]
fn change(row: &mut [Lanes], x: f64, y: f64, v: &[Lanes], w: &[Lanes]) {
    for ((row, v), w) in row.iter_mut().zip(v).zip(w) {
        let (old, v, w) = (row.0, v.0, w.0);
        *row = Lanes::of(|l| (-y).mul_add(v[l], (-x).mul_add(w[l], old[l])));
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
    product.fill(Lanes::ZERO);
    let mut factors = [numbers(u), numbers(v), numbers(w)];
    while a.len() >= 4 * stride {
        let (rows, rest) = a.split_at_mut(4 * stride);
        let four = |of: &[f64]| [of[0], of[1], of[2], of[3]];
        let four = [four(factors[0]), four(factors[1]), four(factors[2])];
        factors = [&factors[0][4..], &factors[1][4..], &factors[2][4..]];
        a = rest;
        // The matrix of a graph stays sparse for a while.
        let bits = { four.as_flattened().iter() }.fold(0, |bits, x| bits | x.to_bits());
        if bits << 1 == 0 {
            continue;
        }
        four_rows(rows, stride, four, [v, w], product);
    }
    match a.len() / stride {
        3 => last_rows::<3>(a, stride, factors, [v, w], product),
        2 => last_rows::<2>(a, stride, factors, [v, w], product),
        1 => last_rows::<1>(a, stride, factors, [v, w], product),
        _ => {}
    }
}

/// As [`change_and_multiply`], for four rows, whose products are added in pairs.
#[inline(always)]
fn four_rows(
    rows: &mut [Lanes],
    stride: usize,
    [u, x, y]: [[f64; 4]; 3],
    [v, w]: [&[Lanes]; 2],
    product: &mut [Lanes],
) {
    let width = product.len();
    let (a, rows) = rows.split_at_mut(stride);
    let (b, rows) = rows.split_at_mut(stride);
    let (c, d) = rows.split_at_mut(stride);
    let (a, b, c, d) = (
        &mut a[..width],
        &mut b[..width],
        &mut c[..width],
        &mut d[..width],
    );
    let (v, w) = (&v[..width], &w[..width]);
    for t in 0..width {
        let (v, w, old) = (v[t].0, w[t].0, product[t].0);
        let change = |row: &mut Lanes, i: usize| {
            let old = row.0;
            *row = Lanes::of(|l| (-y[i]).mul_add(v[l], (-x[i]).mul_add(w[l], old[l])));
            row.0
        };
        let a = change(&mut a[t], 0);
        let b = change(&mut b[t], 1);
        let c = change(&mut c[t], 2);
        let d = change(&mut d[t], 3);
        let first = Lanes::of(|l| u[1].mul_add(b[l], u[0] * a[l])).0;
        let second = Lanes::of(|l| u[3].mul_add(d[l], u[2] * c[l])).0;
        product[t] = Lanes::of(|l| old[l] + (first[l] + second[l]));
    }
}

/// As [`change_and_multiply`], for fewer rows, one after the other.
#[inline(always)]
fn last_rows<const R: usize>(
    rows: &mut [Lanes],
    stride: usize,
    factors: [&[f64]; 3],
    [v, w]: [&[Lanes]; 2],
    product: &mut [Lanes],
) {
    let few = |of: &[f64]| -> [f64; R] { of[..R].try_into().expect("R factors") };
    let (u, x, y) = (few(factors[0]), few(factors[1]), few(factors[2]));
    for (t, ((product, v), w)) in product.iter_mut().zip(v).zip(w).enumerate() {
        let (v, w, mut sum) = (v.0, w.0, *product);
        for r in 0..R {
            let row = &mut rows[r * stride + t];
            let old = row.0;
            *row = Lanes::of(|l| (-y[r]).mul_add(v[l], (-x[r]).mul_add(w[l], old[l])));
            sum = sum.plus(u[r], *row);
        }
        *product = sum;
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
        // What the reflection before adds to its rows, in multiples of its v.
        let (mut before, mut added): (&[f64], _) = (&[], [Lanes::ZERO; G]);
        for (i, (&beta, v)) in self.betas.iter().zip(a.chunks(width)).enumerate() {
            if beta == 0.0 {
                continue;
            }
            let v = &numbers(v)[..i];
            let mut along = [Lanes::ZERO; G];
            let mut first = 0;
            for (&factor, &before) in v.iter().zip(before) {
                let row = vectors::<G>(x, first);
                for g in 0..G {
                    row[g] = row[g].plus(before, added[g]);
                    along[g] = along[g].plus(factor, row[g]);
                }
                first += stride;
            }
            for &factor in &v[before.len()..] {
                let row = vectors::<G>(x, first);
                for g in 0..G {
                    along[g] = along[g].plus(factor, row[g]);
                }
                first += stride;
            }
            for g in 0..G {
                let old = along[g].0;
                added[g] = Lanes::of(|l| -beta * old[l]);
            }
            before = v;
        }
        let mut first = 0;
        for &before in before {
            let row = vectors::<G>(x, first);
            for g in 0..G {
                row[g] = row[g].plus(before, added[g]);
            }
            first += stride;
        }
    }
}
