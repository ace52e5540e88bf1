//! Where a run stands: everything that a checkpoint needs besides tensors.

use serde::{Deserialize, Serialize};

use crate::config::FitConfig;
use crate::schedule::Plateau;

/// The state of a run between two steps. All randomness is keyed by the seed in `config`, the epoch and the step, so
/// these three are the state of the generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of this format.
    pub schema: u32,
    /// Name of the task.
    pub task: String,
    /// Optimiser steps done.
    pub step: u64,
    /// Epoch under way.
    pub epoch: u64,
    /// Batches of this epoch already done.
    pub position: u64,
    /// Records in the training set.
    pub num_examples: usize,
    /// What the schedule remembers.
    pub plateau: Plateau,
    /// The best validation so far.
    pub best: Option<Validation>,
    /// The last one. Checkpoints from before it was kept do not name it.
    #[serde(default)]
    pub last: Option<Validation>,
    /// Validations since then.
    pub stale: u64,
    /// Length of `metrics.jsonl` in bytes.
    pub metrics_bytes: u64,
    /// Whether and why the run is over.
    pub finished: Option<StopReason>,
    /// The configuration of the run.
    pub config: FitConfig,
}

/// A validation of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Its epoch.
    pub epoch: u64,
    /// Steps done by then.
    pub step: u64,
    /// Its score.
    pub score: f64,
    /// The score turned so that lower is better.
    pub cost: f64,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It reached its length.
    Length,
    /// Validation no longer improved.
    Patience,
    /// An observer asked for it; the run can go on from its checkpoint.
    Observer,
}

impl State {
    pub(crate) fn new(
        task: &str,
        num_examples: usize,
        config: &FitConfig,
        plateau: Plateau,
    ) -> Self {
        Self {
            schema: 1,
            task: task.into(),
            step: 0,
            epoch: 0,
            position: 0,
            num_examples,
            plateau,
            best: None,
            last: None,
            stale: 0,
            metrics_bytes: 0,
            finished: None,
            config: config.clone(),
        }
    }

    /// Why a run of this task, size and configuration cannot go on from here, if so.
    pub(crate) fn conflict(
        &self,
        task: &str,
        num_examples: usize,
        config: &FitConfig,
    ) -> Option<String> {
        if self.schema != 1 {
            return Some(format!("schema {} is unknown", self.schema));
        }
        if self.task != task {
            return Some(format!("it is a run of {}, not of {task}", self.task));
        }
        if self.num_examples != num_examples {
            return Some(format!(
                "it was trained on {} examples, not on {num_examples}",
                self.num_examples
            ));
        }
        (self.config != *config).then(|| "its configuration differs".into())
    }
}
