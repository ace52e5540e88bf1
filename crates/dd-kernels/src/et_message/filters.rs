//! The filters of pairs: a small dense layer with its activation, on tiles that stay in registers.

use super::plan::{PANEL, Sizes};
use crate::cpu::vectorized;
use crate::real::Real;
use crate::silu::silu_derivative;

/// Rows of a tile: with [`PANEL`] columns its sums fill twelve of sixteen vector registers.
const TILE_ROWS: usize = 6;

/// Weights and biases of all heads, padded; with columns `4 padded` per head in the order `dk, ds, da, db`.
pub(super) struct FilterWeights<T> {
    /// By head, `[filters, K]`.
    pub(super) weight: Vec<T>,
    /// The same as panels: by head and panel, `[K, PANEL]`.
    panels: Vec<T>,
    /// By head, `[filters]`.
    bias: Vec<T>,
}

/// Weight `[rows, K]` and bias `[rows]` of a filter, if there is one.
pub(super) type Layer<'a, T> = Option<(&'a [T], &'a [T])>;

impl<T: Real> FilterWeights<T> {
    pub(super) fn new(sizes: Sizes, key: Layer<'_, T>, value: Layer<'_, T>) -> Self {
        let k = sizes.basis_size;
        let rows = sizes.num_heads * sizes.filters();
        let mut weight = vec![T::ZERO; rows * k];
        let mut bias = vec![T::ZERO; rows];
        each_row(sizes, |padded, is_key, row| {
            if let Some((from, from_bias)) = if is_key { key } else { value } {
                weight[padded * k..][..k].copy_from_slice(&from[row * k..][..k]);
                bias[padded] = from_bias[row];
            }
        });
        let mut panels = vec![T::ZERO; rows * k];
        for (panel, rows) in panels
            .chunks_exact_mut(PANEL * k)
            .zip(weight.chunks_exact(PANEL * k))
        {
            for (column, row) in rows.chunks_exact(k).enumerate() {
                for (basis, &w) in row.iter().enumerate() {
                    panel[basis * PANEL + column] = w;
                }
            }
        }
        Self {
            weight,
            panels,
            bias,
        }
    }

    /// `SiLU(W e + b)` of one head for the rows of `basis`, `[rows, filters]`, and the derivative there.
    ///
    /// Filters that the layer does not have are 1.
    pub(super) fn activate(
        &self,
        sizes: Sizes,
        head: usize,
        basis: &[T],
        value: &mut [T],
        slope: Option<&mut [T]>,
    ) {
        let (k, width, padded) = (sizes.basis_size, sizes.filters(), sizes.padded());
        let parts = [
            (sizes.has_key_filter, 0..padded),
            (sizes.has_value_filter, padded..width),
        ];
        let mut slope = slope;
        for (present, columns) in parts {
            if present {
                let panels = &self.panels[head * width * k..][columns.start * k..columns.end * k];
                let bias = &self.bias[head * width..][columns.clone()];
                let slope = slope.as_deref_mut().map(|x| &mut x[columns.start..]);
                let value = &mut value[columns.start..];
                activate_panels(k, width, basis, panels, bias, value, slope);
            } else {
                for row in value.chunks_exact_mut(width).take(basis.len() / k) {
                    row[columns.clone()].fill(T::ONE);
                }
            }
        }
    }
}

/// Calls `f(padded row, is of the key filter, row in its layer)` for every row of the two filters.
pub(super) fn each_row(sizes: Sizes, mut f: impl FnMut(usize, bool, usize)) {
    let (c, padded) = (sizes.channels, sizes.padded());
    for head in 0..sizes.num_heads {
        for part in 0..4 {
            for channel in 0..c {
                let row = head * sizes.filters() + part * padded + channel;
                if part == 0 {
                    f(row, true, head * c + channel);
                } else {
                    f(row, false, 3 * head * c + (part - 1) * c + channel);
                }
            }
        }
    }
}

vectorized! {
    fn activate_panels<T: Real>(
        k: usize,
        width: usize,
        basis: &[T],
        panels: &[T],
        bias: &[T],
        value: &mut [T],
        slope: Option<&mut [T]>,
    ) {
        let mut slope = slope;
        let rows = basis.len() / k;
        for (number, panel) in panels.chunks_exact(k * PANEL).enumerate() {
            let column = number * PANEL;
            let bias = &bias[column..column + PANEL];
            let mut row = 0;
            while row < rows {
                let len = if rows - row >= TILE_ROWS {
                    let sums = tile::<T, TILE_ROWS>(k, &basis[row * k..], panel, bias);
                    finish(&sums, row * width + column, width, value, slope.as_deref_mut());
                    TILE_ROWS
                } else {
                    let sums = tile::<T, 1>(k, &basis[row * k..], panel, bias);
                    finish(&sums, row * width + column, width, value, slope.as_deref_mut());
                    1
                };
                row += len;
            }
        }
    }
}

/// `W e + b` of `R` rows and one panel.
#[inline(always)]
fn tile<T: Real, const R: usize>(
    k: usize,
    basis: &[T],
    panel: &[T],
    bias: &[T],
) -> [[T; PANEL]; R] {
    let mut sums = [[T::ZERO; PANEL]; R];
    let rows: [&[T]; R] = std::array::from_fn(|i| &basis[i * k..(i + 1) * k]);
    let (panel, _) = panel.as_chunks::<PANEL>();
    for (e, w) in panel.iter().enumerate().take(k) {
        for i in 0..R {
            let x = rows[i][e];
            for j in 0..PANEL {
                sums[i][j] = x.mul_add(w[j], sums[i][j]);
            }
        }
    }
    for sums in &mut sums {
        for (sum, &bias) in sums.iter_mut().zip(bias) {
            *sum += bias;
        }
    }
    sums
}

/// Activates a tile and writes it at `at`, rows `width` apart.
#[inline(always)]
fn finish<T: Real, const R: usize>(
    sums: &[[T; PANEL]; R],
    at: usize,
    width: usize,
    value: &mut [T],
    slope: Option<&mut [T]>,
) {
    match slope {
        None => {
            for (i, sums) in sums.iter().enumerate() {
                let value = &mut value[at + i * width..][..PANEL];
                for (value, &x) in value.iter_mut().zip(sums) {
                    *value = x * x.sigmoid();
                }
            }
        }
        Some(slope) => {
            for (i, sums) in sums.iter().enumerate() {
                let value = &mut value[at + i * width..][..PANEL];
                let slope = &mut slope[at + i * width..][..PANEL];
                for ((value, slope), &x) in value.iter_mut().zip(slope).zip(sums) {
                    let sigmoid = x.sigmoid();
                    *value = x * sigmoid;
                    *slope = silu_derivative(x, sigmoid);
                }
            }
        }
    }
}
