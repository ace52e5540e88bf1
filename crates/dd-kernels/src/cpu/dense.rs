//! Dense layers on rows: `y = x W^T + b`, with weights `[out, in]`.

use rayon::prelude::*;

use super::block::zeros;
use super::matmul::{RightMatrix, View};
use super::vectorized;
use crate::MatmulPrecision;
use crate::real::Real;

/// Rows of one task: many enough to make packing the weights cheap beside the product, and a multiple of four tasks, so
/// that they divide evenly among a few threads. A function of the number of rows alone.
pub(crate) fn rows_per_task(rows: usize) -> usize {
    let tasks = 4 * rows.div_ceil(4 * MOST_ROWS);
    rows.div_ceil(tasks.max(1)).max(LEAST_ROWS)
}

const MOST_ROWS: usize = 512;
const LEAST_ROWS: usize = 64;

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
    pub(crate) precision: MatmulPrecision,
}

impl<'a, T: Real> Dense<'a, T> {
    /// A layer from `input` columns with a bias.
    pub(crate) fn new(weight: &'a [T], bias: &'a [T], input: usize) -> Self {
        Self {
            weight,
            bias: Some(bias),
            input,
            output: bias.len(),
            precision: MatmulPrecision::Full,
        }
    }

    /// The same layer with products in another precision.
    pub(crate) fn with_precision(self, precision: MatmulPrecision) -> Self {
        Self { precision, ..self }
    }

    /// Ready to compute one block of rows after another.
    pub(crate) fn forward_pass(self) -> DenseForward<'a, T> {
        let weight = View::rows(self.weight, self.input).t();
        DenseForward {
            layer: self,
            weight: RightMatrix::new(weight, [self.input, self.output], self.precision),
        }
    }

    /// Ready to compute the gradients of one block of rows after another.
    pub(crate) fn backward_pass(self) -> DenseBackward<'a, T> {
        let weight = View::rows(self.weight, self.input);
        DenseBackward {
            layer: self,
            weight: RightMatrix::new(weight, [self.output, self.input], self.precision),
        }
    }

    /// `y` for all rows, in parallel.
    pub(crate) fn forward(self, x: &[T]) -> Vec<T> {
        let pass = self.forward_pass();
        let rows = x.len() / self.input;
        let block = rows_per_task(rows);
        let mut y = zeros(rows * self.output);
        y.par_chunks_mut(block * self.output)
            .zip(x.par_chunks(block * self.input))
            .for_each(|(y, x)| pass.block(x, y));
        y
    }

    /// Gradient of the rows `x`, given that of `y`, in parallel.
    pub(crate) fn input_gradient(self, dy: &[T]) -> Vec<T> {
        let pass = self.backward_pass();
        let rows = dy.len() / self.output;
        let block = rows_per_task(rows);
        let mut dx = zeros(rows * self.input);
        dx.par_chunks_mut(block * self.input)
            .zip(dy.par_chunks(block * self.output))
            .for_each(|(dx, dy)| pass.block(dy, dx, false));
        dx
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
        let x = RightMatrix::new(x, [rows, self.input], self.precision);
        gradient
            .par_chunks_mut(BLOCK_COLUMNS * self.input)
            .enumerate()
            .for_each(|(block, gradient)| {
                let columns = gradient.len() / self.input;
                let dy = dy.skip_columns(block * BLOCK_COLUMNS).t();
                x.multiplied(gradient, self.input, columns, dy, add);
            });
    }
}

/// The forward pass of a layer, on the calling thread.
pub(crate) struct DenseForward<'a, T> {
    layer: Dense<'a, T>,
    weight: RightMatrix<'a, T>,
}

impl<T: Real> DenseForward<'_, T> {
    /// `y` for all rows: few on this thread, many in parallel.
    pub(crate) fn all(&self, x: &[T], y: &mut [T]) {
        let Dense { input, output, .. } = self.layer;
        let rows = x.len() / input;
        if rows <= MOST_ROWS {
            return self.block(x, y);
        }
        let block = rows_per_task(rows);
        y.par_chunks_mut(block * output)
            .zip(x.par_chunks(block * input))
            .for_each(|(y, x)| self.block(x, y));
    }

    /// `y` for a few rows.
    pub(crate) fn block(&self, x: &[T], y: &mut [T]) {
        let Dense { input, output, .. } = self.layer;
        self.rows(x.len() / input, View::rows(x, input), y, output);
    }

    /// `y` for a few rows, into rows that stand `stride` apart.
    pub(crate) fn rows(&self, rows: usize, x: View<'_, T>, y: &mut [T], stride: usize) {
        let Dense { input, output, .. } = self.layer;
        let least = self.least_rows();
        if (1..least).contains(&rows) {
            let mut padded = Vec::with_capacity(least * input);
            (0..rows).for_each(|row| padded.extend_from_slice(x.row(row, input)));
            padded.resize(least * input, T::ZERO);
            let mut product = vec![T::ZERO; least * output];
            let padded = View::rows(&padded, input);
            self.weight
                .multiplied(&mut product, output, least, padded, false);
            let product = product.chunks_exact(output).take(rows);
            for (y, product) in y.chunks_mut(stride).zip(product) {
                y[..output].copy_from_slice(product);
            }
        } else {
            self.weight.multiplied(y, stride, rows, x, false);
        }
        if let Some(bias) = self.layer.bias {
            add_to_rows(y, stride, bias);
        }
    }

    /// Fewer rows than this would be multiplied by another routine of `gemm`, which adds in another order, so that a row's
    /// bits would depend on how many rows stand beside it.
    fn least_rows(&self) -> usize {
        match self.weight {
            RightMatrix::Full(..) => (SMALL_PRODUCT / self.layer.output + 1).max(2),
            RightMatrix::Bf16(_) => 1,
        }
    }
}

/// The backward pass of a layer to its rows, on the calling thread.
pub(crate) struct DenseBackward<'a, T> {
    layer: Dense<'a, T>,
    weight: RightMatrix<'a, T>,
}

impl<T: Real> DenseBackward<'_, T> {
    /// Gradient of a few rows `x`; `add`: added to `dx`.
    pub(crate) fn block(&self, dy: &[T], dx: &mut [T], add: bool) {
        let Dense { input, output, .. } = self.layer;
        self.rows(dy.len() / output, View::rows(dy, output), dx, input, add);
    }

    /// Gradient of a few rows `x`, into rows that stand `stride` apart; `add`: added to them.
    pub(crate) fn rows(
        &self,
        rows: usize,
        dy: View<'_, T>,
        dx: &mut [T],
        stride: usize,
        add: bool,
    ) {
        self.weight.multiplied(dx, stride, rows, dy, add);
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
