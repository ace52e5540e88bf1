//! [`crate::batch_moments`] and [`crate::batch_norm`].

use candle_core::{Layout, Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, View, blocks_for, number_of, walking_blocks};
use super::program::{Input, Program, apply, run};
use crate::BatchNormInputs;
use crate::error::{KernelError, Result};

/// Rows of a block of partial sums (`CHUNK` in `batch_norm.cu`).
const CHUNK: usize = 32;

/// [`crate::batch_moments`].
pub(crate) fn batch_moments(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let moments = run(Moments, &[x])?;
    Ok((moments.get(0)?, moments.get(1)?))
}

/// [`crate::batch_norm`].
pub(crate) fn batch_norm(x: &Tensor, inputs: &BatchNormInputs<'_>) -> Result<Tensor> {
    for (name, moment) in [("mean", inputs.mean), ("variance", inputs.variance)] {
        if moment.dtype() != x.dtype() {
            let dtype = moment.dtype();
            return Err(KernelError::DType { name, dtype });
        }
    }
    let contiguous = |moment: &Tensor| moment.detach().contiguous();
    let norm = BatchNorm {
        moments: [contiguous(inputs.mean)?, contiguous(inputs.variance)?],
        epsilon: inputs.epsilon,
        of_batch: inputs.of_batch,
        relu: inputs.relu,
    };
    apply(norm, &[x, inputs.weight, inputs.bias])
}

/// Adds the blocks' sums of `columns` columns, divided by `divisor`.
fn totals<S: Gpu>(
    partial: &S,
    [blocks, columns]: [usize; 2],
    divisor: f64,
    number: super::sources::Number,
    device: &S::Device,
) -> candle_core::Result<S> {
    let mut totals = S::uninitialised(device, number.sum_dtype(), columns)?;
    let launch = Launch::new(
        "column_totals",
        number,
        blocks_for(columns),
        vec![
            Argument::Read(View::whole(partial, blocks * columns)),
            Argument::Write(&mut totals),
            Argument::Size(blocks),
            Argument::Size(columns),
            Argument::Real(divisor),
        ],
    );
    S::launch(device, launch)?;
    Ok(totals)
}

/// Puts numbers of the sums' type at a place of `into`.
fn round_into<S: Gpu>(sums: &S, len: usize, into: &mut S, start: usize) -> candle_core::Result<()> {
    if len == 0 {
        return Ok(()); // a launch of no blocks is an error
    }
    let layout = Layout::contiguous(len);
    let rounded = sums.to_dtype(&layout, into.dtype())?;
    rounded.copy_strided_src(into, start, &layout)
}

/// Means and variances of columns, `[2, width]`.
struct Moments;

impl Program for Moments {
    const NAME: &'static str = "batch_moments";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let (number, rows, width) = (x.number(Self::NAME)?, dims[0], dims[1]);
        let blocks = rows.div_ceil(CHUNK);
        let means_of = |mean: Option<&S>| {
            let mut partial = S::uninitialised(device, number.sum_dtype(), blocks * width)?;
            let launch = Launch::new(
                "column_sums",
                number,
                blocks,
                vec![
                    Argument::Read(x),
                    Argument::optional(mean.map(|mean| View::whole(mean, width))),
                    Argument::Write(&mut partial),
                    Argument::Size(rows),
                    Argument::Size(width),
                ],
            );
            S::launch(device, launch)?;
            totals(&partial, [blocks, width], rows as f64, number, device)
        };
        let mean = means_of(None)?;
        let variance = means_of(Some(&mean))?;
        let mut both = S::uninitialised(device, x.storage.dtype(), 2 * width)?;
        round_into(&mean, width, &mut both, 0)?;
        round_into(&variance, width, &mut both, width)?;
        Ok((both, (2, width).into()))
    }
}

#[derive(Clone)]
struct BatchNorm {
    /// Mean and variance.
    moments: [Tensor; 2],
    epsilon: f64,
    of_batch: bool,
    relu: bool,
}

impl BatchNorm {
    /// The last arguments of the kernels of the gradients.
    fn choices<'a, S>(&self, [rows, width]: [usize; 2]) -> [Argument<'a, S>; 4] {
        [
            Argument::Size(rows),
            Argument::Size(width),
            Argument::Real(self.epsilon),
            Argument::Size(self.relu.into()),
        ]
    }
}

impl Program for BatchNorm {
    const NAME: &'static str = "batch_norm";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let moments = self.moments.each_ref().map(|x| Held::new(Self::NAME, x));
        let mut y = S::uninitialised(device, x.storage.dtype(), x.len)?;
        let mut arguments: Vec<_> = inputs.iter().map(|x| Argument::Read(x.view)).collect();
        for moment in &moments {
            arguments.push(Argument::Read(moment.view(device)?));
        }
        arguments.extend([
            Argument::Write(&mut y),
            Argument::Word(x.len as u64),
            Argument::Size(dims[1]),
            Argument::Real(self.epsilon),
            Argument::Size(self.relu.into()),
        ]);
        let launch = Launch::new(
            Self::NAME,
            x.number(Self::NAME)?,
            walking_blocks(x.len),
            arguments,
        );
        S::launch(device, launch)?;
        Ok((y, dims.into()))
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (rows, width) = inputs[0].dims2()?;
        let [mean, variance] = &self.moments;
        let [x, weight, bias] = [0, 1, 2].map(|i| inputs[i]);
        let all = run(
            Gradients(self.clone()),
            &[x, weight, bias, mean, variance, grad],
        )?;
        let part = |start: usize, len: usize| all.narrow(0, start, len);
        Ok(vec![
            Some(part(0, rows * width)?.reshape((rows, width))?),
            Some(part(rows * width, width)?),
            Some(part((rows + 1) * width, width)?),
        ])
    }
}

/// The gradients of `x`, weight and bias, one after another.
struct Gradients(BatchNorm);

impl Program for Gradients {
    const NAME: &'static str = "batch_norm backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let (rows, width) = (dims[0], dims[1]);
        let number = number_of(Self::NAME, x.storage.dtype())?;
        let blocks = rows.div_ceil(CHUNK);
        let columns = 2 * width;
        let mut partial = S::uninitialised(device, number.sum_dtype(), blocks * columns)?;
        let mut arguments: Vec<_> = inputs.iter().map(|x| Argument::Read(x.view)).collect();
        arguments.push(Argument::Write(&mut partial));
        arguments.extend(self.0.choices([rows, width]));
        let launch = Launch::new("batch_norm_partial", number, blocks, arguments);
        S::launch(device, launch)?;
        let totals = totals(&partial, [blocks, columns], 1.0, number, device)?;
        let mut all = S::uninitialised(device, x.storage.dtype(), x.len + columns)?;
        let mut arguments: Vec<_> = inputs.iter().map(|x| Argument::Read(x.view)).collect();
        arguments.push(Argument::Read(View::whole(&totals, columns)));
        arguments.push(Argument::Write(&mut all));
        arguments.extend(self.0.choices([rows, width]));
        arguments.push(Argument::Size(self.0.of_batch.into()));
        let launch = Launch::new(
            "batch_norm_backward",
            number,
            walking_blocks(x.len),
            arguments,
        );
        S::launch(device, launch)?;
        round_into(&totals, columns, &mut all, x.len)?;
        Ok((all, (x.len + columns).into()))
    }
}
