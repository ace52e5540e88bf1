//! The trait of all networks that predict coordinate noise, and what they return.

use candle_core::Tensor;
use dd_graph::PointBatch;
use dd_nn::{Mode, Representation};

use crate::error::Result;

/// What a denoiser makes of a batch of (perturbed) conformers.
#[derive(Debug, Clone)]
pub struct Denoised {
    /// The rotation-invariant features that knew the noise: nodes `[N, H]`, graphs `[B, H]` (mean over the atoms).
    pub representation: Representation,
    /// The rotation-equivariant features, `[N, 3, H]`, of networks that have them.
    pub vectors: Option<Tensor>,
    /// The predicted noise, `[N, 3]`, in units of its standard deviation.
    pub noise: Tensor,
}

/// Given perturbed coordinates, the noise that was added, and the representation that knew it.
///
/// # Contract
/// `noise` rotates with the input and `representation` does not change; both ignore translations. Atoms may come in any
/// order. The result for a molecule does not depend on its batch mates. [`Mode::Eval`] is deterministic. In
/// [`Mode::Train`] every trainable parameter receives a gradient from `noise`, if need be zero.
pub trait Denoiser3d: Send + Sync {
    /// Features per atom and per molecule, `H`.
    fn width(&self) -> usize;

    /// Runs the network.
    ///
    /// # Errors
    /// When an element is outside the network's table or positions are not `[N, 3]` and finite.
    fn forward(&self, batch: &PointBatch, mode: Mode) -> Result<Denoised>;
}
