//! The trait of all 2D encoders.

use dd_graph::GraphBatch;
use dd_nn::{Mode, Representation};

use crate::error::Result;
use crate::observer::Observer;

/// Given a batch of graphs, a vector for every node and every graph.
///
/// Contract, checked by [`check_encoder`](crate::testing::check_encoder): nodes are permutation-equivariant and graphs
/// invariant; the result for a graph does not depend on its batch mates; [`Mode::Eval`] is deterministic; every parameter
/// takes part.
pub trait Encoder2d: Send + Sync {
    /// Width `H` of the representation.
    fn width(&self) -> usize;

    /// The fewest graphs that a training batch may have: 2 where statistics are taken over graphs.
    fn least_batch(&self) -> usize {
        1
    }

    /// `nodes [N, H]` in the order of the batch's nodes, `graphs [B, H]`.
    ///
    /// # Errors
    /// When the batch holds features that the encoder does not know or lacks some that it needs.
    fn encode(&self, batch: &GraphBatch, mode: Mode) -> Result<Representation>;

    /// The same, showing intermediate values on the way. An encoder that shows none need not implement this.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`].
    fn encode_observed(
        &self,
        batch: &GraphBatch,
        mode: Mode,
        observer: &mut dyn Observer,
    ) -> Result<Representation> {
        let _ = observer;
        self.encode(batch, mode)
    }
}
