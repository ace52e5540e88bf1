//! Layer normalisation over the last dimension.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::{rows_per_block, zeros};
use crate::cpu::reduce::{add_row, sum, sum2};
use crate::cpu::slice::{for_real, has_kernel, numbers, stored, with_numbers};
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::real::Real;
use crate::{check, cuda, reference};

/// Layer normalisation over the last dimension (Ba, Kiros, Hinton 2016): with the mean `m` and the biased variance `v`
/// of a row, `y = (x - m) / sqrt(v + epsilon) * weight + bias`.
///
/// Differentiable in `x`, `weight` and `bias`. Nothing but `x` is kept for the backward pass.
///
/// # Shapes
/// `x: [..., H]`, `weight: [H]`, `bias: [H]` give `[..., H]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// # Complexity
/// Two reads of each row while it is in cache. Gradients of `weight` and `bias` are summed over blocks of 64 rows and
/// then over blocks, both in order: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::layer_norm;
/// let x = Tensor::new(&[[1.0_f64, 3.0]], &Device::Cpu)?;
/// let (weight, bias) = (Tensor::new(&[2.0_f64, 2.0], &Device::Cpu)?, Tensor::new(&[0.0_f64, 1.0], &Device::Cpu)?);
/// assert_eq!(layer_norm(&x, &weight, &bias, 0.0)?.to_vec2::<f64>()?, [[-2.0, 3.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let Some(&width) = x.dims().last() else {
        return Err(KernelError::Shape {
            name: "layer_norm: x",
            expected: "[..., H]".to_string(),
            got: vec![],
        });
    };
    check::shape("layer_norm: weight", weight, &[width])?;
    check::shape("layer_norm: bias", bias, &[width])?;
    if cuda::takes(x) {
        return cuda::dense::layer_norm(x, weight, bias, epsilon);
    }
    if !has_kernel(x) {
        check::real("layer_norm", x)?;
        return reference::layer_norm(x, weight, bias, epsilon);
    }
    Ok(x.contiguous()?.apply_op3(
        &weight.contiguous()?,
        &bias.contiguous()?,
        LayerNorm { epsilon },
    )?)
}

/// Rows whose contributions to the gradients of weight and bias are summed together.
const BLOCK_ROWS: usize = 64;

struct LayerNorm {
    epsilon: f64,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let width = weight_layout.dims()[0];
        for_real!("layer_norm", x, T => {
            let x = numbers::<T>("layer_norm: x", x, x_layout)?;
            let weight = numbers::<T>("layer_norm: weight", weight, weight_layout)?;
            let bias = numbers::<T>("layer_norm: bias", bias, bias_layout)?;
            let epsilon = self.epsilon as T;
            let mut y = zeros(x.len());
            let block = rows_per_block(width) * width;
            if block > 0 {
                y.par_chunks_mut(block)
                    .zip(x.par_chunks(block))
                    .for_each(|(y, x)| normalize_rows(x, weight, bias, epsilon, y));
            }
            Ok(stored(y, x_layout.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        for_real!("layer_norm", x, T => {
            let [dx, dweight, dbias] = with_numbers("layer_norm: x", x, |x| {
                with_numbers("layer_norm: weight", weight, |weight| {
                    with_numbers("layer_norm: gradient", &grad, |grad| {
                        Ok(backward(x, weight, grad, self.epsilon as T))
                    })
                })
            })?;
            Ok((
                Some(Tensor::from_vec(dx, x.shape(), x.device())?),
                Some(Tensor::from_vec(dweight, weight.shape(), x.device())?),
                Some(Tensor::from_vec(dbias, weight.shape(), x.device())?),
            ))
        })
    }
}

vectorized! {
    /// A few rows of the result.
    pub(crate) fn normalize_rows<T: Real>(
        x: &[T],
        weight: &[T],
        bias: &[T],
        epsilon: T,
        y: &mut [T],
    ) {
        let width = weight.len();
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let (mean, inverse) = moments(x, epsilon);
            for (((y, &x), &weight), &bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = ((x - mean) * inverse).mul_add(weight, bias);
            }
        }
    }
}

/// Mean of a row and `1 / sqrt(variance + epsilon)`.
#[inline(always)]
fn moments<T: Real>(x: &[T], epsilon: T) -> (T, T) {
    let scale = T::ONE / T::from_f64(x.len() as f64);
    let mean = sum(x, |sum, x| sum + x) * scale;
    let variance = sum(x, |sum, x| (x - mean).mul_add(x - mean, sum)) * scale;
    (mean, T::ONE / (variance + epsilon).sqrt())
}

/// Gradients of `x`, weight and bias. With `z` the normalised row and `g = dy * weight`:
/// `dx = (g - mean(g) - z mean(g z)) / sqrt(v + epsilon)`, `dweight = sum of dy z`, `dbias = sum of dy`.
pub(crate) fn backward<T: Real>(x: &[T], weight: &[T], grad: &[T], epsilon: T) -> [Vec<T>; 3] {
    let width = weight.len();
    let mut dx = zeros(x.len());
    let block = (BLOCK_ROWS * width).max(1);
    let partial: Vec<Vec<T>> = dx
        .par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .zip(grad.par_chunks(block))
        .map(|((dx, x), grad)| backward_block(dx, x, weight, grad, epsilon))
        .collect();
    let mut parameters = vec![T::ZERO; 2 * width];
    for partial in &partial {
        add_row(&mut parameters, partial);
    }
    let dbias = parameters.split_off(width);
    [dx, parameters, dbias]
}

vectorized! {
    /// Fills `dx` for one block; returns the block's gradients of weight and bias, one after the other.
    fn backward_block<T: Real>(dx: &mut [T], x: &[T], weight: &[T], grad: &[T], epsilon: T) -> Vec<T> {
        let width = weight.len();
        let scale = T::ONE / T::from_f64(width as f64);
        let mut parameters = vec![T::ZERO; 2 * width];
        let (dweight, dbias) = parameters.split_at_mut(width);
        let rows = dx
            .chunks_exact_mut(width)
            .zip(x.chunks_exact(width))
            .zip(grad.chunks_exact(width));
        for ((dx, x), grad) in rows {
            let (mean, inverse) = moments(x, epsilon);
            let parameters = dweight.iter_mut().zip(dbias.iter_mut());
            for (((dx, &x), (&grad, &weight)), (dweight, dbias)) in dx
                .iter_mut()
                .zip(x)
                .zip(grad.iter().zip(weight))
                .zip(parameters)
            {
                *dx = grad * weight;
                *dweight = grad.mul_add((x - mean) * inverse, *dweight);
                *dbias += grad;
            }
            let mean_g = sum(dx, |sum, g| sum + g) * scale;
            let mean_gz = sum2(dx, x, |sum, g, x| g.mul_add(x - mean, sum)) * inverse * scale;
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = (*dx - mean_g - (x - mean) * inverse * mean_gz) * inverse;
            }
        }
        parameters
    }
}
