//! A run in progress: one optimiser step, one validation, one checkpoint.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use dd_kernels::rng::Key;
use dd_nn::{LoadOptions, NonFinite, ParamStore, load_tensors};
use serde::Serialize;

use crate::adamw::AdamW;
use crate::batch::joined;
use crate::config::{FitConfig, Keep, Length};
use crate::ema::Ema;
use crate::error::{Result, TrainError};
use crate::fit::FitReport;
use crate::folder::{Checkpoint, RunFolder};
use crate::gradients::{Gradients, clip_factor};
use crate::observer::{Event, Flow, Observer};
use crate::schedule::Schedule;
use crate::source::{Example, Source};
use crate::state::{State, StopReason, Validation};
use crate::task::{Draw, Evaluation, Losses, Task};

/// Prefixes of the tensors of a checkpoint besides the moments.
const AVERAGE: &str = "ema.";
const BEST: &str = "best.";
const PRESENT: &str = "present.";

pub(crate) struct Run<'a, T: Task> {
    pub(crate) state: State,
    pub(crate) config: &'a FitConfig,
    task: &'a T,
    folder: Option<&'a RunFolder>,
    key: Key,
    params: Vec<(String, Var)>,
    schedule: Schedule,
    optimizer: AdamW,
    average: Option<Ema>,
    best: BTreeMap<String, Tensor>,
}

/// What a step did.
pub(crate) struct StepDone {
    pub(crate) step: u64,
    pub(crate) loss: f64,
    pub(crate) parts: Vec<(String, f64)>,
    pub(crate) lr: f64,
    pub(crate) gradient_norm: f64,
}

/// A line of `metrics.jsonl`. It holds no time of day and no duration, so that equal runs write equal files.
#[derive(Serialize)]
struct Line<'a> {
    split: &'static str,
    epoch: u64,
    /// Optimiser steps done.
    step: u64,
    #[serde(flatten)]
    values: BTreeMap<&'a str, f64>,
}

impl<'a, T: Task> Run<'a, T> {
    /// Begins a run, or goes on where the folder's checkpoint stands.
    pub(crate) fn begin(
        task: &'a T,
        num_examples: usize,
        config: &'a FitConfig,
        folder: Option<&'a RunFolder>,
    ) -> Result<Self> {
        config.validate()?;
        let params = task.store().vars();
        let schedule = Schedule::new(config.optimizer.lr, config.schedule)?;
        let average = config
            .ema
            .map(|decay| Ema::new(decay, &params))
            .transpose()?;
        let mut run = Self {
            state: State::new(task.name(), num_examples, config, schedule.plateau()),
            config,
            task,
            folder,
            key: Key::from_seed(config.seed),
            optimizer: AdamW::new(config.optimizer.clone(), &params)?
                .with_rates(|name| task.rate(name)),
            params,
            schedule,
            average,
            best: BTreeMap::new(),
        };
        if let Some(folder) = folder {
            match folder.load()? {
                Some(checkpoint) => run.restore(folder, checkpoint)?,
                // Lines of a run that never reached a checkpoint.
                None => folder.truncate_metrics(0)?,
            }
        }
        Ok(run)
    }

    /// The batches of the epoch under way.
    pub(crate) fn plan(&self, train: &dyn Source<Item = T::Item>) -> Vec<Vec<usize>> {
        let key = self.key.named("batches").with(self.state.epoch);
        joined(
            self.config.batch.shuffled(train, key),
            self.task.least_batch(),
        )
    }

    pub(crate) fn has_all_steps(&self) -> bool {
        matches!(self.config.length, Length::Steps(steps) if self.state.step >= steps)
    }

    pub(crate) fn is_last_epoch(&self) -> bool {
        match self.config.length {
            Length::Steps(_) => self.has_all_steps(),
            Length::Epochs(epochs) => self.state.epoch + 1 >= epochs,
        }
    }

    /// Loss, gradients, clipping, optimiser, average.
    pub(crate) fn step(&mut self, batch: &[T::Item]) -> Result<StepDone> {
        let step = self.state.step;
        let losses = self
            .task
            .loss(batch, Draw::train(self.key, self.state.epoch, step))?;
        let gradients = Gradients::of(&losses.total, &self.params)?;
        let gradient_norm = gradients.global_norm()?;
        let loss = losses.value()?;
        for (quantity, value) in [("loss", loss), ("gradient norm", gradient_norm)] {
            if !value.is_finite() {
                return Err(self.non_finite(quantity, value, batch, &gradients)?);
            }
        }
        let lr = self.schedule.lr(step);
        let factor = clip_factor(gradient_norm, self.config.clip);
        let excused = |name: &str| self.task.without_gradient(name).is_some();
        self.optimizer.step(&gradients, lr, factor, &excused)?;
        if let Some(average) = &self.average {
            average.update(&self.params)?;
        }
        self.state.step += 1;
        self.state.position += 1;
        let Losses { parts, .. } = losses;
        if step.is_multiple_of(self.config.log_every) {
            let numbers = [("loss", loss), ("lr", lr), ("gradient_norm", gradient_norm)];
            self.log("train", numbers.into_iter(), &parts)?;
        }
        Ok(StepDone {
            step,
            loss,
            parts,
            lr,
            gradient_norm,
        })
    }

    /// Scores the parameters, or their average, and takes note for the schedule, the choice of the best and patience.
    pub(crate) fn validate(
        &mut self,
        valid: &dyn Source<Item = T::Item>,
        observer: &mut dyn Observer,
    ) -> Result<Flow> {
        if valid.is_empty() {
            return Err(TrainError::Empty { part: "validation" });
        }
        let evaluation = self.evaluate(valid)?;
        let cost = evaluation.cost();
        self.schedule.observe(cost);
        self.state.plateau = self.schedule.plateau();
        // A score that is not finite is never the best.
        let is_best = cost.is_finite() && self.state.best.is_none_or(|best| cost < best.cost);
        self.state.last = Some(Validation {
            epoch: self.state.epoch,
            step: self.state.step,
            score: evaluation.score,
            cost,
        });
        if is_best {
            self.state.stale = 0;
            self.state.best = self.state.last;
            if self.config.keep == Keep::Best {
                self.best = copied(self.task.store())?;
            }
        } else {
            self.state.stale += 1;
        }
        if let Some(patience) = self.config.patience
            && self.state.stale > patience.validations
            && self.state.epoch + 1 >= patience.min_epochs
        {
            self.state.finished = Some(StopReason::Patience);
        }
        let score = std::iter::once((evaluation.name.as_str(), evaluation.score));
        self.log("valid", score, &evaluation.parts)?;
        Ok(observer.event(&Event::Validated {
            epoch: self.state.epoch,
            step: self.state.step,
            evaluation: &evaluation,
            is_best,
        }))
    }

    /// Writes a checkpoint, when there is a folder.
    pub(crate) fn checkpoint(&self, observer: &mut dyn Observer) -> Result<()> {
        let Some(folder) = self.folder else {
            return Ok(());
        };
        let mut tensors = self.optimizer.tensors();
        let prefixed = |prefix: &str, tensors: BTreeMap<String, Tensor>| {
            let named = tensors.into_iter();
            named
                .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
                .collect::<Vec<_>>()
        };
        if let Some(average) = &self.average {
            tensors.extend(prefixed(AVERAGE, average.tensors()));
        }
        tensors.extend(prefixed(BEST, self.best.clone()));
        tensors.extend(prefixed(PRESENT, self.task.store().tensors()));
        folder.write_model(&self.model(), self.state.step)?;
        folder.save(&Checkpoint {
            state: self.state.clone(),
            tensors,
        })?;
        tracing::debug!(step = self.state.step, "checkpoint written");
        observer.event(&Event::Checkpointed {
            step: self.state.step,
            folder: folder.path(),
        });
        Ok(())
    }

    /// Leaves the parameters that are to be kept in the store, and in the folder. Also of a run that was over before: it may
    /// have been interrupted between its last checkpoint and here.
    pub(crate) fn leave(&self) -> Result<()> {
        let store = self.task.store();
        match self.config.keep {
            Keep::Best if !self.best.is_empty() => assign(store, &self.best)?,
            _ => {
                if let Some(average) = &self.average {
                    assign(store, &with(copied(store)?, average.tensors()))?;
                }
            }
        }
        match self.folder {
            Some(folder) => folder.write_model(&self.model(), self.state.step),
            None => Ok(()),
        }
    }

    pub(crate) fn report(&self, reason: StopReason) -> FitReport {
        FitReport {
            step: self.state.step,
            epoch: self.state.epoch,
            reason,
            best: self.state.best,
            kept: match self.config.keep {
                Keep::Best => self.state.best,
                Keep::Last => self.state.last,
            },
        }
    }

    /// The tensors of the model, without those that only serve its training.
    fn model(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.task.store().tensors();
        tensors.retain(|name, _| self.task.belongs_to_model(name));
        tensors
    }

    fn evaluate(&self, valid: &dyn Source<Item = T::Item>) -> Result<Evaluation> {
        let score = || self.task.evaluate(valid, &self.config.eval_batch, self.key);
        let Some(average) = &self.average else {
            return score();
        };
        let store = self.task.store();
        let present = copied(store)?;
        assign(store, &with(present.clone(), average.tensors()))?;
        let evaluation = score();
        assign(store, &present)?;
        evaluation
    }

    fn restore(&mut self, folder: &RunFolder, checkpoint: Checkpoint) -> Result<()> {
        let Checkpoint { state, tensors } = checkpoint;
        let name = self.task.name();
        if let Some(reason) = state.conflict(name, self.state.num_examples, self.config) {
            return Err(TrainError::Resume {
                path: folder.path().to_path_buf(),
                reason,
            });
        }
        assign(self.task.store(), &below(PRESENT, &tensors))?;
        self.optimizer.restore(state.step, &tensors)?;
        if let Some(average) = &self.average {
            average.restore(&below(AVERAGE, &tensors))?;
        }
        self.best = below(BEST, &tensors);
        self.schedule.restore(state.plateau);
        if state.finished.is_none() {
            folder.truncate_metrics(state.metrics_bytes)?;
        }
        self.state = state;
        Ok(())
    }

    fn log<'b>(
        &mut self,
        split: &'static str,
        numbers: impl Iterator<Item = (&'b str, f64)>,
        parts: &'b [(String, f64)],
    ) -> Result<()> {
        let Some(folder) = self.folder else {
            return Ok(());
        };
        let named = parts.iter().map(|(name, value)| (name.as_str(), *value));
        self.state.metrics_bytes = folder.log(&Line {
            split,
            epoch: self.state.epoch,
            step: self.state.step,
            values: numbers.chain(named).collect(),
        })?;
        Ok(())
    }

    fn non_finite(
        &self,
        quantity: &'static str,
        value: f64,
        batch: &[T::Item],
        gradients: &Gradients,
    ) -> Result<TrainError> {
        let largest = gradients
            .largest()?
            .map_or("none".to_string(), |(name, size)| {
                format!("{name} ({size:.3e})")
            });
        Ok(TrainError::NonFinite {
            step: self.state.step,
            quantity,
            value,
            records: batch.iter().map(Example::record).collect(),
            largest,
        })
    }
}

/// A copy of all parameters and buffers, apart from the store.
fn copied(store: &ParamStore) -> Result<BTreeMap<String, Tensor>> {
    let tensors = store.tensors().into_iter();
    let copies = tensors.map(|(name, tensor)| Ok((name, tensor.copy()?)));
    copies.collect()
}

fn assign(store: &ParamStore, values: &BTreeMap<String, Tensor>) -> Result<()> {
    let mut options = LoadOptions::strict();
    // What was in memory a moment ago is not judged again.
    options.non_finite = NonFinite::Allow;
    load_tensors(store, "checkpoint", values, &options)?;
    Ok(())
}

fn with(
    mut values: BTreeMap<String, Tensor>,
    others: BTreeMap<String, Tensor>,
) -> BTreeMap<String, Tensor> {
    values.extend(others);
    values
}

fn below(prefix: &str, tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let named = tensors.iter();
    let stripped = named.filter_map(|(name, tensor)| {
        Some((name.strip_prefix(prefix)?.to_string(), tensor.clone()))
    });
    stripped.collect()
}
