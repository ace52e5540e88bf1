//! The whitened norm of the vector features (`shehzaidi/pre-training-via-denoising` 2d81667, `models/torchmd_et.py`).

use candle_core::{D, DType, Result, Tensor};
use dd_nn::{Init, Params};

use crate::inverse_sqrt::inverse_sqrt;

const EPSILON: f64 = 1e-5;

/// `v_out = S^(-1/2) (v - mean) (*) weight`, `S` the 3 x 3 covariance of an atom's vectors over the channels.
///
/// Runs in f64, as the original. `S` is `v' v'^T / F + eps diag(1, 2, 3)`, and `eps` is added once more under the root. The
/// unequal diagonal keeps eigenvalues apart for the original's singular value decomposition and breaks rotation
/// equivariance by about `eps`; it is kept, because published weights were trained with it.
///
/// # Differences from the original
/// Eigenvalues below the precision of the largest are treated atom by atom; the original also drops such directions for the
/// whole batch when no atom has them. With the diagonal above neither happens below vectors of length 1e5.
#[derive(Debug, Clone)]
pub(crate) struct WhitenedNorm {
    weight: Tensor,
}

impl WhitenedNorm {
    pub(crate) fn new(width: usize, params: &Params) -> Result<Self> {
        Ok(Self {
            weight: params.get(width, "weight", Init::Constant(1.0))?,
        })
    }

    /// `[N, 3, F]` to `[N, 3, F]`.
    pub(crate) fn forward(&self, v: &Tensor) -> Result<Tensor> {
        let width = v.dim(2)? as f64;
        let v64 = v.to_dtype(DType::F64)?;
        let centred = v64.broadcast_sub(&v64.mean_keepdim(D::Minus1)?)?;
        let diagonal = Tensor::new(
            &[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]],
            v.device(),
        )?;
        let covariance = (centred.matmul(&centred.t()?)? / width)?; // [N, 3, 3]
        let covariance = covariance.broadcast_add(&(diagonal * EPSILON)?)?;
        let whitened = inverse_sqrt(&covariance, EPSILON)?.matmul(&centred)?;
        whitened.to_dtype(v.dtype())?.broadcast_mul(&self.weight)
    }
}
