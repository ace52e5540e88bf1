//! Operations on rows and single numbers: activations, layer normalisation, norms.

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Launch, View, WARP, blocks_for, walking_blocks};
use super::program::{Input, Program, apply, run};
use crate::error::Result;

/// Rows of a block of partial sums (`CHUNK` in `layer_norm.cu`).
const CHUNK: usize = 32;

/// [`crate::gelu`].
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor> {
    apply(Activation(["gelu", "gelu_backward"]), &[x])
}

/// [`crate::silu`].
pub(crate) fn silu(x: &Tensor) -> Result<Tensor> {
    apply(Activation(["silu", "silu_backward"]), &[x])
}

/// [`crate::layer_norm`].
pub(crate) fn layer_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
) -> Result<Tensor> {
    apply(LayerNorm { epsilon }, &[x, weight, bias])
}

/// [`crate::safe_norm`] of the middle one of three dimensions; the result has the two others.
pub(crate) fn safe_norm(x: &Tensor) -> Result<Tensor> {
    apply(SafeNorm, &[x])
}

/// Launches an elementwise kernel: `reads`, result, count, packed.
fn elementwise<S: Gpu>(
    kernel: &'static str,
    reads: &[View<'_, S>],
    shape: &[usize],
    device: &S::Device,
) -> candle_core::Result<(S, Shape)> {
    let count = reads[0].len;
    let packed = reads.iter().all(|x| x.packed(count));
    let mut y = S::uninitialised(device, reads[0].storage.dtype(), count)?;
    let mut arguments: Vec<Argument<'_, S>> = reads.iter().copied().map(Argument::Read).collect();
    arguments.extend([
        Argument::Write(&mut y),
        Argument::Word(count as u64),
        Argument::Size(packed.into()),
    ]);
    let launch = Launch::new(
        kernel,
        reads[0].number(kernel)?,
        walking_blocks(count),
        arguments,
    );
    S::launch(device, launch)?;
    Ok((y, shape.into()))
}

/// Names of the kernels, forward and backward.
struct Activation([&'static str; 2]);

impl Program for Activation {
    const NAME: &'static str = "activation";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        elementwise(self.0[0], &[inputs[0].view], inputs[0].dims, device)
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(run(Slope(self.0[1]), &[inputs[0], grad])?)])
    }
}

/// The gradient of an activation, from `x` and the gradient of `y`.
struct Slope(&'static str);

impl Program for Slope {
    const NAME: &'static str = "activation backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1].map(|i| inputs[i].view);
        elementwise(self.0, &views, inputs[0].dims, device)
    }
}

struct LayerNorm {
    epsilon: f64,
}

/// Launches a kernel with one warp per row: `reads`, result, rows, width, epsilon.
fn by_row<S: Gpu>(
    kernel: &'static str,
    reads: &[View<'_, S>],
    dims: &[usize],
    epsilon: f64,
    device: &S::Device,
) -> candle_core::Result<(S, Shape)> {
    let count = reads[0].len;
    let width = dims.last().copied().unwrap_or(1);
    let rows = count / width.max(1);
    let mut y = S::uninitialised(device, reads[0].storage.dtype(), count)?;
    let mut arguments: Vec<Argument<'_, S>> = reads.iter().copied().map(Argument::Read).collect();
    arguments.extend([
        Argument::Write(&mut y),
        Argument::Size(rows),
        Argument::Size(width),
        Argument::Real(epsilon),
    ]);
    let launch = Launch::new(
        kernel,
        reads[0].number(kernel)?,
        blocks_for(rows * WARP),
        arguments,
    );
    S::launch(device, launch)?;
    Ok((y, dims.into()))
}

impl Program for LayerNorm {
    const NAME: &'static str = "layer_norm";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1, 2].map(|i| inputs[i].view);
        by_row(Self::NAME, &views, inputs[0].dims, self.epsilon, device)
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let epsilon = self.epsilon;
        let [x, weight] = [inputs[0], inputs[1]];
        let dx = run(LayerNormGradient { epsilon }, &[x, weight, grad])?;
        let parameters = run(ParameterGradients { epsilon }, &[x, grad])?;
        Ok(vec![
            Some(dx),
            Some(parameters.get(0)?),
            Some(parameters.get(1)?),
        ])
    }
}

/// The gradient of `x`, from `x`, the weight and the gradient of `y`.
struct LayerNormGradient {
    epsilon: f64,
}

impl Program for LayerNormGradient {
    const NAME: &'static str = "layer_norm_backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1, 2].map(|i| inputs[i].view);
        by_row(Self::NAME, &views, inputs[0].dims, self.epsilon, device)
    }
}

/// The gradients of weight and bias, `[2, width]`, from `x` and the gradient of `y`.
struct ParameterGradients {
    epsilon: f64,
}

impl Program for ParameterGradients {
    const NAME: &'static str = "layer_norm: gradients of the parameters";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let number = x.number(Self::NAME)?;
        let width = dims.last().copied().unwrap_or(1);
        let rows = x.len / width.max(1);
        let (chunks, columns) = (rows.div_ceil(CHUNK), 2 * width);
        let mut partial = S::uninitialised(device, number.sum_dtype(), chunks * columns)?;
        let by_chunk = Launch::new(
            "layer_norm_partial",
            number,
            chunks,
            vec![
                Argument::Read(x),
                Argument::Read(inputs[1].view),
                Argument::Write(&mut partial),
                Argument::Size(rows),
                Argument::Size(width),
                Argument::Real(self.epsilon),
            ],
        );
        S::launch(device, by_chunk)?;
        let mut total = S::uninitialised(device, x.storage.dtype(), columns)?;
        let over_chunks = Launch::new(
            "layer_norm_total",
            number,
            blocks_for(columns),
            vec![
                Argument::Read(View::whole(&partial, chunks * columns)),
                Argument::Write(&mut total),
                Argument::Size(chunks),
                Argument::Size(columns),
            ],
        );
        S::launch(device, over_chunks)?;
        Ok((total, (2, width).into()))
    }
}

/// Norms over the middle one of three dimensions.
struct SafeNorm;

/// Launches a kernel on vectors: `reads`, result of `len` numbers, number of vectors, size, inner.
fn by_vector<S: Gpu>(
    kernel: &'static str,
    reads: &[View<'_, S>],
    dims: &[usize],
    len: usize,
    device: &S::Device,
) -> candle_core::Result<S> {
    let (vectors, size, inner) = (dims[0] * dims[2], dims[1], dims[2]);
    let mut y = S::uninitialised(device, reads[0].storage.dtype(), len)?;
    let mut arguments: Vec<Argument<'_, S>> = reads.iter().copied().map(Argument::Read).collect();
    arguments.extend([
        Argument::Write(&mut y),
        Argument::Word(vectors as u64),
        Argument::Size(size),
        Argument::Size(inner),
    ]);
    let launch = Launch::new(
        kernel,
        reads[0].number(kernel)?,
        walking_blocks(vectors),
        arguments,
    );
    S::launch(device, launch)?;
    Ok(y)
}

impl Program for SafeNorm {
    const NAME: &'static str = "safe_norm";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view, dims } = inputs[0];
        let norms = by_vector(Self::NAME, &[view], dims, dims[0] * dims[2], device)?;
        Ok((norms, (dims[0], dims[2]).into()))
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        norm: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(run(Direction, &[inputs[0], norm, grad])?)])
    }
}

/// The gradient of [`SafeNorm`], from `x`, the norms and their gradient.
struct Direction;

impl Program for Direction {
    const NAME: &'static str = "safe_norm_backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1, 2].map(|i| inputs[i].view);
        let Input { view: x, dims } = inputs[0];
        Ok((
            by_vector(Self::NAME, &views, dims, x.len, device)?,
            dims.into(),
        ))
    }
}
