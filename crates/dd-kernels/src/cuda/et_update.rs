//! [`crate::et_update()`] after the projection.

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Launch, walking_blocks};
use super::program::{Input, Program, apply, run};
use crate::error::Result;

/// From the projected vectors `p: [N, 3, 3 F]`, the messages `o: [N, 3 F]` and what has arrived, `[N, 4, F]`, to the
/// update `[N, 4, F]`.
pub(crate) fn et_update(p: &Tensor, o: &Tensor, arrived: &Tensor) -> Result<Tensor> {
    apply(EtUpdate, &[p, o, arrived])
}

/// Launches a kernel with one job per atom and channel: three inputs, result of `len` numbers, jobs, width.
fn by_channel<S: Gpu>(
    kernel: &'static str,
    inputs: &[Input<'_, S>],
    per_job: usize,
    device: &S::Device,
) -> candle_core::Result<(S, usize)> {
    let o = inputs[1];
    let (jobs, width) = (o.view.len / 3, o.dims[1] / 3);
    let mut y = S::uninitialised(device, o.view.storage.dtype(), per_job * jobs)?;
    let mut arguments: Vec<_> = inputs.iter().map(|x| Argument::Read(x.view)).collect();
    arguments.extend([
        Argument::Write(&mut y),
        Argument::Word(jobs as u64),
        Argument::Size(width),
    ]);
    let launch = Launch::new(
        kernel,
        o.view.number(kernel)?,
        walking_blocks(jobs),
        arguments,
    );
    S::launch(device, launch)?;
    Ok((y, per_job * jobs))
}

struct EtUpdate;

impl Program for EtUpdate {
    const NAME: &'static str = "et_update";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let (update, _) = by_channel(Self::NAME, inputs, 4, device)?;
        Ok((update, inputs[2].dims.into()))
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let all = run(Gradients, &[inputs[0], inputs[1], grad])?;
        let mut start = 0;
        inputs
            .iter()
            .map(|input| {
                let part = all.narrow(0, start, input.elem_count())?;
                start += input.elem_count();
                part.reshape(input.shape()).map(Some)
            })
            .collect()
    }
}

/// The gradients of the three inputs, one after another.
struct Gradients;

impl Program for Gradients {
    const NAME: &'static str = "et_update backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let (all, len) = by_channel("et_update_backward", inputs, 16, device)?;
        Ok((all, len.into()))
    }
}
