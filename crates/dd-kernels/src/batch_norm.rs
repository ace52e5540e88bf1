//! Normalisation of columns over the rows of a batch.

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::slice::{for_real, has_kernel, with_numbers};
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{check, cuda, reference};

/// Columns that one task sums.
const BLOCK_COLUMNS: usize = 64;
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
}

/// Mean and biased variance of each column of `x: [N, W]`, `[W]` each; no gradient.
///
/// # Errors
/// When `x` is no matrix or has no row.
///
/// # Complexity
/// Two passes. Sums run over the rows in order, in double precision: deterministic.
pub fn batch_moments(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let [rows, width] = *x.dims() else {
        return Err(matrix_error(x));
    };
    if rows == 0 {
        return Err(matrix_error(x));
    }
    let x = x.detach();
    if cuda::takes(&x) {
        return cuda::batch_norm::batch_moments(&x);
    }
    if !has_kernel(&x) {
        let mean = x.mean_keepdim(0)?;
        let variance = x.broadcast_sub(&mean)?.sqr()?.mean(0)?;
        return Ok((mean.squeeze(0)?, variance));
    }
    let x = x.contiguous()?;
    for_real!("batch_moments", x, T => {
        let [mean, variance] = with_numbers::<T, _>("batch_moments: x", &x, |x| Ok(moments(x, width)))?;
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
/// let (mean, variance) = batch_moments(&x)?;
/// let inputs = BatchNormInputs {
///     weight: &Tensor::new(&[2.0_f64], &Device::Cpu)?,
///     bias: &Tensor::new(&[0.5_f64], &Device::Cpu)?,
///     mean: &mean,
///     variance: &variance,
///     epsilon: 0.0,
///     of_batch: true,
///     relu: true,
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
    if cuda::takes(x) && rows > 0 && width > 0 {
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
    };
    let (mean, variance) = (inputs.mean.detach(), inputs.variance.detach());
    operation::apply(
        operation,
        &[x, inputs.weight, inputs.bias, &mean, &variance],
    )
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
        let mut y = vec![T::ZERO; inputs[0].len()];
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
        dweight
            .par_chunks_mut(BLOCK_COLUMNS)
            .zip(dbias.par_chunks_mut(BLOCK_COLUMNS))
            .enumerate()
            .for_each(|(block, (dweight, dbias))| {
                let first = block * BLOCK_COLUMNS;
                sum_gradients(x, seen.grad, &columns, self.relu, first, dweight, dbias);
            });
        // dx = scale g - through z and dz = of the mean and the variance
        let through = if self.of_batch {
            T::ONE / T::from_f64(self.rows as f64)
        } else {
            T::ZERO
        };
        let factor = |c: usize| columns.inverse[c] * weight[c] * through;
        let by_z: Vec<T> = (0..self.width).map(|c| factor(c) * dweight[c]).collect();
        let constant: Vec<T> = (0..self.width).map(|c| factor(c) * dbias[c]).collect();
        let mut dx = vec![T::ZERO; x.len()];
        let block = BLOCK_ROWS * self.width;
        dx.par_chunks_mut(block)
            .zip(x.par_chunks(block))
            .zip(seen.grad.par_chunks(block))
            .for_each(|((dx, x), grad)| {
                input_gradient(x, grad, &columns, self.relu, [&by_z, &constant], dx);
            });
        vec![Some(dx), Some(dweight), Some(dbias), None, None]
    }
}

/// Mean and variance of each column.
fn moments<T: Real>(x: &[T], width: usize) -> [Vec<T>; 2] {
    let [mut mean, mut variance] = [(); 2].map(|()| vec![T::ZERO; width]);
    mean.par_chunks_mut(BLOCK_COLUMNS)
        .zip(variance.par_chunks_mut(BLOCK_COLUMNS))
        .enumerate()
        .for_each(|(block, (mean, variance))| {
            column_moments(x, width, block * BLOCK_COLUMNS, mean, variance);
        });
    [mean, variance]
}

vectorized! {
    fn column_moments<T: Real>(
        x: &[T],
        width: usize,
        first: usize,
        mean: &mut [T],
        variance: &mut [T],
    ) {
        let rows = (x.len() / width) as f64;
        let mut sums = [0.0_f64; BLOCK_COLUMNS];
        for row in x.chunks_exact(width) {
            for (sum, &x) in sums.iter_mut().zip(&row[first..]).take(mean.len()) {
                *sum += x.to_f64();
            }
        }
        let mut squares = [0.0_f64; BLOCK_COLUMNS];
        for row in x.chunks_exact(width) {
            let columns = squares.iter_mut().zip(&sums).zip(&row[first..]);
            for ((square, sum), &x) in columns.take(mean.len()) {
                let centred = x.to_f64() - sum / rows;
                *square += centred * centred;
            }
        }
        for (column, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
            *mean = T::from_f64(sums[column] / rows);
            *variance = T::from_f64(squares[column] / rows);
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
        let width = columns.scale.len();
        let range = first..first + dweight.len();
        let [inverse, offset, scale, shift] =
            [&columns.inverse, &columns.offset, &columns.scale, &columns.shift]
                .map(|column| &column[range.clone()]);
        for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact(width)) {
            let (x, grad) = (&x[range.clone()], &grad[range.clone()]);
            for c in 0..dweight.len() {
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
        dx: &mut [T],
    ) {
        let Columns { inverse, offset, scale, shift } = columns;
        let [by_z, constant] = through;
        let width = scale.len();
        let rows = dx.chunks_exact_mut(width).zip(x.chunks_exact(width));
        for ((dx, x), grad) in rows.zip(grad.chunks_exact(width)) {
            for c in 0..width {
                let g = before(x[c], scale[c], shift[c], relu, grad[c]);
                let z = x[c].mul_add(inverse[c], offset[c]);
                dx[c] = g.mul_add(scale[c], -constant[c] - z * by_z[c]);
            }
        }
    }
}
