//! Gradients of the messages, chunk by chunk: the filters are computed again, read, and overwritten by their gradients,
//! which two matrix products turn into those of the weights and of the basis.

use std::ops::Range;

use candle_core::Shape;

use super::et_message::{Call, Chunk, Plan, Sizes};
use super::launch::{Argument, Gpu, Held, Launch, View, WARP, blocks_for, walking_blocks, zeros};
use super::program::{Input, Program};
use super::sources::Number;

/// From nodes, edges, weights and the gradient of what arrives: the gradients of the first three in one row of numbers.
/// That of the edges is zero when it is not wanted.
pub(super) struct Gradients(pub(super) Plan);

/// The gradients of all chunks so far.
struct Totals<S> {
    nodes: S,
    edges: S,
    /// Weights, then biases, as sums.
    weights: S,
}

/// The filters of one chunk, and what is known of its edges and heads.
struct State<S> {
    filters: S,
    scores: S,
    dscore: S,
}

impl Program for Gradients {
    const NAME: &'static str = "et_message backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let (plan, grad) = (&self.0, inputs[3].view);
        let dtype = inputs[0].view.storage.dtype();
        let number = inputs[0].view.number(Self::NAME)?;
        let [nodes, edges, weights] = [0, 1, 2].map(|i| inputs[i].view.len);
        let mut totals = Totals {
            nodes: zeros::<S>(device, dtype, nodes)?,
            edges: zeros::<S>(device, dtype, edges)?,
            weights: zeros::<S>(device, number.sum_dtype(), weights)?,
        };
        plan.call(inputs, device, |call| {
            let step = Step {
                plan,
                call,
                grad,
                number,
                device,
            };
            for chunk in plan.chunks(dtype.size_in_bytes()) {
                if !chunk.edges.is_empty() {
                    step.add(&chunk, &mut totals)?;
                }
            }
            Ok(())
        })?;
        let mut all = S::uninitialised(device, dtype, nodes + edges + weights)?;
        let copy = |from: &S, to: &mut S, start: usize, len: usize| {
            from.copy_strided_src(to, start, &candle_core::Layout::contiguous(len))
        };
        copy(&totals.nodes, &mut all, 0, nodes)?;
        copy(&totals.edges, &mut all, nodes, edges)?;
        let mut rounded = S::uninitialised(device, dtype, weights)?;
        let launch = Launch::new(
            "rounded",
            number,
            walking_blocks(weights),
            vec![
                Argument::Read(View::whole(&totals.weights, weights)),
                Argument::Write(&mut rounded),
                Argument::Word(weights as u64),
            ],
        );
        S::launch(device, launch)?;
        copy(&rounded, &mut all, nodes + edges, weights)?;
        Ok((all, (nodes + edges + weights).into()))
    }
}

/// What every chunk's work needs.
struct Step<'a, S: Gpu> {
    plan: &'a Plan,
    call: &'a Call<'a, S>,
    grad: View<'a, S>,
    number: Number,
    device: &'a S::Device,
}

impl<S: Gpu> Step<'_, S> {
    fn sizes(&self) -> Sizes {
        self.plan.sizes
    }

    /// Adds one chunk's share.
    fn add(&self, chunk: &Chunk, totals: &mut Totals<S>) -> candle_core::Result<()> {
        let (edges, sizes) = (chunk.edges.len(), self.sizes());
        let filters = self.call.filters(chunk, self.device)?;
        let view = View::whole(&filters, edges * sizes.columns());
        let scores = self.call.scores(chunk, view, self.device)?;
        let count = edges * sizes.heads;
        let dscore = S::uninitialised(self.device, self.number.sum_dtype(), count)?;
        let mut state = State {
            filters,
            scores,
            dscore,
        };
        self.edges(chunk, &mut state, totals)?;
        self.queries(chunk, &state, totals)?;
        self.sources(chunk, &state, totals)?;
        if sizes.columns() > 0 {
            self.filters(chunk, &mut state)?;
            self.products(chunk, &state.filters, totals)?;
        }
        Ok(())
    }

    fn launch(
        &self,
        kernel: &'static str,
        blocks: usize,
        arguments: Vec<Argument<'_, S>>,
    ) -> candle_core::Result<()> {
        let launch = Launch::new(kernel, self.number, blocks, arguments);
        S::launch(self.device, launch)
    }

    /// Views of filters, scores and gradients of the scores.
    fn views<'s>(&self, chunk: &Chunk, state: &'s State<S>) -> [View<'s, S>; 3] {
        let (edges, sizes) = (chunk.edges.len(), self.sizes());
        [
            View::whole(&state.filters, edges * sizes.columns()),
            View::whole(&state.scores, edges * sizes.heads),
            View::whole(&state.dscore, edges * sizes.heads),
        ]
    }

    /// Gradients of the scores, and, if wanted, of cutoffs and directions.
    fn edges(
        &self,
        chunk: &Chunk,
        state: &mut State<S>,
        totals: &mut Totals<S>,
    ) -> candle_core::Result<()> {
        let (call, sizes, Range { start, end }) = (self.call, self.sizes(), chunk.edges.clone());
        let count = chunk.edges.len() * sizes.heads;
        let mut parts = if self.plan.with_edges {
            let dtype = self.number.sum_dtype();
            Some(S::uninitialised(self.device, dtype, 4 * count)?)
        } else {
            None
        };
        let mut arguments: Vec<Argument<'_, S>> = [
            call.nodes,
            call.geometry,
            View::whole(&state.filters, chunk.edges.len() * sizes.columns()),
            call.bias,
            self.grad,
            call.sources,
            call.targets,
            View::whole(&state.scores, count),
        ]
        .map(Argument::Read)
        .into();
        arguments.push(Argument::Write(&mut state.dscore));
        arguments.push(match &mut parts {
            Some(parts) => Argument::Write(parts),
            None => Argument::Null,
        });
        arguments.extend(sizes.arguments());
        arguments.extend([start, end].map(Argument::Size));
        self.launch("et_edge_gradients", blocks_for(count * WARP), arguments)?;
        let Some(parts) = parts else { return Ok(()) };
        let arguments = vec![
            Argument::Read(View::whole(&parts, 4 * count)),
            Argument::Write(&mut totals.edges),
            Argument::Size(sizes.edges),
            Argument::Size(sizes.heads),
            Argument::Size(sizes.basis),
            Argument::Size(start),
            Argument::Size(end),
        ];
        self.launch(
            "et_edge_totals",
            blocks_for(4 * chunk.edges.len()),
            arguments,
        )
    }

    fn queries(
        &self,
        chunk: &Chunk,
        state: &State<S>,
        totals: &mut Totals<S>,
    ) -> candle_core::Result<()> {
        let (call, sizes) = (self.call, self.sizes());
        let [filters, _, dscore] = self.views(chunk, state);
        let mut arguments: Vec<Argument<'_, S>> = [
            call.nodes,
            filters,
            call.bias,
            call.sources,
            call.offsets,
            dscore,
        ]
        .map(Argument::Read)
        .into();
        arguments.push(Argument::Write(&mut totals.nodes));
        arguments.extend(sizes.arguments());
        let Range { start, end } = chunk.targets;
        arguments.extend([chunk.edges.start, start, end].map(Argument::Size));
        let blocks = blocks_for((end - start) * sizes.features);
        self.launch("et_query_gradients", blocks, arguments)
    }

    fn sources(
        &self,
        chunk: &Chunk,
        state: &State<S>,
        totals: &mut Totals<S>,
    ) -> candle_core::Result<()> {
        let (call, sizes) = (self.call, self.sizes());
        let [filters, scores, dscore] = self.views(chunk, state);
        let (offsets, positions) = self.plan.sources.inverse_tensors()?;
        let offsets = Held::new("et_message: sources", offsets);
        let positions = Held::new("et_message: sources", positions);
        let sources = &self.plan.sources.rows()[chunk.edges.clone()];
        let first = sources.iter().min().map_or(0, |&first| first as usize);
        let end = sources.iter().max().map_or(0, |&last| last as usize + 1);
        let mut arguments: Vec<Argument<'_, S>> = [
            call.nodes,
            call.geometry,
            filters,
            call.bias,
            self.grad,
            offsets.view(self.device)?,
            positions.view(self.device)?,
            call.targets,
            scores,
            dscore,
        ]
        .map(Argument::Read)
        .into();
        arguments.push(Argument::Write(&mut totals.nodes));
        arguments.extend(sizes.arguments());
        let edges = [chunk.edges.start, chunk.edges.end];
        arguments.extend(edges.into_iter().chain([first, end]).map(Argument::Size));
        let blocks = blocks_for((end - first) * sizes.features);
        self.launch("et_source_gradients", blocks, arguments)
    }

    /// Turns the chunk's filters into gradients.
    fn filters(&self, chunk: &Chunk, state: &mut State<S>) -> candle_core::Result<()> {
        let (call, sizes, Range { start, end }) = (self.call, self.sizes(), chunk.edges.clone());
        let count = chunk.edges.len() * sizes.heads;
        let mut arguments = vec![
            Argument::Read(call.nodes),
            Argument::Read(call.geometry),
            Argument::Write(&mut state.filters),
        ];
        let reads = [call.bias, self.grad, call.sources, call.targets];
        arguments.extend(reads.map(Argument::Read));
        arguments.push(Argument::Read(View::whole(&state.scores, count)));
        arguments.push(Argument::Read(View::whole(&state.dscore, count)));
        arguments.extend(sizes.arguments());
        arguments.extend([start, end].map(Argument::Size));
        let blocks = blocks_for(chunk.edges.len() * sizes.features);
        self.launch("et_filter_gradients", blocks, arguments)
    }

    /// Gradients of weights, biases and basis from those of the filters.
    fn products(
        &self,
        chunk: &Chunk,
        gradients: &S,
        totals: &mut Totals<S>,
    ) -> candle_core::Result<()> {
        let sizes = self.sizes();
        let (edges, columns, k) = (chunk.edges.len(), sizes.columns(), sizes.basis);
        let gradients = View::whole(gradients, edges * columns);
        let transposed = gradients.transposed(edges); // [columns, edges]
        if k > 0 {
            let basis = self.call.basis(chunk);
            let weights = gradients.storage.matmul(
                basis.storage,
                (1, columns, k, edges),
                &transposed,
                &basis.layout((edges, k)),
            )?;
            self.accumulate(&weights, columns * k, 0, totals)?;
        }
        // A product with ones sums the biases' gradients over the edges.
        let dtype = self.call.nodes.storage.dtype();
        let ones = zeros::<S>(self.device, dtype, edges)?.affine(
            &candle_core::Layout::contiguous(edges),
            1.0,
            1.0,
        )?;
        let ones = View::whole(&ones, edges);
        let biases = ones.storage.matmul(
            gradients.storage,
            (1, 1, columns, edges),
            &ones.layout((1, edges)),
            &gradients.layout((edges, columns)),
        )?;
        self.accumulate(&biases, columns, columns * k, totals)?;
        if self.plan.with_edges && k > 0 {
            let weight = self.call.weight;
            let basis = gradients.storage.matmul(
                weight.storage,
                (1, edges, k, columns),
                &gradients.layout((edges, columns)),
                &weight.layout((columns, k)),
            )?;
            let layout = candle_core::Layout::contiguous(edges * k);
            basis.copy_strided_src(&mut totals.edges, chunk.edges.start * k, &layout)?;
        }
        Ok(())
    }

    /// Adds `len` numbers to the sums of the weights' gradients from `start` on.
    fn accumulate(
        &self,
        x: &S,
        len: usize,
        start: usize,
        totals: &mut Totals<S>,
    ) -> candle_core::Result<()> {
        let arguments = vec![
            Argument::Read(View::whole(x, len)),
            Argument::Write(&mut totals.weights),
            Argument::Word(start as u64),
            Argument::Word(len as u64),
        ];
        self.launch("accumulate", walking_blocks(len), arguments)
    }
}
