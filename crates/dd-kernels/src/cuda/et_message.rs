//! Messages of the equivariant transformer, one chunk of edges at a time.
//!
//! The filters' matrix product is cuBLAS's; its result for one chunk stays in the second-level cache, where the fused
//! kernels read it. Nothing of the size of all edges times channels is stored.

use std::ops::Range;

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, View, WARP, blocks_for};
use super::program::{Input, Program, apply, run};
use super::rows::gather_sum;
use crate::error::Result;
use crate::et_message::EtMessageInputs;
use crate::{EtFields, RowIndex, Segments};

/// Bytes of a chunk's filters: well below the second-level cache of a data-centre GPU (40 to 60 MB). Few in the emulator,
/// so that the small batches of the tests have many chunks.
fn chunk_bytes() -> usize {
    if super::emulator::is_on() {
        1 << 15
    } else {
        24 << 20
    }
}

/// Sizes of one call, in the words of `messages.cuh`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) atoms: usize,
    pub(super) edges: usize,
    pub(super) features: usize,
    pub(super) heads: usize,
    pub(super) basis: usize,
    pub(super) has_key: bool,
    pub(super) has_value: bool,
}

impl Sizes {
    /// Filters of one edge.
    pub(super) fn columns(self) -> usize {
        self.features * (usize::from(self.has_key) + 3 * usize::from(self.has_value))
    }

    /// As the kernels' arguments.
    pub(super) fn arguments<'a, S>(self) -> [Argument<'a, S>; 7] {
        [
            Argument::Size(self.atoms),
            Argument::Size(self.edges),
            Argument::Size(self.features),
            Argument::Size(self.heads),
            Argument::Size(self.basis),
            Argument::Size(self.has_key.into()),
            Argument::Size(self.has_value.into()),
        ]
    }
}

/// Everything about a call but its numbers.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) sizes: Sizes,
    pub(super) sources: RowIndex,
    pub(super) by_target: Segments,
    pub(super) with_edges: bool,
}

/// Edges of whole targets whose filters are alive at a time.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) targets: Range<usize>,
    pub(super) edges: Range<usize>,
}

impl Plan {
    /// The chunks, in order; a target with more edges than fit has a chunk of its own.
    pub(super) fn chunks(&self, bytes_per_number: usize) -> Vec<Chunk> {
        let limit = chunk_bytes() / (self.sizes.columns().max(1) * bytes_per_number);
        let mut chunks = Vec::new();
        let mut first = 0;
        for target in 0..self.by_target.len() {
            let start = self.by_target.range(first).start;
            let last = target + 1 == self.by_target.len();
            if last || self.by_target.range(target + 1).end - start > limit {
                chunks.push(Chunk {
                    targets: first..target + 1,
                    edges: start..self.by_target.range(target).end,
                });
                first = target + 1;
            }
        }
        chunks
    }
}

/// [`crate::et_message`] on checked inputs, with the basis of every pair.
pub(crate) fn et_message(inputs: &EtMessageInputs<'_>, basis: &Tensor) -> Result<EtFields> {
    let (atoms, features) = inputs.queries.dims2()?;
    // The filters of both directions of a pair are computed: one matrix product of twice the size, nothing else.
    let of_edges = |x: &Tensor| match inputs.edges.pairs {
        Some(pairs) => gather_sum(x, pairs, 1),
        None => Ok(x.clone()),
    };
    let (basis_functions, cutoffs) = (of_edges(basis)?, of_edges(inputs.edges.cutoffs)?);
    let (edges, basis) = basis_functions.dims2()?;
    let sizes = Sizes {
        atoms,
        edges,
        features,
        heads: inputs.edges.num_heads,
        basis,
        has_key: inputs.edges.key_filter.is_some(),
        has_value: inputs.edges.value_filter.is_some(),
    };
    let geometry = [&basis_functions, &cutoffs, inputs.edges.directions];
    let plan = Plan {
        sizes,
        sources: inputs.edges.sources.clone(),
        by_target: inputs.edges.by_target.clone(),
        with_edges: geometry.iter().any(|x| x.track_op()),
    };
    let nodes = flat(&[inputs.queries, inputs.keys, inputs.values, inputs.vectors])?;
    let geometry = flat(&geometry)?;
    let filters = [inputs.edges.key_filter, inputs.edges.value_filter];
    let weights = filters.iter().flatten().map(|filter| filter.weight);
    let biases = filters.iter().flatten().map(|filter| filter.bias);
    let weights: Vec<&Tensor> = weights.chain(biases).collect();
    let weights = if weights.is_empty() {
        inputs.queries.narrow(0, 0, 0)?.flatten_all()?
    } else {
        flat(&weights)?
    };
    let arrived = apply(EtMessage(plan), &[&nodes, &geometry, &weights])?;
    EtFields::new(arrived)
}

/// All numbers of some tensors, one tensor after another.
fn flat(tensors: &[&Tensor]) -> candle_core::Result<Tensor> {
    let flat = tensors.iter().map(|x| x.flatten_all());
    Tensor::cat(&flat.collect::<candle_core::Result<Vec<_>>>()?, 0)
}

struct EtMessage(Plan);

/// The inputs and the index tensors of one call.
pub(super) struct Call<'a, S> {
    pub(super) sizes: Sizes,
    pub(super) nodes: View<'a, S>,
    pub(super) geometry: View<'a, S>,
    /// `[columns, K]`.
    pub(super) weight: View<'a, S>,
    /// `[columns]`.
    pub(super) bias: View<'a, S>,
    pub(super) sources: View<'a, S>,
    pub(super) targets: View<'a, S>,
    pub(super) offsets: View<'a, S>,
}

impl<S: Gpu> Call<'_, S> {
    /// Basis functions of a chunk's edges, `[edges, K]`.
    pub(super) fn basis(&self, chunk: &Chunk) -> View<'_, S> {
        let k = self.sizes.basis;
        self.geometry
            .part(chunk.edges.start * k, chunk.edges.len() * k)
    }

    /// Filters of a chunk before bias and activation, `[edges, columns]`.
    pub(super) fn filters(&self, chunk: &Chunk, device: &S::Device) -> candle_core::Result<S> {
        let (columns, k, edges) = (self.sizes.columns(), self.sizes.basis, chunk.edges.len());
        if columns * k == 0 || edges == 0 {
            return super::launch::zeros(device, self.nodes.storage.dtype(), edges * columns);
        }
        let basis = self.basis(chunk);
        basis.storage.matmul(
            self.weight.storage,
            (1, edges, columns, k),
            &basis.layout((edges, k)),
            &self.weight.transposed(columns),
        )
    }

    /// Scores of a chunk, `[edges, heads]`.
    pub(super) fn scores(
        &self,
        chunk: &Chunk,
        filters: View<'_, S>,
        device: &S::Device,
    ) -> candle_core::Result<S> {
        let number = self.nodes.number("et_message")?;
        let count = chunk.edges.len() * self.sizes.heads;
        let mut scores = S::uninitialised(device, number.sum_dtype(), count)?;
        let mut arguments: Vec<Argument<'_, S>> =
            [self.nodes, filters, self.bias, self.sources, self.targets]
                .map(Argument::Read)
                .into();
        arguments.push(Argument::Write(&mut scores));
        arguments.extend(self.sizes.arguments());
        arguments.extend([chunk.edges.start, chunk.edges.end].map(Argument::Size));
        let launch = Launch::new("et_scores", number, blocks_for(count * WARP), arguments);
        S::launch(device, launch)?;
        Ok(scores)
    }
}

impl Plan {
    /// Holds the index tensors while `f` runs.
    pub(super) fn call<S: Gpu, R>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
        f: impl FnOnce(&Call<'_, S>) -> candle_core::Result<R>,
    ) -> candle_core::Result<R> {
        let sources = Held::new("et_message: sources", self.sources.rows_tensor());
        let targets = Held::new("et_message: targets", self.by_target.row_segment_tensor());
        let offsets = Held::new("et_message: targets", self.by_target.offsets_tensor());
        let (columns, weights) = (self.sizes.columns(), inputs[2].view);
        let split = columns * self.sizes.basis;
        f(&Call {
            sizes: self.sizes,
            nodes: inputs[0].view,
            geometry: inputs[1].view,
            weight: weights.part(0, split),
            bias: weights.part(split, columns),
            sources: sources.view(device)?,
            targets: targets.view(device)?,
            offsets: offsets.view(device)?,
        })
    }
}

impl Program for EtMessage {
    const NAME: &'static str = "et_message";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        self.0.call(inputs, device, |call| {
            let (sizes, dtype) = (call.sizes, call.nodes.storage.dtype());
            let number = call.nodes.number(Self::NAME)?;
            let len = 4 * sizes.atoms * sizes.features;
            let mut arrived = S::uninitialised(device, dtype, len)?;
            for chunk in self.0.chunks(dtype.size_in_bytes()) {
                let edges = chunk.edges.len();
                let filters = call.filters(&chunk, device)?;
                let filters = View::whole(&filters, edges * sizes.columns());
                let scores = call.scores(&chunk, filters, device)?;
                let mut arguments: Vec<Argument<'_, S>> = [
                    call.nodes,
                    call.geometry,
                    filters,
                    call.bias,
                    call.sources,
                    call.offsets,
                    View::whole(&scores, edges * sizes.heads),
                ]
                .map(Argument::Read)
                .into();
                arguments.push(Argument::Write(&mut arrived));
                arguments.extend(sizes.arguments());
                let Range { start, end } = chunk.targets;
                arguments.extend([chunk.edges.start, start, end].map(Argument::Size));
                let launch = Launch::new(
                    "et_messages",
                    number,
                    blocks_for((end - start) * sizes.features),
                    arguments,
                );
                S::launch(device, launch)?;
            }
            Ok((arrived, (sizes.atoms, 4, sizes.features).into()))
        })
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        _arrived: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let [nodes, geometry, weights] = [inputs[0], inputs[1], inputs[2]];
        let program = super::et_message_backward::Gradients(self.0.clone());
        let grads = run(program, &[nodes, geometry, weights, grad])?;
        let sizes = [nodes, geometry, weights].map(Tensor::elem_count);
        let geometry = if self.0.with_edges {
            Some(grads.narrow(0, sizes[0], sizes[1])?)
        } else {
            None
        };
        Ok(vec![
            Some(grads.narrow(0, 0, sizes[0])?),
            geometry,
            Some(grads.narrow(0, sizes[0] + sizes[1], sizes[2])?),
        ])
    }
}
