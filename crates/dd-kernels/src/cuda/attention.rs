//! Attention inside segments: launches by tiles of queries, and by tiles of keys.

use candle_core::{DType, Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, View, WARP};
use super::program::{Input, Program, apply, run};
use crate::Segments;
use crate::attention::AttentionDropout;
use crate::dropout::threshold;
use crate::error::Result;

/// Warps of a block (`WARPS` in `tile.cuh`).
const WARPS: usize = 4;
/// Rows that a block owns (`TILE` in `tile.cuh`).
pub(crate) const TILE: usize = 16;
/// Widest head that the kernels are compiled for.
const MAX_DIM: usize = 128;
/// What every GPU since 2020 lets a block have.
pub(super) const MAX_SHARED_BYTES: usize = 96 * 1024;

/// True when the kernels take heads of this width.
pub(crate) fn takes_heads(dim: usize, dtype: DType) -> bool {
    let sum_bytes = if dtype == DType::F64 { 8 } else { 4 };
    dim <= MAX_DIM && backward_shared(dim) * sum_bytes <= MAX_SHARED_BYTES
}

/// Numbers in shared memory forward.
fn forward_shared(dim: usize) -> usize {
    TILE * dim + WARP * (dim + 1) + WARP * dim + TILE * WARP
}

/// Numbers in shared memory backward.
fn backward_shared(dim: usize) -> usize {
    2 * TILE * dim + 2 * WARP * (dim + 1) + 2 * TILE * WARP
}

/// [`crate::segment_attention`], for heads that [`takes_heads`].
pub(crate) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &Segments,
    num_heads: usize,
    dropout: Option<AttentionDropout>,
) -> Result<Tensor> {
    let attention = Attention(Heads {
        segments: segments.clone(),
        num_heads,
        dropout,
    });
    apply(attention, &[q, k, v])
}

/// What forward and backward need beside the tensors.
#[derive(Clone)]
struct Heads {
    segments: Segments,
    num_heads: usize,
    dropout: Option<AttentionDropout>,
}

impl Heads {
    /// Offsets, tiles and names of the segments, held.
    fn held(&self) -> Result<(Held<'_>, Held<'_>, Option<Held<'_>>)> {
        let ids = match self.dropout {
            Some(_) => self.segments.ids_tensor()?,
            None => None,
        };
        Ok((
            Held::new("attention: segments", self.segments.offsets_tensor()),
            Held::new("attention: tiles", self.segments.tiles_tensor()?),
            ids.map(|ids| Held::new("attention: names of segments", ids)),
        ))
    }

    /// One block per tile and head.
    fn blocks(&self) -> Result<usize> {
        Ok(self.segments.tiles_tensor()?.dim(0)? * self.num_heads)
    }

    /// The arguments that end every kernel's list.
    fn last_arguments<'a, S>(&self, width: usize) -> [Argument<'a, S>; 5] {
        let (key, threshold, kept) = self.dropout.map_or((0, 0, 1.0), |dropout| {
            (
                dropout.key.state(),
                threshold(dropout.rate),
                1.0 / (1.0 - dropout.rate),
            )
        });
        [
            Argument::Size(width),
            Argument::Size(self.num_heads),
            Argument::Word(key),
            Argument::Size(threshold as usize),
            Argument::Real(kept),
        ]
    }
}

struct Attention(Heads);

impl Program for Attention {
    const NAME: &'static str = "segment_attention";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: q, dims } = inputs[0];
        let number = q.number(Self::NAME)?;
        let (offsets, tiles, ids) = self.0.held()?;
        let ids = ids.as_ref().map(|held| held.view(device)).transpose()?;
        let mut y = S::uninitialised(device, q.storage.dtype(), q.len)?;
        let mut arguments = vec![
            Argument::Read(q),
            Argument::Read(inputs[1].view),
            Argument::Read(inputs[2].view),
            Argument::Read(offsets.view(device)?),
            Argument::Read(tiles.view(device)?),
            Argument::optional(ids),
            Argument::Write(&mut y),
        ];
        arguments.extend(self.0.last_arguments(dims[1]));
        let launch = Launch {
            kernel: "attention",
            number,
            blocks: self.0.blocks()?,
            threads: WARPS * WARP,
            shared_bytes: forward_shared(dims[1] / self.0.num_heads) * number.sum_bytes(),
            arguments,
        };
        S::launch(device, launch)?;
        Ok((y, dims.into()))
    }

    fn backward(
        &self,
        inputs: &[&Tensor],
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let [q, k, v] = [inputs[0], inputs[1], inputs[2]];
        let grads = run(AttentionGradients(self.0.clone()), &[q, k, v, y, grad])?;
        (0..3).map(|i| grads.get(i).map(Some)).collect()
    }
}

/// Gradients of `q`, `k` and `v` in one tensor, from the three, `y` and the gradient of `y`.
struct AttentionGradients(Heads);

impl Program for AttentionGradients {
    const NAME: &'static str = "segment_attention backward";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let [q, k, v, y, grad] = [0, 1, 2, 3, 4].map(|i| inputs[i].view);
        let (rows, width) = (inputs[0].dims[0], inputs[0].dims[1]);
        let number = q.number(Self::NAME)?;
        let (offsets, tiles, ids) = self.0.held()?;
        let (offsets, tiles) = (offsets.view::<S>(device)?, tiles.view::<S>(device)?);
        let ids = ids.as_ref().map(|held| held.view(device)).transpose()?;
        let shared_bytes = backward_shared(width / self.0.num_heads) * number.sum_bytes();
        let blocks = self.0.blocks()?;
        let num_stats = 2 * rows * self.0.num_heads;
        let mut stats = S::uninitialised(device, number.sum_dtype(), num_stats)?;
        let mut grads = S::uninitialised(device, q.storage.dtype(), 3 * q.len)?;

        let mut arguments: Vec<Argument<'_, S>> = [q, k, v, y, grad, offsets, tiles]
            .map(Argument::Read)
            .into();
        arguments.extend([
            Argument::optional(ids),
            Argument::Write(&mut grads),
            Argument::Write(&mut stats),
        ]);
        arguments.extend(self.0.last_arguments(width));
        let by_queries = Launch {
            kernel: "attention_by_queries",
            number,
            blocks,
            threads: WARPS * WARP,
            shared_bytes,
            arguments,
        };
        S::launch(device, by_queries)?;

        let stats = View::whole(&stats, num_stats);
        let mut arguments: Vec<Argument<'_, S>> = [q, k, v, grad, stats, offsets, tiles]
            .map(Argument::Read)
            .into();
        arguments.extend([
            Argument::optional(ids),
            Argument::Write(&mut grads),
            Argument::Word(q.len as u64),
        ]);
        arguments.extend(self.0.last_arguments(width));
        let by_keys = Launch {
            kernel: "attention_by_keys",
            number,
            blocks,
            threads: WARPS * WARP,
            shared_bytes,
            arguments,
        };
        S::launch(device, by_keys)?;
        Ok((grads, (3, rows, width).into()))
    }
}
