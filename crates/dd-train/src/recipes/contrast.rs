//! The rival of step 2 from a configuration to a student's folder.

use dd_denoiser3d::{EquivariantTransformer, EtConfig};
use dd_encoder2d::EncoderConfig;
use dd_graph::{Hydrogens, OgbConfig, PointConfig};
use serde::{Deserialize, Serialize};

use crate::config::FitConfig;
use crate::error::{Result, TrainError};
use crate::fit::{Data, FitReport, fit};
use crate::recipes::distill::{DistillConfig, LossTerm};
use crate::recipes::{empty_store, identity, student_model};
use crate::session::Session;
use crate::source::Pair;
use crate::tasks::{CONFORMER_PREFIX, Contrast};

/// Configuration of [`contrast`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastConfig {
    /// Temperature of the cosines; 0.1 in 3DInfomax.
    pub temperature: f64,
    /// Width at which both sides are compared; 256 in 3DInfomax.
    pub width: usize,
    /// What the student sees.
    pub featurizer: OgbConfig,
    /// The student.
    pub student: EncoderConfig,
    /// Which atoms the 3D network sees.
    pub points: PointConfig,
    /// The 3D network, which is trained along and left behind.
    pub conformer_encoder: EtConfig,
    /// The run.
    pub fit: FitConfig,
}

impl ContrastConfig {
    /// Our own scaling to minutes on two cores: student and 3D network of [`DistillConfig::tiny`] and
    /// [`PretrainConfig::tiny`], and the loss's settings of 3DInfomax.
    ///
    /// [`PretrainConfig::tiny`]: crate::PretrainConfig::tiny
    pub fn tiny(seed: u64, steps: u64) -> Self {
        let student = DistillConfig::tiny(seed, steps, LossTerm::graph());
        Self {
            temperature: 0.1,
            width: 256,
            featurizer: student.featurizer,
            student: student.student,
            points: PointConfig::torchmd_net(Hydrogens::Remove),
            conformer_encoder: EtConfig::tiny(),
            fit: student.fit,
        }
    }
}

/// Trains a student and a 3D network to recognise each other's molecules. The folder then holds the student, as after
/// [`distill`](crate::distill()).
///
/// # Errors
/// When the configuration describes no run, or the run fails (see [`fit()`]).
pub fn contrast(
    config: &ContrastConfig,
    data: &Data<'_, Pair>,
    session: &mut Session<'_>,
) -> Result<(Contrast, FitReport)> {
    if !(config.temperature.is_finite() && config.temperature > 0.0) {
        let reason = format!("must be positive, got {}", config.temperature);
        return Err(TrainError::config("temperature", reason));
    }
    config.fit.validate()?;
    let model = student_model(&config.student, &config.featurizer.clone().into())?;
    let store = empty_store(&config.fit, session.device);
    let student = model.build_encoder(&store.root())?;
    let place = store.root().pp(CONFORMER_PREFIX);
    let conformers = EquivariantTransformer::new(&config.conformer_encoder, &place)?;
    let shape = (config.width, config.temperature);
    let task = Contrast::new(student, Box::new(conformers), &store, shape)?;
    if let Some(folder) = session.folder {
        folder.claim(&identity(config, data)?)?;
        folder.write_resolved(config)?;
        folder.write_config_text(&model.to_json()?)?;
    }
    let report = fit(&task, data, &config.fit, session.folder, session.observer)?;
    Ok((task, report))
}
