//! What step 3 is told besides the student and the labels.

use dd_encoder2d::{HeadConfig, RegressionLoss, Target, TargetKind};
use dd_eval::{LabelKind, Metric};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::adamw::AdamWConfig;
use crate::batch::BatchConfig;
use crate::config::{FitConfig, Keep, Length, first_repeated};
use crate::error::{Result, TrainError};
use crate::schedule::ScheduleConfig;

/// Configuration of [`finetune`](crate::finetune()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneConfig {
    /// One model is trained for each.
    pub seeds: Vec<u64>,
    /// Loss of regression targets.
    pub regression: RegressionLoss,
    /// Whether regression targets are standardised for training. Predictions and scores are in the targets' units.
    pub standardize: bool,
    /// What chooses the best epoch: this metric on the validation set, or the loss there.
    pub selection: Option<Metric>,
    /// What is reported on the test set.
    pub metrics: Vec<Metric>,
    /// Whether the classes of binary targets count by their number.
    #[serde(default, skip_serializing_if = "ClassWeights::is_none")]
    pub class_weights: ClassWeights,
    /// Learning rate of the encoder as a share of the head's; 0 keeps the encoder as it is.
    #[serde(default = "full", skip_serializing_if = "is_full")]
    pub encoder_rate: f64,
    /// The head.
    pub head: HeadConfig,
    /// The run; its seed is replaced by each of `seeds`.
    pub fit: FitConfig,
}

pub(crate) fn full() -> f64 {
    1.0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
pub(crate) fn is_full(rate: &f64) -> bool {
    *rate == 1.0
}

/// How much the entries of the two classes of a binary target count in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// As they are: probabilities mean what they say.
    #[default]
    None,
    /// `n / (2 n_c)` for each of the `n_c` training labels of a class among `n`, so that both classes count the same (G. King
    /// and L. Zeng, Political Analysis 9 (2001) 137, with shares of one half). Probabilities then rank molecules, but are no
    /// longer frequencies.
    Balanced,
}

impl ClassWeights {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that serde wants"
    )]
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The weights of labels 0 and 1 of each target; none at all without weights.
    pub(crate) fn of(self, labels: &Array2<f32>, targets: &[Target]) -> Vec<[f64; 2]> {
        if self == Self::None {
            return Vec::new();
        }
        let weights = |(column, target): (ndarray::ArrayView1<'_, f32>, &Target)| {
            let count = |class: f32| column.iter().filter(|&&y| y == class).count() as f64;
            let (zero, one) = (count(0.0), count(1.0));
            if target.kind != TargetKind::Binary || zero * one == 0.0 {
                return [1.0, 1.0];
            }
            let half = f64::midpoint(zero, one);
            [half / zero, half / one]
        };
        labels
            .columns()
            .into_iter()
            .zip(targets)
            .map(weights)
            .collect()
    }
}

impl FinetuneConfig {
    /// The defaults for what the paper leaves open: linear head, L1, Adam at 1e-4, batches of 32, 100 epochs, the epoch
    /// with the best validation, 5 seeds. They lie between 3DInfomax (`HannesStark/3DInfomax`, commit 5cd3262) and
    /// MoleculeSDE (`chao1224/MoleculeSDE`, commit 06f84c8), the paper's main baseline, of whose settings its own may be
    /// near.
    pub fn regression() -> Self {
        Self {
            seeds: (0..5).collect(),
            regression: RegressionLoss::L1,
            standardize: true,
            selection: Some(Metric::Mae),
            metrics: vec![Metric::Mae, Metric::Rmse],
            class_weights: ClassWeights::None,
            encoder_rate: 1.0,
            head: HeadConfig::Linear,
            fit: FitConfig {
                seed: 0,
                length: Length::Epochs(100),
                batch: BatchConfig::Molecules(32),
                eval_batch: BatchConfig::Tokens(16_384),
                clip: Some(5.0),
                ema: None,
                keep: Keep::Best,
                validate_every: 1,
                patience: None,
                log_every: 10,
                checkpoint_every: None,
                optimizer: AdamWConfig::adam(1e-4),
                schedule: ScheduleConfig::Constant,
            },
        }
    }

    /// The run of one seed.
    pub(crate) fn of_seed(&self, seed: u64) -> Self {
        let mut config = self.clone();
        config.seeds = vec![seed];
        config.fit.seed = seed;
        config
    }

    /// [`FinetuneConfig::regression`] for binary targets: cross entropy, ROC-AUC averaged over the targets.
    pub fn binary() -> Self {
        Self {
            selection: Some(Metric::RocAuc),
            metrics: vec![Metric::RocAuc, Metric::AveragePrecision],
            ..Self::regression()
        }
    }

    /// Refuses what describes no run on these targets, before anything is trained.
    pub(crate) fn check(&self, targets: &[Target], is_pretrained: bool) -> Result<()> {
        self.fit.validate()?;
        check_seeds(&self.seeds)?;
        check_encoder_rate(self.encoder_rate, is_pretrained)?;
        let chosen = self.selection.iter().map(|metric| ("selection", metric));
        let reported = self.metrics.iter().map(|metric| ("metrics", metric));
        for (field, metric) in chosen.chain(reported) {
            let number = targets.iter().find(|t| t.kind == TargetKind::Regression);
            if let (LabelKind::Class, Some(target)) = (metric.labels(), number) {
                let (metric, name) = (metric.name(), &target.name);
                let reason = format!("{metric} is of classes, and \"{name}\" is a number");
                return Err(TrainError::config(field, reason));
            }
        }
        Ok(())
    }
}

/// Refuses seeds that would be trained twice.
fn check_seeds(seeds: &[u64]) -> Result<()> {
    if seeds.is_empty() {
        return Err(TrainError::config("seeds", "at least one seed is needed"));
    }
    match first_repeated(seeds) {
        Some(seed) => Err(TrainError::config(
            "seeds",
            format!("{seed} is there twice"),
        )),
        None => Ok(()),
    }
}

/// Refuses rates that are none, and an encoder that would stay random.
pub(crate) fn check_encoder_rate(rate: f64, is_pretrained: bool) -> Result<()> {
    let wrong = |reason: String| Err(TrainError::config("encoder_rate", reason));
    if !(rate >= 0.0 && rate.is_finite()) {
        return wrong(format!("must not be negative, got {rate}"));
    }
    if rate == 0.0 && !is_pretrained {
        return wrong("an encoder from scratch knows nothing yet: it must learn".into());
    }
    Ok(())
}
