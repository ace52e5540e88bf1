//! What every encoder returns.

use candle_core::Tensor;

/// A vector for every node and for every graph of a packed batch.
#[derive(Debug, Clone)]
pub struct Representation {
    /// `[N, H]`, in the order of the batch.
    pub nodes: Tensor,
    /// `[B, H]`.
    pub graphs: Tensor,
}

impl Representation {
    /// The same values, cut from the graph of gradients: what a frozen teacher hands over.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            nodes: self.nodes.detach(),
            graphs: self.graphs.detach(),
        }
    }
}
