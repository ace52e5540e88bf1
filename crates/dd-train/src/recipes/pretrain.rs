//! Step 1 from a configuration to a teacher's folder.

use std::path::{Path, PathBuf};

use dd_denoiser3d::{EquivariantTransformer, EtConfig, GaussianNoise};
use dd_graph::{Hydrogens, PointCloud, PointConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::adamw::AdamWConfig;
use crate::batch::BatchConfig;
use crate::config::{FitConfig, Keep, Length};
use crate::error::Result;
use crate::fit::{Data, FitReport, fit};
use crate::recipes::{BEGINNING, empty_store, hold_out, identity, plain_path, same_network};
use crate::schedule::ScheduleConfig;
use crate::session::Session;
use crate::source::Source;
use crate::tasks::Denoise;
use crate::teacher::{Teacher, TeacherConfig};

/// Configuration of [`pretrain`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainConfig {
    /// Conformers held out for validation, drawn by the seed.
    pub valid: usize,
    /// Teacher to begin with, as [`Teacher::load`] finds it; without it parameters are drawn. Network and atoms must be the
    /// configuration's: [`PretrainConfig::begin_with`] takes them over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_with: Option<PathBuf>,
    /// Scale of the noise.
    pub noise: GaussianNoise,
    /// Which atoms the network sees.
    pub points: PointConfig,
    /// The network.
    pub denoiser: EtConfig,
    /// The run.
    pub fit: FitConfig,
}

impl PretrainConfig {
    /// The recipe of Zaidi et al. (ICLR 2023) that the paper follows: `ET-PCQM4MV2.yaml` of
    /// `shehzaidi/pre-training-via-denoising`, commit 2d81667. Batches of 3 x 70 molecules, 400,000 steps, AdamW at 4e-4
    /// without decay, 10,000 steps of warm-up, cosine to zero, noise of 0.04 Å; heavy atoms only, since distillation
    /// needs the conformer's atoms to be the graph's.
    pub fn pcqm4mv2(seed: u64) -> Self {
        Self {
            valid: 100,
            begin_with: None,
            noise: GaussianNoise::pcqm4mv2(),
            points: PointConfig::torchmd_net(Hydrogens::Remove),
            denoiser: EtConfig::pcqm4mv2(),
            fit: FitConfig {
                seed,
                length: Length::Steps(400_000),
                batch: BatchConfig::Molecules(210),
                eval_batch: BatchConfig::Tokens(4096),
                clip: None,
                ema: None,
                keep: Keep::Last,
                validate_every: 1,
                patience: None,
                log_every: 50,
                checkpoint_every: Some(2000),
                optimizer: AdamWConfig::adam(4e-4),
                schedule: ScheduleConfig::WarmupCosine {
                    warmup: 10_000,
                    period: 400_000,
                },
            },
        }
    }

    /// Our own scaling of [`PretrainConfig::pcqm4mv2`] to a few CPU cores and `steps` steps: the network
    /// [`EtConfig::small`], batches of 64 molecules, a higher rate, and a bound on the gradient for the short warm-up.
    pub fn small(seed: u64, steps: u64) -> Self {
        let mut config = Self::pcqm4mv2(seed);
        config.denoiser = EtConfig::small();
        config.fit = FitConfig {
            length: Length::Steps(steps),
            batch: BatchConfig::Molecules(64),
            clip: Some(5.0),
            log_every: 10,
            checkpoint_every: Some((steps / 10).max(1)),
            optimizer: AdamWConfig::adam(1e-3),
            schedule: ScheduleConfig::WarmupCosine {
                warmup: steps / 20,
                period: steps.max(1),
            },
            ..config.fit
        };
        config
    }

    /// [`PretrainConfig::small`] with the network [`EtConfig::tiny`]: minutes on two cores.
    pub fn tiny(seed: u64, steps: u64) -> Self {
        Self {
            denoiser: EtConfig::tiny(),
            ..Self::small(seed, steps)
        }
    }

    /// Begins with this teacher, a name or a folder: its network and atoms replace those of the configuration. The noise
    /// stays the configuration's.
    ///
    /// # Errors
    /// When there is no such teacher.
    pub fn begin_with(&mut self, name_or_path: &Path) -> Result<()> {
        let teacher = Teacher::config_of(name_or_path)?;
        self.denoiser = teacher.denoiser;
        self.points = teacher.points;
        self.begin_with = Some(plain_path(name_or_path));
        Ok(())
    }
}

/// Trains a teacher to denoise `conformers`, some of which are held out for validation. The folder then holds `config.json`
/// and `model.safetensors` for [`Teacher::load`](crate::Teacher::load).
///
/// # Errors
/// When the configuration describes no run, or the run fails (see [`fit()`]).
pub fn pretrain(
    config: &PretrainConfig,
    conformers: &dyn Source<Item = PointCloud>,
    session: &mut Session<'_>,
) -> Result<(Denoise, FitReport)> {
    let (train, valid) = hold_out(conformers, config.valid, config.fit.seed)?;
    let data = Data {
        train: &train,
        valid: (config.valid > 0).then_some(&valid as &dyn Source<Item = PointCloud>),
    };
    pretrain_on(config, &data, session)
}

/// [`pretrain`] with a validation set of its own: nothing of `data.train` is held out.
///
/// # Errors
/// As [`pretrain`].
pub fn pretrain_on(
    config: &PretrainConfig,
    data: &Data<'_, PointCloud>,
    session: &mut Session<'_>,
) -> Result<(Denoise, FitReport)> {
    config.fit.validate()?;
    let store = empty_store(&config.fit, session.device);
    let network = EquivariantTransformer::new(&config.denoiser, &store.root())?;
    if let Some(name) = &config.begin_with {
        let teacher = Teacher::config_of(name)?;
        let its = json!({"denoiser": teacher.denoiser, "points": teacher.points});
        let wanted = json!({"denoiser": config.denoiser, "points": config.points});
        same_network(name, &its, &wanted)?;
        Teacher::copy_to(&store, name)?;
    }
    let task = Denoise::new(Box::new(network), config.noise, &store)?;
    if let Some(folder) = session.folder {
        let mut identity = identity(config, data)?;
        if config.begin_with.is_some() {
            identity = identity.with_network(BEGINNING, "", &store)?;
        }
        folder.claim(&identity)?;
        folder.write_resolved(config)?;
        let (denoiser, points) = (config.denoiser.clone(), config.points.clone());
        folder.write_config(&TeacherConfig::new(denoiser, points, config.noise))?;
    }
    let report = fit(&task, data, &config.fit, session.folder, session.observer)?;
    Ok((task, report))
}
