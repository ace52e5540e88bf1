//! Dense layers on rows: `y = x W^T + b`, with weights `[out, in]`.

use rayon::prelude::*;

use super::block::zeros;
use super::matmul::{View, matmul, matmul_into};
use super::vectorized;
use crate::real::Real;

/// Rows of one task: many enough to make packing the weights cheap beside the product, and a multiple of four tasks, so
/// that they divide evenly among a few threads. A function of the number of rows alone.
pub(crate) fn rows_per_task(rows: usize) -> usize {
    const MOST: usize = 512;
    const LEAST: usize = 64;
    let tasks = 4 * rows.div_ceil(4 * MOST);
    rows.div_ceil(tasks.max(1)).max(LEAST)
}

/// Output columns whose weights' gradient is one task.
const BLOCK_COLUMNS: usize = 128;

/// Largest product (in elements) that `gemm` leaves to its routine for small ones.
const SMALL_PRODUCT: usize = 256;
/// Sizes and numbers of a layer.
#[derive(Clone, Copy)]
pub(crate) struct Dense<'a, T> {
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) input: usize,
    pub(crate) output: usize,
}

impl<'a, T: Real> Dense<'a, T> {
    /// A layer from `input` columns with a bias.
    pub(crate) fn new(weight: &'a [T], bias: &'a [T], input: usize) -> Self {
        Self {
            weight,
            bias: Some(bias),
            input,
            output: bias.len(),
        }
    }

    /// `y` for all rows, in parallel.
    pub(crate) fn forward(&self, x: &[T]) -> Vec<T> {
        let rows = x.len() / self.input;
        let block = rows_per_task(rows);
        let mut y = zeros(rows * self.output);
        y.par_chunks_mut(block * self.output)
            .zip(x.par_chunks(block * self.input))
            .for_each(|(y, x)| self.forward_block(x, y));
        y
    }

    /// `y` for a few rows, on this thread.
    pub(crate) fn forward_block(&self, x: &[T], y: &mut [T]) {
        let rows = x.len() / self.input;
        self.forward_rows(rows, View::rows(x, self.input), y, self.output);
    }

    /// `y` for a few rows, on this thread, into rows that stand `stride` apart.
    pub(crate) fn forward_rows(&self, rows: usize, x: View<'_, T>, y: &mut [T], stride: usize) {
        let least = self.least_rows();
        let weight = View::rows(self.weight, self.input).t();
        if (1..least).contains(&rows) {
            let mut padded = Vec::with_capacity(least * self.input);
            (0..rows).for_each(|row| padded.extend_from_slice(x.row(row, self.input)));
            padded.resize(least * self.input, T::ZERO);
            let mut product = vec![T::ZERO; least * self.output];
            let padded = View::rows(&padded, self.input);
            let sizes = [least, self.input, self.output];
            matmul(&mut product, sizes, padded, weight, false);
            let product = product.chunks_exact(self.output).take(rows);
            for (y, product) in y.chunks_mut(stride).zip(product) {
                y[..self.output].copy_from_slice(product);
            }
        } else {
            let sizes = [rows, self.input, self.output];
            matmul_into(y, stride, sizes, x, weight, false);
        }
        if let Some(bias) = self.bias {
            add_to_rows(y, stride, bias);
        }
    }

    /// Fewer rows than this would be multiplied by another routine, which adds in another order, so that a row's bits would
    /// depend on how many rows stand beside it.
    fn least_rows(&self) -> usize {
        (SMALL_PRODUCT / self.output + 1).max(2)
    }

    /// Gradient of the rows `x`, given that of `y`, in parallel.
    pub(crate) fn input_gradient(&self, dy: &[T]) -> Vec<T> {
        let rows = dy.len() / self.output;
        let block = rows_per_task(rows);
        let mut dx = zeros(rows * self.input);
        dx.par_chunks_mut(block * self.input)
            .zip(dy.par_chunks(block * self.output))
            .for_each(|(dx, dy)| self.input_gradient_block(dy, dx, false));
        dx
    }

    /// Gradient of a few rows `x`, on this thread; `add`: added to `dx`.
    pub(crate) fn input_gradient_block(&self, dy: &[T], dx: &mut [T], add: bool) {
        let rows = dy.len() / self.output;
        self.input_gradient_rows(rows, View::rows(dy, self.output), dx, self.input, add);
    }

    /// Gradient of a few rows `x`, on this thread, into rows that stand `stride` apart; `add`: added to them.
    pub(crate) fn input_gradient_rows(
        &self,
        rows: usize,
        dy: View<'_, T>,
        dx: &mut [T],
        stride: usize,
        add: bool,
    ) {
        let sizes = [rows, self.output, self.input];
        matmul_into(
            dx,
            stride,
            sizes,
            dy,
            View::rows(self.weight, self.input),
            add,
        );
    }

    /// Gradient of the weight, in parallel over its rows.
    pub(crate) fn weight_gradient(&self, x: &[T], dy: &[T]) -> Vec<T> {
        let mut gradient = zeros(self.weight.len());
        let rows = [View::rows(x, self.input), View::rows(dy, self.output)];
        self.weight_gradient_rows(x.len() / self.input, rows, &mut gradient, false);
        gradient
    }

    /// Gradient of the weight from rows of `x` and `dy`, in parallel over its rows; `add`: added to `gradient`.
    pub(crate) fn weight_gradient_rows(
        &self,
        rows: usize,
        [x, dy]: [View<'_, T>; 2],
        gradient: &mut [T],
        add: bool,
    ) {
        if rows == 0 {
            return;
        }
        gradient
            .par_chunks_mut(BLOCK_COLUMNS * self.input)
            .enumerate()
            .for_each(|(block, gradient)| {
                let sizes = [gradient.len() / self.input, rows, self.input];
                let dy = dy.skip_columns(block * BLOCK_COLUMNS).t();
                matmul(gradient, sizes, dy, x, add);
            });
    }
}

/// Sums of the columns of rows of `width`: the gradient of a bias.
pub(crate) fn column_sums<T: Real>(rows: &[T], width: usize) -> Vec<T> {
    let mut sums = vec![T::ZERO; width];
    sums.par_chunks_mut(BLOCK_COLUMNS)
        .enumerate()
        .for_each(|(block, sums)| sum_columns(rows, width, block * BLOCK_COLUMNS, sums));
    sums
}

vectorized! {
    fn sum_columns<T: Real>(rows: &[T], width: usize, first: usize, sums: &mut [T]) {
        for row in rows.chunks_exact(width) {
            for (sum, &x) in sums.iter_mut().zip(&row[first..]) {
                *sum += x;
            }
        }
    }
}

vectorized! {
    /// Adds one row to all, which stand `stride` apart.
    pub(crate) fn add_to_rows<T: Real>(rows: &mut [T], stride: usize, row: &[T]) {
        for out in rows.chunks_mut(stride) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out += x;
            }
        }
    }
}
