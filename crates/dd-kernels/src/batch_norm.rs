//! Normalisation of columns over the rows of a batch.

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::zeros;
use crate::cpu::slice::{for_real, has_kernel, with_numbers};
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{check, cuda, reference};

/// Columns that one task sums, at most: enough for whole runs of memory in each row.
const BLOCK_COLUMNS: usize = 160;
/// Rows that one task normalises.
const BLOCK_ROWS: usize = 64;

/// Parameters and choices of [`batch_norm`] on columns of number `W`.
#[derive(Debug, Clone, Copy)]
pub struct BatchNormInputs<'a> {
    /// `[W]`.
    pub weight: &'a Tensor,
    /// `[W]`.
    pub bias: &'a Tensor,
    /// Mean of each column, `[W]`, of the batch (see [`batch_moments`]) or kept.
    pub mean: &'a Tensor,
    /// Biased variance of each column, `[W]`, of the batch or kept.
    pub variance: &'a Tensor,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether mean and variance are those of this batch, so that gradients go through them.
    pub of_batch: bool,
    /// Whether `max(0, y)` follows.
    pub relu: bool,
    /// How many equal rows of the batch each row stands for, `[N]`; one each if not given. A row's gradient is then the sum
    /// over its copies.
    pub copies: Option<&'a [u32]>,
}

/// Mean and biased variance of each column of `x: [N, W]`, `[W]` each; no gradient. `copies`: how many equal rows of the
/// batch each row stands for, `[N]`; one each if not given.
///
/// # Errors
/// When `x` is no matrix or has no row, or there are not as many `copies` as rows.
///
/// # Complexity
/// Two passes. Sums run over the rows in order, in double precision: deterministic.
pub fn batch_moments(x: &Tensor, copies: Option<&[u32]>) -> Result<(Tensor, Tensor)> {
    let [rows, width] = *x.dims() else {
        return Err(matrix_error(x));
    };
    if rows == 0 {
        return Err(matrix_error(x));
    }
    check_copies(copies, rows)?;
    let x = x.detach();
    if cuda::takes(&x) && copies.is_none() {
        return cuda::batch_norm::batch_moments(&x);
    }
    if !has_kernel(&x) {
        let (mean, variance) = reference::batch_moments(&x, copies)?;
        return Ok((mean.squeeze(0)?, variance.squeeze(0)?));
    }
    let x = x.contiguous()?;
    for_real!("batch_moments", x, T => {
        let [mean, variance] = with_numbers::<T, _>("batch_moments: x", &x, |x| Ok(moments(x, width, copies)))?;
        let column = |numbers: Vec<T>| Tensor::from_vec(numbers, width, x.device());
        Ok((column(mean)?, column(variance)?))
    })
    .map_err(KernelError::from)
}

/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias` per column (Ioffe and Szegedy, ICML 2015), then `max(0, y)`
/// where asked for.
///
/// # Shapes
/// `x: [N, W]` gives `[N, W]`.
///
/// # Errors
/// When a shape does not fit.
///
/// # Complexity
/// One pass forward, two backward; nothing but `x` is kept. Deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{BatchNormInputs, batch_moments, batch_norm};
/// let x = Tensor::new(&[[1.0_f64], [3.0]], &Device::Cpu)?;
/// let (mean, variance) = batch_moments(&x, None)?;
/// let inputs = BatchNormInputs {
///     weight: &Tensor::new(&[2.0_f64], &Device::Cpu)?,
///     bias: &Tensor::new(&[0.5_f64], &Device::Cpu)?,
///     mean: &mean,
///     variance: &variance,
///     epsilon: 0.0,
///     of_batch: true,
///     relu: true,
///     copies: None,
/// };
/// assert_eq!(batch_norm(&x, &inputs)?.to_vec2::<f64>()?, [[0.0], [2.5]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn batch_norm(x: &Tensor, inputs: &BatchNormInputs<'_>) -> Result<Tensor> {
    let [rows, width] = *x.dims() else {
        return Err(matrix_error(x));
    };
    for (name, column) in [
        ("batch_norm: weight", inputs.weight),
        ("batch_norm: bias", inputs.bias),
        ("batch_norm: mean", inputs.mean),
        ("batch_norm: variance", inputs.variance),
    ] {
        check::shape(name, column, &[width])?;
    }
    check_copies(inputs.copies, rows)?;
    if cuda::takes(x) && rows > 0 && width > 0 && inputs.copies.is_none() {
        return cuda::batch_norm::batch_norm(x, inputs);
    }
    if !has_kernel(x) || width == 0 {
        return reference::batch_norm(x, inputs);
    }
    let operation = BatchNorm {
        rows,
        width,
        epsilon: inputs.epsilon,
        of_batch: inputs.of_batch,
        relu: inputs.relu,
        copies: inputs.copies.map(<[u32]>::to_vec),
    };
    let (mean, variance) = (inputs.mean.detach(), inputs.variance.detach());
    operation::apply(
        operation,
        &[x, inputs.weight, inputs.bias, &mean, &variance],
    )
}

fn check_copies(copies: Option<&[u32]>, rows: usize) -> Result<()> {
    copies.map_or(Ok(()), |copies| {
        check::count("batch norm: copies", copies.len(), rows)
    })
}

fn matrix_error(x: &Tensor) -> KernelError {
    KernelError::Shape {
        name: "batch norm: x",
        expected: "[N, W] with a row".to_string(),
        got: x.dims().to_vec(),
    }
}

struct BatchNorm {
    rows: usize,
    width: usize,
    epsilon: f64,
    of_batch: bool,
    relu: bool,
    copies: Option<Vec<u32>>,
}

/// A batch norm as `y = x scale + shift` per column, with `z = x inverse + offset` normalised.
struct Columns<T> {
    inverse: Vec<T>,
    offset: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
}

impl BatchNorm {
    fn columns<T: Real>(&self, inputs: &[&[T]]) -> Columns<T> {
        let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|i| inputs[i]);
        let epsilon = T::from_f64(self.epsilon);
        let inverse: Vec<T> = variance
            .iter()
            .map(|&variance| T::ONE / (variance + epsilon).sqrt())
            .collect();
        let each = |f: &dyn Fn(usize) -> T| (0..self.width).map(f).collect::<Vec<T>>();
        Columns {
            offset: each(&|c| -mean[c] * inverse[c]),
            scale: each(&|c| inverse[c] * weight[c]),
            shift: each(&|c| bias[c] - mean[c] * inverse[c] * weight[c]),
            inverse,
        }
    }
}

impl Operation for BatchNorm {
    const NAME: &'static str = "batch_norm";

    fn shape(&self) -> Shape {
        Shape::from((self.rows, self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let columns = self.columns(inputs);
        let mut y = zeros(inputs[0].len());
        let block = BLOCK_ROWS * self.width;
        y.par_chunks_mut(block)
            .zip(inputs[0].par_chunks(block))
            .for_each(|(y, x)| normalize(x, &columns.scale, &columns.shift, self.relu, y));
        Outcome {
            output: y,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (x, weight) = (seen.inputs[0], seen.inputs[1]);
        let columns = self.columns(seen.inputs);
        let [mut dweight, mut dbias] = [(); 2].map(|()| vec![T::ZERO; self.width]);
        let block = columns_per_block(self.width);
        dweight
            .par_chunks_mut(block)
            .zip(dbias.par_chunks_mut(block))
            .enumerate()
            .for_each(|(number, (dweight, dbias))| {
                let first = number * block;
                sum_gradients(x, seen.grad, &columns, self.relu, first, dweight, dbias);
            });
        // dx = scale g - through z and dz = of the mean and the variance
        let through = if self.of_batch {
            T::ONE / T::from_f64(total(self.copies.as_deref(), self.rows))
        } else {
            T::ZERO
        };
        let factor = |c: usize| columns.inverse[c] * weight[c] * through;
        let by_z: Vec<T> = (0..self.width).map(|c| factor(c) * dweight[c]).collect();
        let constant: Vec<T> = (0..self.width).map(|c| factor(c) * dbias[c]).collect();
        let mut dx = zeros(x.len());
        let block = BLOCK_ROWS * self.width;
        dx.par_chunks_mut(block)
            .zip(x.par_chunks(block))
            .zip(seen.grad.par_chunks(block))
            .enumerate()
            .for_each(|(number, ((dx, x), grad))| {
                let copies = self.copies.as_deref();
                let copies = copies.map(|copies| &copies[number * BLOCK_ROWS..]);
                input_gradient(x, grad, &columns, self.relu, [&by_z, &constant], copies, dx);
            });
        vec![Some(dx), Some(dweight), Some(dbias), None, None]
    }
}

/// Columns of each task: as many for all, and a function of the width alone.
fn columns_per_block(width: usize) -> usize {
    width.div_ceil(width.div_ceil(BLOCK_COLUMNS).max(1)).max(1)
}

/// Number of rows of the batch.
fn total(copies: Option<&[u32]>, rows: usize) -> f64 {
    copies.map_or(rows as f64, |copies| {
        copies.iter().map(|&n| f64::from(n)).sum()
    })
}

/// Mean and variance of each column.
fn moments<T: Real>(x: &[T], width: usize, copies: Option<&[u32]>) -> [Vec<T>; 2] {
    let total = total(copies, x.len() / width.max(1));
    let [mut mean, mut variance] = [(); 2].map(|()| vec![T::ZERO; width]);
    let block = columns_per_block(width);
    mean.par_chunks_mut(block)
        .zip(variance.par_chunks_mut(block))
        .enumerate()
        .for_each(|(number, (mean, variance))| {
            column_moments(x, width, number * block, copies, total, mean, variance);
        });
    [mean, variance]
}

vectorized! {
    fn column_moments<T: Real>(
        x: &[T],
        width: usize,
        first: usize,
        copies: Option<&[u32]>,
        total: f64,
        mean: &mut [T],
        variance: &mut [T],
    ) {
        let columns = mean.len();
        let weight = |row: usize| copies.map_or(1.0, |copies| f64::from(copies[row]));
        let mut sums = [0.0_f64; BLOCK_COLUMNS];
        for (row, x) in x.chunks_exact(width).enumerate() {
            let weight = weight(row);
            for (sum, &x) in sums.iter_mut().zip(&x[first..first + columns]) {
                *sum += weight * x.to_f64();
            }
        }
        let centre = sums.map(|sum| sum / total);
        let mut squares = [0.0_f64; BLOCK_COLUMNS];
        for (row, x) in x.chunks_exact(width).enumerate() {
            let weight = weight(row);
            let columns = squares.iter_mut().zip(&centre).zip(&x[first..first + columns]);
            for ((square, centre), &x) in columns {
                let centred = x.to_f64() - centre;
                *square += weight * (centred * centred);
            }
        }
        for (column, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
            *mean = T::from_f64(centre[column]);
            *variance = T::from_f64(squares[column] / total);
        }
    }
}

vectorized! {
    fn normalize<T: Real>(x: &[T], scale: &[T], shift: &[T], relu: bool, y: &mut [T]) {
        let floor = if relu { T::ZERO } else { T::from_f64(f64::NEG_INFINITY) };
        let width = scale.len();
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            for (((y, &x), &scale), &shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                let value = x.mul_add(scale, shift);
                *y = if value < floor { floor } else { value };
            }
        }
    }
}

/// The gradient before the activation.
#[inline(always)]
fn before<T: Real>(x: T, scale: T, shift: T, relu: bool, grad: T) -> T {
    if relu && x.mul_add(scale, shift) <= T::ZERO {
        T::ZERO
    } else {
        grad
    }
}

vectorized! {
    fn sum_gradients<T: Real>(
        x: &[T],
        grad: &[T],
        columns: &Columns<T>,
        relu: bool,
        first: usize,
        dweight: &mut [T],
        dbias: &mut [T],
    ) {
        let (width, count) = (columns.scale.len(), dweight.len());
        // Equal lengths, known before the loops: the compiler then leaves out every check inside.
        let [inverse, offset, scale, shift] =
            [&columns.inverse, &columns.offset, &columns.scale, &columns.shift]
                .map(|column| &column[first..][..count]);
        let dbias = &mut dbias[..count];
        for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact(width)) {
            let (x, grad) = (&x[first..][..count], &grad[first..][..count]);
            for c in 0..count {
                let g = before(x[c], scale[c], shift[c], relu, grad[c]);
                dweight[c] = g.mul_add(x[c].mul_add(inverse[c], offset[c]), dweight[c]);
                dbias[c] += g;
            }
        }
    }
}

vectorized! {
    fn input_gradient<T: Real>(
        x: &[T],
        grad: &[T],
        columns: &Columns<T>,
        relu: bool,
        through: [&[T]; 2],
        copies: Option<&[u32]>,
        dx: &mut [T],
    ) {
        let width = columns.scale.len();
        let [inverse, offset, scale, shift] =
            [&columns.inverse, &columns.offset, &columns.scale, &columns.shift]
                .map(|column| &column[..width]);
        let [by_z, constant] = through.map(|column| &column[..width]);
        let rows = dx.chunks_exact_mut(width).zip(x.chunks_exact(width));
        for (row, ((dx, x), grad)) in rows.zip(grad.chunks_exact(width)).enumerate() {
            let copies = copies.map_or(T::ONE, |copies| T::from_f64(f64::from(copies[row])));
            for c in 0..width {
                let g = before(x[c], scale[c], shift[c], relu, grad[c]);
                let z = x[c].mul_add(inverse[c], offset[c]);
                dx[c] = g.mul_add(scale[c], copies * (-constant[c] - z * by_z[c]));
            }
        }
    }
}
