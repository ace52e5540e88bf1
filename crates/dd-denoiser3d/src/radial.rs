//! Radial bases: distances to smooth features (TorchMD-NET; `shehzaidi/pre-training-via-denoising` 2d81667, `models/utils.py`).

use candle_core::{D, DType, Result, Tensor};
use dd_nn::{Buffer, Params};

use crate::config::{EtConfig, RadialBasisKind};
use crate::cutoff::CosineCutoff;
use crate::radial_grid::RadialGrid;

/// `e_k(r)`, with parameters that are trained or fixed.
#[derive(Debug, Clone)]
pub(crate) enum RadialBasis {
    /// `phi(r) exp(-beta_k (exp(alpha (r_lower - r)) - mu_k)^2)`.
    ExpNorm {
        means: Constant,
        betas: Constant,
        alpha: f64,
        lower: f64,
        cutoff: CosineCutoff,
    },
    /// `exp(coeff (r - offset_k)^2)`.
    Gauss { offset: Constant, coeff: Constant },
}

/// A value of the state dict that is trained, or not.
#[derive(Debug, Clone)]
pub(crate) enum Constant {
    Trained(Tensor),
    Fixed(Buffer),
}

impl Constant {
    fn new(trained: bool, params: &Params, name: &str, start: &Tensor) -> Result<Self> {
        Ok(if trained {
            Self::Trained(params.get_from(name, start)?)
        } else {
            Self::Fixed(params.buffer(name, start)?)
        })
    }

    fn tensor(&self) -> Tensor {
        match self {
            Self::Trained(tensor) => tensor.clone(),
            Self::Fixed(buffer) => buffer.tensor(),
        }
    }
}

impl RadialBasis {
    pub(crate) fn new(config: &EtConfig, params: &Params) -> Result<Self> {
        let (lower, upper, count) = (config.cutoff_lower, config.cutoff_upper, config.num_rbf);
        let vector = |name: &str, values: Vec<f64>| {
            let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
            let start = Tensor::new(values, params.device())?;
            Constant::new(config.trainable_rbf, params, name, &start)
        };
        match config.rbf_type {
            RadialBasisKind::ExpNorm => {
                let beta = usual_beta(lower, upper, count);
                Ok(Self::ExpNorm {
                    means: vector("means", linspace((lower - upper).exp(), 1.0, count))?,
                    betas: vector("betas", vec![beta; count])?,
                    alpha: 5.0 / (upper - lower),
                    lower,
                    cutoff: CosineCutoff { lower: 0.0, upper },
                })
            }
            RadialBasisKind::Gauss => {
                let spacing = (upper - lower) / (count - 1) as f64;
                let coeff = (-0.5 / spacing.powi(2)) as f32;
                let coeff = Tensor::new(coeff, params.device())?;
                Ok(Self::Gauss {
                    offset: vector("offset", linspace(lower, upper, count))?,
                    coeff: Constant::new(config.trainable_rbf, params, "coeff", &coeff)?,
                })
            }
        }
    }

    /// The features at the points of a grid, if nothing about them is trained and they are smooth between its points.
    pub(crate) fn on_grid(&self) -> Result<Option<(RadialGrid, Tensor)>> {
        let Self::ExpNorm {
            means: Constant::Fixed(means),
            betas,
            lower,
            cutoff,
            ..
        } = self
        else {
            return Ok(None);
        };
        if *lower != 0.0 {
            return Ok(None);
        }
        let means = means.tensor();
        // Weights of others may bring narrower functions than those that the grid was measured with.
        let largest = BETA_MARGIN * usual_beta(*lower, cutoff.upper, means.elem_count());
        let betas = betas.tensor().to_dtype(DType::F64)?.to_vec1::<f64>()?;
        if !betas.iter().all(|beta| (0.0..=largest).contains(beta)) {
            return Ok(None);
        }
        let grid = RadialGrid::new(cutoff.upper, means.elem_count());
        let radii = Tensor::from_iter(grid.radii(), means.device())?.to_dtype(means.dtype())?;
        Ok(Some((
            grid,
            self.features(&radii, CosineCutoff::continued)?,
        )))
    }

    /// Distances `[E]` in angstrom to features `[E, K]`.
    pub(crate) fn forward(&self, distance: &Tensor) -> Result<Tensor> {
        self.features(distance, CosineCutoff::apply)
    }

    fn features(
        &self,
        distance: &Tensor,
        phi: fn(CosineCutoff, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let r = distance.unsqueeze(D::Minus1)?; // [E, 1]
        match self {
            Self::ExpNorm {
                means,
                betas,
                alpha,
                lower,
                cutoff,
            } => {
                let closeness = r.affine(-alpha, alpha * lower)?.exp()?;
                let squared = closeness.broadcast_sub(&means.tensor())?.sqr()?; // [E, K]
                let bell = squared.broadcast_mul(&betas.tensor().neg()?)?.exp()?;
                bell.broadcast_mul(&phi(*cutoff, &r)?)
            }
            Self::Gauss { offset, coeff } => {
                let squared = r.broadcast_sub(&offset.tensor())?.sqr()?; // [E, K]
                squared.broadcast_mul(&coeff.tensor())?.exp()
            }
        }
    }
}

/// What a fixed `beta_k` may exceed its usual value by: rounding.
const BETA_MARGIN: f64 = 1.001;

/// The original's `beta_k`, the same for all `k`.
fn usual_beta(lower: f64, upper: f64, count: usize) -> f64 {
    (2.0 / count as f64 * (1.0 - (lower - upper).exp())).powi(-2)
}

/// `count` equally spaced values from `first` to `last`, both included.
fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / (count - 1) as f64;
    (0..count).map(|k| first + step * k as f64).collect()
}
