//! The largest rows and the softmax of segments.

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, View, WARP};
use super::program::{Input, Program, apply, run};
use super::rows::{SLICES, row_width};
use crate::error::Result;
use crate::{Segments, check};

/// [`crate::segment_max`].
pub(crate) fn segment_max(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    apply(SegmentMax(segments.clone()), &[x])
}

/// [`crate::segment_softmax`].
pub(crate) fn segment_softmax(x: &Tensor, segments: &Segments) -> Result<Tensor> {
    apply(SegmentSoftmax(segments.clone()), &[x])
}

/// Launches a kernel with one block per segment and 32 columns: `reads`, offsets, result of `rows` rows, width.
fn by_segment<S: Gpu>(
    kernel: &'static str,
    segments: &Segments,
    reads: &[View<'_, S>],
    dims: &[usize],
    rows: usize,
    device: &S::Device,
) -> candle_core::Result<(S, Shape)> {
    let width = row_width(dims);
    let offsets = Held::new(kernel, segments.offsets_tensor());
    let mut y = S::uninitialised(device, reads[0].storage.dtype(), rows * width)?;
    let mut arguments: Vec<Argument<'_, S>> = reads.iter().copied().map(Argument::Read).collect();
    arguments.push(Argument::Read(offsets.view(device)?));
    arguments.push(Argument::Write(&mut y));
    arguments.push(Argument::Size(width));
    let launch = Launch {
        kernel,
        number: reads[0].number(kernel)?,
        blocks: segments.len() * width.div_ceil(WARP),
        threads: SLICES * WARP,
        shared_bytes: 0,
        arguments,
    };
    S::launch(device, launch)?;
    Ok((y, check::with_rows(dims, rows).into()))
}

struct SegmentMax(Segments);

impl Program for SegmentMax {
    const NAME: &'static str = "segment_max";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view, dims } = inputs[0];
        by_segment(Self::NAME, &self.0, &[view], dims, self.0.len(), device)
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let dx = run(ToFirstMax(self.0.clone()), &[inputs[0], y, grad])?;
        Ok(vec![Some(dx)])
    }
}

/// The gradient of [`SegmentMax`], from `x`, `y` and the gradient of `y`.
struct ToFirstMax(Segments);

impl Program for ToFirstMax {
    const NAME: &'static str = "segment_max_backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1, 2].map(|i| inputs[i].view);
        let rows = self.0.num_rows();
        by_segment(Self::NAME, &self.0, &views, inputs[0].dims, rows, device)
    }
}

struct SegmentSoftmax(Segments);

impl Program for SegmentSoftmax {
    const NAME: &'static str = "segment_softmax";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view, dims } = inputs[0];
        let rows = self.0.num_rows();
        by_segment(Self::NAME, &self.0, &[view], dims, rows, device)
    }

    fn backward(
        &self,
        _inputs: &[&Tensor],
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let dx = run(SoftmaxGradient(self.0.clone()), &[y, grad])?;
        Ok(vec![Some(dx)])
    }
}

/// The gradient of [`SegmentSoftmax`], from `y` and its gradient.
struct SoftmaxGradient(Segments);

impl Program for SoftmaxGradient {
    const NAME: &'static str = "segment_softmax_backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let views = [0, 1].map(|i| inputs[i].view);
        let rows = self.0.num_rows();
        by_segment(Self::NAME, &self.0, &views, inputs[0].dims, rows, device)
    }
}
