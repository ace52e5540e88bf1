//! `A = Q T Q^T` with a tridiagonal `T`, from the last row up.

use super::lanes::{LANES, Lanes, at, at_mut, axpy, dot, numbers, numbers_mut};

/// The reflections `1 - beta v v^T` whose product is `Q`: `v` of reflection `i` is left of the diagonal in row `i` of the
/// matrix that was reduced.
#[derive(Debug, Default)]
pub(super) struct Reflections {
    betas: Vec<f64>,
    w: Vec<Lanes>,
}

/// Reduces a symmetric matrix of `stride` vectors per row: `diagonal` of `T` and its `off_diagonal` (entry `i` joins `i` and
/// `i + 1`).
#[inline(always)]
pub(super) fn tridiagonalize(
    a: &mut [Lanes],
    stride: usize,
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
    reflections: &mut Reflections,
) {
    let n = diagonal.len();
    let Reflections { betas, w } = reflections;
    betas.clear();
    betas.resize(n, 0.0);
    w.resize(stride.max(w.len()), Lanes::ZERO);
    for i in (1..n).rev() {
        let (block, row) = a.split_at_mut(i * stride);
        diagonal[i] = at(row, i);
        let v = &mut row[..i.div_ceil(LANES)];
        numbers_mut(v)[i..].fill(0.0);
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
        numbers_mut(w)[i..].fill(0.0);
        let half = 0.5 * beta * beta * dot(w, v);
        for (w, v) in w.iter_mut().zip(&*v) {
            let old = *w;
            *w = Lanes::of(|l| beta * old.0[l] - half * v.0[l]);
        }
        subtract(block, v, w, i, stride);
    }
    if n > 0 {
        diagonal[0] = at(a, 0);
    }
}

/// `A <- A - v w^T - w v^T` for the leading `size` rows, two at a time.
#[inline(always)]
fn subtract(a: &mut [Lanes], v: &[Lanes], w: &[Lanes], size: usize, stride: usize) {
    let width = v.len();
    let w = &w[..width];
    let factors = { numbers(v)[..size].iter() }.zip(&numbers(w)[..size]);
    let mut factors = factors.map(|(&v, &w)| (v, w));
    let mut pairs = a[..size * stride].chunks_exact_mut(2 * stride);
    for pair in pairs.by_ref() {
        let (Some((va, wa)), Some((vb, wb))) = (factors.next(), factors.next()) else {
            break;
        };
        // The matrix of a graph stays sparse for a while.
        if [va, wa, vb, wb] == [0.0; 4] {
            continue;
        }
        let (a, b) = pair.split_at_mut(stride);
        let (a, b) = (&mut a[..width], &mut b[..width]);
        for i in 0..width {
            let (v, w, old, other) = (v[i], w[i], a[i], b[i]);
            a[i] = Lanes::of(|l| old.0[l] - (va * w.0[l] + wa * v.0[l]));
            b[i] = Lanes::of(|l| other.0[l] - (vb * w.0[l] + wb * v.0[l]));
        }
    }
    if let Some((va, wa)) = factors.next() {
        for ((row, v), w) in pairs.into_remainder().iter_mut().zip(v).zip(w) {
            let (old, v, w) = (row.0, v.0, w.0);
            *row = Lanes::of(|l| old[l] - (va * w[l] + wa * v[l]));
        }
    }
}

/// `w = A v` for the leading `size` rows of a symmetric `A`, as a sum of its rows: no sum across lanes.
#[inline(always)]
fn product(a: &[Lanes], v: &[Lanes], w: &mut [Lanes], size: usize, stride: usize) {
    let width = w.len();
    w.fill(Lanes::ZERO);
    let mut fours = a[..size * stride].chunks_exact(4 * stride);
    let (factors, rest) = numbers(v)[..size].as_chunks::<4>();
    for (rows, [fa, fb, fc, fd]) in fours.by_ref().zip(factors) {
        if [*fa, *fb, *fc, *fd] == [0.0; 4] {
            continue;
        }
        let row = |j: usize| &rows[j * stride..][..width];
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        for i in 0..width {
            let (old, a, b, c, d) = (w[i].0, a[i].0, b[i].0, c[i].0, d[i].0);
            w[i] = Lanes::of(|l| old[l] + ((fa * a[l] + fb * b[l]) + (fc * c[l] + fd * d[l])));
        }
    }
    for (row, factor) in fours.remainder().chunks_exact(stride).zip(rest) {
        axpy(*factor, &row[..width], w);
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
            for (row, &factor) in x.chunks(stride).zip(v) {
                let row = &row[..G];
                for g in 0..G {
                    along[g] = along[g].plus(factor, row[g]);
                }
            }
            along = along.map(|x| Lanes::of(|l| -beta * x.0[l]));
            for (row, &factor) in x.chunks_mut(stride).zip(v) {
                let row = &mut row[..G];
                for g in 0..G {
                    row[g] = row[g].plus(factor, along[g]);
                }
            }
        }
    }
}
