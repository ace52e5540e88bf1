//! Step 1: a 3D network learns to see which noise was added to a conformer.

use dd_denoiser3d::{Denoiser3d, Noise, NoiseNormalizer};
use dd_graph::{PointBatch, PointCloud};
use dd_nn::ParamStore;

use crate::error::Result;
use crate::task::{Draw, Losses, Task};

/// `L = mean |h(f(R + sigma eps)) - eps|^2` over all atoms and axes of the batch (Cho et al., AAAI 2025, "Step 1"; Zaidi
/// et al., ICLR 2023), with `eps` normalised by its running mean and deviation as in the original code.
///
/// The noise of a record is drawn anew in every epoch, and is the same in every validation.
pub struct Denoise {
    store: ParamStore,
    network: Box<dyn Denoiser3d>,
    normalizer: NoiseNormalizer,
    noise: Box<dyn Noise>,
}

impl Denoise {
    /// A task for `network`, whose parameters are in `store`; the statistics of the noise join them there.
    ///
    /// # Errors
    /// When the store holds buffers of the same names and other shapes.
    pub fn new(
        network: Box<dyn Denoiser3d>,
        noise: impl Noise + 'static,
        store: &ParamStore,
    ) -> Result<Self> {
        Ok(Self {
            normalizer: NoiseNormalizer::new(&store.root().pp("pos_normalizer"))?,
            store: store.clone(),
            network,
            noise: Box::new(noise),
        })
    }

    /// The network.
    pub fn network(&self) -> &dyn Denoiser3d {
        self.network.as_ref()
    }
}

impl Task for Denoise {
    type Item = PointCloud;

    fn name(&self) -> &'static str {
        "denoise"
    }

    fn store(&self) -> &ParamStore {
        &self.store
    }

    fn loss(&self, batch: &[PointCloud], draw: Draw) -> Result<Losses> {
        let clean = PointBatch::collate(batch, self.store.dtype(), self.store.device())?;
        let perturbed = self.noise.perturb(&clean, draw.data)?;
        let predicted = self.network.forward(&perturbed.batch, draw.mode)?.noise; // [N, 3]
        let target = self.normalizer.normalize(&perturbed.noise, draw.mode)?; // [N, 3]
        Ok(Losses {
            total: (predicted - target)?.sqr()?.mean_all()?,
            parts: Vec::new(),
            weight: clean.num_atoms() as f64,
        })
    }
}
