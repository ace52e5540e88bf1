//! Rows by number, sums of rows, the largest rows, softmax over rows: launches on CSR segments.

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, View, WARP, walking_blocks};
use super::program::{Input, Program, apply, run};
use crate::error::Result;
use crate::{RowIndex, Segments, check};

/// Warps of a block in the kernels on segments (`SLICES` in `block.cuh`).
pub(super) const SLICES: usize = 4;

/// [`crate::gather`] and [`crate::embedding_sum`].
pub(crate) fn gather_sum(x: &Tensor, index: &RowIndex, terms: usize) -> Result<Tensor> {
    let index = index.clone();
    apply(GatherSum { index, terms }, &[x])
}

/// [`crate::scatter_sum`].
pub(crate) fn scatter_sum(x: &Tensor, index: &RowIndex) -> Result<Tensor> {
    let index = index.clone();
    apply(ScatterSum { index, terms: 1 }, &[x])
}

/// [`crate::segment_sum`] and [`crate::segment_mean`].
pub(crate) fn segment_sum(x: &Tensor, segments: &Segments, mean: bool) -> Result<Tensor> {
    let segments = segments.clone();
    apply(SegmentSum { segments, mean }, &[x])
}

/// Numbers per row.
pub(super) fn row_width(dims: &[usize]) -> usize {
    dims.iter().skip(1).product()
}

/// Sums of `terms` consecutive indexed rows.
struct GatherSum {
    index: RowIndex,
    terms: usize,
}

impl Program for GatherSum {
    const NAME: &'static str = "gather";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let (count, width) = (self.index.len() / self.terms, row_width(dims));
        let rows = Held::new("gather: index", self.index.rows_tensor());
        let mut y = S::uninitialised(device, x.storage.dtype(), count * width)?;
        let launch = Launch::new(
            "gather_sum",
            x.number(Self::NAME)?,
            walking_blocks(count * width),
            vec![
                Argument::Read(x),
                Argument::Read(rows.view(device)?),
                Argument::Write(&mut y),
                Argument::Size(count),
                Argument::Size(width),
                Argument::Size(self.terms),
                Argument::Size(x.packed(width).into()),
            ],
        );
        S::launch(device, launch)?;
        Ok((y, check::with_rows(dims, count).into()))
    }

    fn backward(
        &self,
        _inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (index, terms) = (self.index.clone(), self.terms);
        Ok(vec![Some(run(ScatterSum { index, terms }, &[grad])?)])
    }
}

/// Every row of `x` is added to the rows that `terms` consecutive indices name.
struct ScatterSum {
    index: RowIndex,
    terms: usize,
}

impl Program for ScatterSum {
    const NAME: &'static str = "scatter_sum";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let (offsets, positions) = self.index.inverse_tensors()?;
        let offsets = Held::new("scatter_sum: index", offsets);
        let positions = Held::new("scatter_sum: index", positions);
        sum_rows(
            &inputs[0],
            device,
            offsets.view(device)?,
            Some((positions.view(device)?, self.terms)),
            self.index.num_sources(),
            false,
        )
    }

    fn backward(
        &self,
        _inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (index, terms) = (self.index.clone(), self.terms);
        Ok(vec![Some(run(GatherSum { index, terms }, &[grad])?)])
    }
}

/// Sums or means of the rows of each segment.
struct SegmentSum {
    segments: Segments,
    mean: bool,
}

impl Program for SegmentSum {
    const NAME: &'static str = "segment_sum";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let offsets = Held::new(Self::NAME, self.segments.offsets_tensor());
        let segments = self.segments.len();
        sum_rows(
            &inputs[0],
            device,
            offsets.view(device)?,
            None,
            segments,
            self.mean,
        )
    }

    fn backward(
        &self,
        _inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (segments, mean) = (self.segments.clone(), self.mean);
        Ok(vec![Some(run(Spread { segments, mean }, &[grad])?)])
    }
}

/// The kernel `sum_rows`; `positions` come with the indices per row of `x`.
fn sum_rows<S: Gpu>(
    x: &Input<'_, S>,
    device: &S::Device,
    offsets: View<'_, S>,
    positions: Option<(View<'_, S>, usize)>,
    segments: usize,
    mean: bool,
) -> candle_core::Result<(S, Shape)> {
    let Input { view: x, dims } = *x;
    let width = row_width(dims);
    let packed = x.packed(width);
    let lanes = if packed {
        16 / x.storage.dtype().size_in_bytes()
    } else {
        1
    };
    let mut y = S::uninitialised(device, x.storage.dtype(), segments * width)?;
    let launch = Launch {
        kernel: "sum_rows",
        number: x.number("sum_rows")?,
        blocks: segments * width.div_ceil(WARP * lanes),
        threads: SLICES * WARP,
        shared_bytes: 0,
        arguments: vec![
            Argument::Read(x),
            Argument::Read(offsets),
            Argument::optional(positions.map(|(view, _)| view)),
            Argument::Write(&mut y),
            Argument::Size(width),
            Argument::Size(positions.map_or(1, |(_, terms)| terms)),
            Argument::Size(mean.into()),
            Argument::Size(packed.into()),
        ],
    };
    S::launch(device, launch)?;
    Ok((y, check::with_rows(dims, segments).into()))
}

/// The adjoint of [`SegmentSum`].
struct Spread {
    segments: Segments,
    mean: bool,
}

impl Program for Spread {
    const NAME: &'static str = "segment_sum backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: y, dims } = inputs[0];
        let (rows, width) = (self.segments.num_rows(), row_width(dims));
        let row_segment = Held::new(Self::NAME, self.segments.row_segment_tensor());
        let offsets = Held::new(Self::NAME, self.segments.offsets_tensor());
        let mut x = S::uninitialised(device, y.storage.dtype(), rows * width)?;
        let launch = Launch::new(
            "spread",
            y.number(Self::NAME)?,
            walking_blocks(rows * width),
            vec![
                Argument::Read(y),
                Argument::Read(row_segment.view(device)?),
                Argument::Read(offsets.view(device)?),
                Argument::Write(&mut x),
                Argument::Size(rows),
                Argument::Size(width),
                Argument::Size(self.mean.into()),
            ],
        );
        S::launch(device, launch)?;
        Ok((x, check::with_rows(dims, rows).into()))
    }
}
