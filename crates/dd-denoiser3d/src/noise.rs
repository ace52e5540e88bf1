//! Coordinate noise: the trait, and the Gaussian noise of the method (Zaidi et al., ICLR 2023).

use candle_core::Tensor;
use dd_graph::PointBatch;
use dd_kernels::rng::Key;
use serde::{Deserialize, Serialize};

use crate::error::{DenoiserError, Result};

/// How the positions of a batch are perturbed, and what a denoiser is asked to find out.
///
/// # Contract
/// A function of the batch and the key alone. The draw of a molecule depends on the key and on its record number, not on its
/// batch mates, so that a run that is taken up again sees the same noise.
pub trait Noise: Send + Sync {
    /// The perturbed batch and its target.
    ///
    /// # Errors
    /// When the noise is not defined for this batch.
    fn perturb(&self, batch: &PointBatch, key: Key) -> Result<Perturbed>;
}

/// `R~_i = R_i + sigma eps_i` with `eps_i` standard normal in three dimensions, independent for each atom, not centred.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// Standard deviation per coordinate, in angstrom.
    pub sigma: f64,
}

/// A batch with noise on it.
#[derive(Debug, Clone)]
pub struct Perturbed {
    /// The batch at the perturbed positions.
    pub batch: PointBatch,
    /// The target, `[N, 3]`; of [`GaussianNoise`] `eps`, in units of sigma.
    pub noise: Tensor,
}

impl GaussianNoise {
    /// 0.04 Å, the pre-training scale of Zaidi et al. 2023 (`ET-PCQM4MV2.yaml`, `position_noise_scale`).
    pub fn pcqm4mv2() -> Self {
        Self { sigma: 0.04 }
    }
}

impl Noise for GaussianNoise {
    /// Adds noise. `key` names the run and the epoch; the noise of an atom follows from it, the molecule's record number
    /// and the atom's number in the molecule, so that batches and workers cannot change it.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use dd_denoiser3d::{GaussianNoise, Noise};
    /// use dd_graph::{PointBatch, PointCloud};
    /// use dd_kernels::rng::Key;
    ///
    /// let atom = PointCloud {
    ///     atomic_numbers: vec![6],
    ///     positions: vec![[0.0; 3]],
    ///     atom_index: vec![0],
    ///     record: 17,
    /// };
    /// let batch = PointBatch::collate(&[atom], DType::F64, &Device::Cpu)?;
    /// let (seed, epoch) = (1, 0);
    /// let key = Key::from_seed(seed).named("noise").with(epoch);
    /// let perturbed = GaussianNoise { sigma: 0.5 }.perturb(&batch, key)?;
    /// let moved = perturbed.batch.positions.to_vec2::<f64>()?;
    /// let noise = perturbed.noise.to_vec2::<f64>()?;
    /// assert!((moved[0][0] - 0.5 * noise[0][0]).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When sigma is negative or not finite.
    fn perturb(&self, batch: &PointBatch, key: Key) -> Result<Perturbed> {
        if !(self.sigma >= 0.0 && self.sigma.is_finite()) {
            return Err(DenoiserError::Config {
                field: "sigma",
                reason: format!("must be finite and not negative, got {}", self.sigma),
            });
        }
        let molecules = batch.records.iter().zip(batch.atoms.ranges());
        let values: Vec<f64> = molecules
            .flat_map(|(&record, atoms)| {
                let key = key.with(record);
                let numbers = batch.atom_index[atoms].iter();
                numbers.flat_map(move |&atom| {
                    (0..3).map(move |axis| key.normal(3 * u64::from(atom) + axis))
                })
            })
            .collect();
        let positions = &batch.positions;
        let noise = Tensor::from_vec(values, (batch.num_atoms(), 3), positions.device())?
            .to_dtype(positions.dtype())?;
        let moved = (positions + (&noise * self.sigma)?)?;
        Ok(Perturbed {
            batch: batch.with_positions(moved),
            noise,
        })
    }
}
