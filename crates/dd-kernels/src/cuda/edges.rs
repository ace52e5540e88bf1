//! Sums along edges: [`crate::filtered_sum`] and [`crate::gin_message`].

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, WARP, number_of};
use super::program::{Input, Program, apply, run};
use super::rows::{SLICES, gather_sum, row_width, scatter_sum};
use crate::error::Result;
use crate::{GinEdges, RowIndex, Segments};

/// [`crate::filtered_sum`].
pub(crate) fn filtered_sum(
    x: &Tensor,
    filters: &Tensor,
    edges: crate::FilteredEdges<'_>,
) -> Result<Tensor> {
    let program = FilteredSum {
        sources: edges.sources.clone(),
        pairs: edges.pairs.clone(),
        by_target: edges.by_target.clone(),
    };
    apply(program, &[x, filters])
}

/// [`crate::gin_message()`].
pub(crate) fn gin_message(
    h: &Tensor,
    bonds: &Tensor,
    eps: &Tensor,
    edges: &GinEdges,
) -> Result<Tensor> {
    apply(GinMessage(edges.clone()), &[h, bonds, eps])
}

/// Tensors in the order of the kernel's arguments: numbers, then row numbers.
struct Sum<'a, S> {
    kernel: &'static str,
    numbers: &'a [Input<'a, S>],
    rows: &'a [&'a Tensor],
    offsets: &'a Tensor,
    positions: Option<&'a Tensor>,
    /// Rows of the result.
    count: usize,
}

impl<S: Gpu> Sum<'_, S> {
    fn launch(self, device: &S::Device) -> candle_core::Result<(S, Shape)> {
        let hold = |x| Held::new(self.kernel, x);
        let rows: Vec<Held<'_>> = self.rows.iter().copied().map(hold).collect();
        let (offsets, positions) = (hold(self.offsets), self.positions.map(hold));
        let first = self.numbers[0];
        let width = row_width(first.dims);
        let packed = self
            .numbers
            .iter()
            .all(|x| x.dims.len() < 2 || x.view.packed(width));
        let lanes = if packed {
            16 / first.view.storage.dtype().size_in_bytes()
        } else {
            1
        };
        let mut y = S::uninitialised(device, first.view.storage.dtype(), self.count * width)?;
        let numbers = self.numbers.iter().map(|x| Argument::Read(x.view));
        let mut arguments: Vec<Argument<'_, S>> = numbers.collect();
        for rows in &rows {
            arguments.push(Argument::Read(rows.view(device)?));
        }
        let positions = positions
            .as_ref()
            .map(|held| held.view(device))
            .transpose()?;
        arguments.extend([
            Argument::Read(offsets.view(device)?),
            Argument::optional(positions),
            Argument::Write(&mut y),
            Argument::Size(width),
            Argument::Size(packed.into()),
        ]);
        let launch = Launch {
            kernel: self.kernel,
            number: first.view.number(self.kernel)?,
            blocks: self.count * width.div_ceil(WARP * lanes),
            threads: SLICES * WARP,
            shared_bytes: 0,
            arguments,
        };
        S::launch(device, launch)?;
        Ok((y, (self.count, width).into()))
    }
}

struct FilteredSum {
    sources: RowIndex,
    pairs: RowIndex,
    by_target: Segments,
}

impl Program for FilteredSum {
    const NAME: &'static str = "filtered_sum";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let sum = Sum {
            kernel: Self::NAME,
            numbers: inputs,
            rows: &[self.sources.rows_tensor(), self.pairs.rows_tensor()],
            offsets: self.by_target.offsets_tensor(),
            positions: None,
            count: self.by_target.len(),
        };
        sum.launch(device)
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let gradient = |at: &RowIndex, by: &RowIndex| RowsGradient {
            kernel: Self::NAME,
            at: at.clone(),
            rows: [self.by_target.row_segment_tensor(), by.rows_tensor()].map(Tensor::clone),
        };
        let of_x = gradient(&self.sources, &self.pairs);
        let of_filters = gradient(&self.pairs, &self.sources);
        Ok(vec![
            Some(run(of_x, &[grad, inputs[1]])?),
            Some(run(of_filters, &[grad, inputs[0]])?),
        ])
    }
}

/// The gradient of rows of a table, from tensors in the order of the kernel's arguments.
struct RowsGradient {
    kernel: &'static str,
    /// The row of each edge in the table.
    at: RowIndex,
    /// Further row numbers of each edge.
    rows: [Tensor; 2],
}

impl Program for RowsGradient {
    const NAME: &'static str = "gradient along edges";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let (offsets, positions) = self.at.inverse_tensors()?;
        let sum = Sum {
            kernel: self.kernel,
            numbers: inputs,
            rows: &self.rows.each_ref(),
            offsets,
            positions: Some(positions),
            count: self.at.num_sources(),
        };
        sum.launch(device)
    }
}

struct GinMessage(GinEdges);

impl Program for GinMessage {
    const NAME: &'static str = "gin_message";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let edges = &self.0;
        let (offsets, positions) = edges.targets.inverse_tensors()?;
        let rows = [&edges.atoms, &edges.sources, &edges.bonds].map(RowIndex::rows_tensor);
        let sum = Sum {
            kernel: Self::NAME,
            numbers: inputs,
            rows: &rows,
            offsets,
            positions: Some(positions),
            count: edges.atoms.len(),
        };
        sum.launch(device)
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let [h, bonds, eps] = [0, 1, 2].map(|i| inputs[i]);
        let edges = &self.0;
        let returned = |at: &RowIndex, other: &RowIndex| RowsGradient {
            kernel: "gin_returned",
            at: at.clone(),
            rows: [other.rows_tensor(), edges.targets.rows_tensor()].map(Tensor::clone),
        };
        let sent = run(returned(&edges.sources, &edges.bonds), &[h, bonds, grad])?;
        let kept = scatter_sum(grad, &edges.atoms)?;
        let dh = (sent + (&kept + kept.broadcast_mul(eps)?)?)?;
        let dbonds = run(returned(&edges.bonds, &edges.sources), &[bonds, h, grad])?;
        let sums = number_of(Self::NAME, h.dtype())?.sum_dtype();
        let pairs = (gather_sum(h, &edges.atoms, 1)?.to_dtype(sums)? * grad.to_dtype(sums)?)?;
        let deps = pairs.sum_all()?.to_dtype(h.dtype())?.reshape(1)?;
        Ok(vec![Some(dh), Some(dbonds), Some(deps)])
    }
}
