//! The loop. It is the same for denoising, distillation, fine-tuning and a task of your own.

use std::time::Instant;

use crate::config::{FitConfig, Length};
use crate::error::{Result, TrainError};
use crate::folder::RunFolder;
use crate::observer::{Event, Flow, Observer};
use crate::run::Run;
use crate::source::Source;
use crate::state::{StopReason, Validation};
use crate::task::{Task, fetch};

/// What a run learns from, and what it is validated on.
pub struct Data<'a, T> {
    /// The training set.
    pub train: &'a dyn Source<Item = T>,
    /// The validation set.
    pub valid: Option<&'a dyn Source<Item = T>>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitReport {
    /// Optimiser steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// Why it ended.
    pub reason: StopReason,
    /// The best validation.
    pub best: Option<Validation>,
    /// That of the parameters which are kept.
    pub kept: Option<Validation>,
}

/// Trains `task`, whose parameters afterwards are those that `config.keep` asks for.
///
/// A run is a function of (configuration, data, seed, device): on the CPU the same bits come out, whatever the number
/// of threads, and whether or not it was interrupted. With a `folder` it writes `metrics.jsonl` and checkpoints, and
/// goes on from the checkpoint that it finds there.
///
/// # Errors
/// When a trainable parameter receives no gradient, a loss or gradient is not finite, the checkpoint belongs to another
/// run, or the task or a file fails.
pub fn fit<T: Task>(
    task: &T,
    data: &Data<'_, T::Item>,
    config: &FitConfig,
    folder: Option<&RunFolder>,
    observer: &mut dyn Observer,
) -> Result<FitReport> {
    if data.train.is_empty() {
        return Err(TrainError::Empty { part: "training" });
    }
    if data.valid.is_none()
        && let Some(field) = config.needs_validation()
    {
        let reason = "it needs validation data, and there are none";
        return Err(TrainError::config(field, reason));
    }
    let mut run = Run::begin(task, data.train.len(), config, folder)?;
    if let Some(reason) = run.state.finished {
        run.leave()?;
        return Ok(run.report(reason));
    }
    let plan = run.plan(data.train);
    let mut flow = observer.event(&Event::Started {
        task: task.name(),
        num_parameters: task.store().num_parameters(),
        num_examples: data.train.len(),
        step: run.state.step,
        total_steps: total_steps(config, plan.len()),
    });
    let reason = loop {
        if flow == Flow::Stop {
            run.checkpoint(observer)?;
            break StopReason::Observer;
        }
        if let Some(reason) = run.state.finished {
            run.checkpoint(observer)?;
            run.leave()?;
            break reason;
        }
        flow = epoch(&mut run, data, observer)?;
    };
    observer.event(&Event::Finished {
        step: run.state.step,
        reason,
    });
    Ok(run.report(reason))
}

/// What is left of the epoch under way, then validation.
fn epoch<T: Task>(
    run: &mut Run<'_, T>,
    data: &Data<'_, T::Item>,
    observer: &mut dyn Observer,
) -> Result<Flow> {
    let plan = run.plan(data.train);
    while (run.state.position as usize) < plan.len() && !run.has_all_steps() {
        let started = Instant::now();
        let batch = fetch(data.train, &plan[run.state.position as usize])?;
        let done = run.step(&batch)?;
        let flow = observer.event(&Event::Step {
            step: done.step,
            total_steps: total_steps(run.config, plan.len()),
            epoch: run.state.epoch,
            loss: done.loss,
            parts: &done.parts,
            lr: done.lr,
            gradient_norm: done.gradient_norm,
            molecules: batch.len(),
            elapsed: started.elapsed(),
        });
        let due = |every| run.state.step.is_multiple_of(every);
        if flow == Flow::Stop {
            return Ok(flow);
        }
        if run.config.checkpoint_every.is_some_and(due) {
            run.checkpoint(observer)?;
        }
    }
    let ends_here = run.is_last_epoch();
    let mut flow = Flow::Continue;
    if let Some(valid) = data.valid
        && (ends_here || (run.state.epoch + 1).is_multiple_of(run.config.validate_every))
    {
        flow = run.validate(valid, observer)?;
    }
    run.state.epoch += 1;
    run.state.position = 0;
    if ends_here && run.state.finished.is_none() {
        run.state.finished = Some(StopReason::Length);
    }
    // A run that is over cannot be stopped any more.
    Ok(if run.state.finished.is_some() {
        Flow::Continue
    } else {
        flow
    })
}

/// Steps in all, supposing that every epoch has as many batches as this one.
fn total_steps(config: &FitConfig, batches: usize) -> u64 {
    match config.length {
        Length::Steps(steps) => steps,
        Length::Epochs(epochs) => epochs.saturating_mul(batches as u64),
    }
}
