//! Watching a run, and stopping it.

/// What happens in a run, in order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The run begins, or goes on from a checkpoint.
    Started {
        /// Name of the task.
        task: &'a str,
        /// Trainable scalars.
        num_parameters: usize,
        /// Examples in the training set.
        num_examples: usize,
        /// Step from which it goes on, 0 for a new run.
        step: u64,
        /// Steps in all.
        total_steps: u64,
    },
    /// One optimiser step is done.
    Step {
        /// Its number, from 0.
        step: u64,
        /// Steps in all.
        total_steps: u64,
        /// Epoch, from 0.
        epoch: u64,
        /// Loss of the batch, before the step.
        loss: f64,
        /// Named terms of the loss.
        parts: &'a [(String, f64)],
        /// Learning rate of the step.
        lr: f64,
        /// Norm of the gradient before clipping.
        gradient_norm: f64,
        /// Molecules in the batch.
        molecules: usize,
        /// Time that it took.
        elapsed: std::time::Duration,
    },
    /// The model was validated.
    Validated {
        /// Epoch that ended.
        epoch: u64,
        /// Steps done.
        step: u64,
        /// The score.
        evaluation: &'a crate::Evaluation,
        /// Whether it is the best so far.
        is_best: bool,
    },
    /// A checkpoint is on the disk.
    Checkpointed {
        /// Steps done.
        step: u64,
        /// The folder.
        folder: &'a std::path::Path,
    },
    /// One of several runs begins: a seed of a fine-tuning.
    Run {
        /// Its number, from 0.
        index: usize,
        /// Runs in all.
        count: usize,
        /// Its seed.
        seed: u64,
    },
    /// The run is over.
    Finished {
        /// Steps done.
        step: u64,
        /// Why it ended.
        reason: crate::StopReason,
    },
}

/// Whether the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It writes a checkpoint, when it has a folder, and returns.
    Stop,
}

/// Sees the events of a run: a progress bar, a plot, a signal handler.
pub trait Observer {
    /// Called after each event.
    fn event(&mut self, event: &Event<'_>) -> Flow;
}

/// Sees nothing and never stops a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _event: &Event<'_>) -> Flow {
        Flow::Continue
    }
}

/// A closure is an observer.
impl<F: FnMut(&Event<'_>) -> Flow> Observer for F {
    fn event(&mut self, event: &Event<'_>) -> Flow {
        self(event)
    }
}
