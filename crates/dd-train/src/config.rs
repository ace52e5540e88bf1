//! How long, with which batches, by which optimiser: what all three tasks share.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::adamw::AdamWConfig;
use crate::batch::BatchConfig;
use crate::error::{Result, TrainError};
use crate::schedule::{Schedule, ScheduleConfig};

/// Configuration of [`fit`](crate::fit()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Seed of the order of batches, of noise and of dropout.
    pub seed: u64,
    /// When the run ends.
    pub length: Length,
    /// Size of a training batch.
    pub batch: BatchConfig,
    /// Size of a validation batch.
    pub eval_batch: BatchConfig,
    /// Bound on the norm of the gradient.
    pub clip: Option<f64>,
    /// Decay of a moving average of the parameters, which is then what is validated last and kept.
    pub ema: Option<f64>,
    /// Which parameters are kept.
    pub keep: Keep,
    /// Epochs between validations.
    pub validate_every: u64,
    /// Ends the run after this many validations without improvement.
    pub patience: Option<PatienceConfig>,
    /// Steps between lines in `metrics.jsonl`.
    pub log_every: u64,
    /// Steps between checkpoints; none but the last when absent.
    pub checkpoint_every: Option<u64>,
    /// Constants of the optimiser.
    pub optimizer: AdamWConfig,
    /// Learning rates.
    pub schedule: ScheduleConfig,
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// After so many passes over the training set.
    Epochs(u64),
    /// After so many optimiser steps.
    Steps(u64),
}

/// Which parameters a run leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those after the last step (their moving average, when there is one).
    Last,
    /// Those of the epoch with the best validation score.
    Best,
}

/// Early stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatienceConfig {
    /// Validations without improvement that are tolerated.
    pub validations: u64,
    /// The run never ends before this epoch.
    pub min_epochs: u64,
}

impl FitConfig {
    /// Sets the number of steps. A schedule that ended with the run ends with it again, and a warm-up as long as that keeps
    /// its share of the run.
    pub fn set_steps(&mut self, steps: u64) {
        let before = std::mem::replace(&mut self.length, Length::Steps(steps));
        if let ScheduleConfig::WarmupCosine {
            warmup,
            period: end,
        }
        | ScheduleConfig::Polynomial {
            warmup, total: end, ..
        }
        | ScheduleConfig::Linear { warmup, total: end } = &mut self.schedule
            && before == Length::Steps(*end)
        {
            if *warmup >= steps && *end > 0 {
                *warmup = (u128::from(*warmup) * u128::from(steps) / u128::from(*end)) as u64;
            }
            *end = steps;
        }
    }

    /// The first field that means nothing without a validation set.
    pub(crate) fn needs_validation(&self) -> Option<&'static str> {
        let plateau = matches!(self.schedule, ScheduleConfig::ReduceOnPlateau { .. });
        [
            (self.keep == Keep::Best, "fit.keep"),
            (self.patience.is_some(), "fit.patience"),
            (plateau, "fit.schedule"),
        ]
        .into_iter()
        .find_map(|(needed, field)| needed.then_some(field))
    }

    /// Checks that the fields describe a run.
    ///
    /// # Errors
    /// Names the first field that does not.
    pub fn validate(&self) -> Result<()> {
        let positive = [
            ("fit.validate_every", self.validate_every),
            ("fit.log_every", self.log_every),
            ("fit.checkpoint_every", self.checkpoint_every.unwrap_or(1)),
            (
                "fit.length",
                match self.length {
                    Length::Epochs(n) | Length::Steps(n) => n,
                },
            ),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(TrainError::config(field, "must be positive"));
            }
        }
        if let Some(clip) = self.clip
            && !(clip.is_finite() && clip > 0.0)
        {
            return Err(TrainError::config(
                "fit.clip",
                format!("must be positive, got {clip}"),
            ));
        }
        if let Some(decay) = self.ema
            && !(0.0..1.0).contains(&decay)
        {
            return Err(TrainError::config(
                "fit.ema",
                format!("must be in [0, 1), got {decay}"),
            ));
        }
        if self.ema.is_some() && self.keep == Keep::Best {
            return Err(TrainError::config(
                "fit.keep",
                "a moving average is kept as it is at the end: use keep = \"last\"",
            ));
        }
        Schedule::new(self.optimizer.lr, self.schedule)?;
        self.optimizer.validate()?;
        self.batch.validate()?;
        self.eval_batch.validate()
    }
}

/// The first of some values that is there a second time.
pub(crate) fn first_repeated<T: PartialEq>(values: &[T]) -> Option<&T> {
    let mut numbered = values.iter().enumerate();
    let repeated = numbered.find(|(place, value)| values[..*place].contains(value));
    repeated.map(|(_, value)| value)
}

/// Reads a configuration from TOML. Unknown keys are errors that list the known ones.
///
/// # Errors
/// With line, column and reason; `origin` (a file name) stands in the message.
pub fn from_toml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| TrainError::ConfigText {
        origin: origin.to_string(),
        reason: error.to_string(),
    })
}

/// Writes a configuration as TOML, every field spelt out.
///
/// # Errors
/// When it holds something that TOML cannot.
pub fn to_toml<T: Serialize>(config: &T) -> Result<String> {
    toml::to_string_pretty(config).map_err(|error| TrainError::ConfigText {
        origin: "configuration".into(),
        reason: error.to_string(),
    })
}
