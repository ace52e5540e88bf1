//! What a task must say so that [`fit`](crate::fit()) can train it.

use candle_core::Tensor;
use dd_kernels::rng::Key;
use dd_nn::{Mode, ParamStore};

use crate::batch::{BatchConfig, joined};
use crate::error::Result;
use crate::source::{Example, Source};

/// One trainable thing: parameters, and the loss of a batch of examples.
pub trait Task {
    /// What it learns from.
    type Item: Example;

    /// Name in logs.
    fn name(&self) -> &'static str;

    /// The parameters that are trained and the buffers that are kept.
    fn store(&self) -> &ParamStore;

    /// The loss of a batch. In [`Mode::Train`] every trainable parameter must receive a gradient, apart from those that
    /// [`Task::without_gradient`] names.
    ///
    /// # Errors
    /// When the batch cannot be built or the model fails.
    fn loss(&self, batch: &[Self::Item], draw: Draw) -> Result<Losses>;

    /// The fewest examples of which a batch can be made: smaller ones join the batch before.
    fn least_batch(&self) -> usize {
        1
    }

    /// Why this parameter receives no gradient, when it is right that it does not.
    fn without_gradient(&self, name: &str) -> Option<&'static str> {
        let _ = name;
        None
    }

    /// Learning rate of this parameter as a share of that of the run.
    fn rate(&self, name: &str) -> f64 {
        let _ = name;
        1.0
    }

    /// The validation score. The default is the mean loss, weighted by [`Losses::weight`].
    ///
    /// # Errors
    /// As [`Task::loss`].
    fn evaluate(
        &self,
        source: &dyn Source<Item = Self::Item>,
        batch: &BatchConfig,
        key: Key,
    ) -> Result<Evaluation> {
        mean_loss(self, source, batch, key)
    }

    /// Whether a tensor of the store is part of the model that a run leaves behind. One that is not (a projection that
    /// serves the loss alone) is trained and checkpointed, but not in `model.safetensors`.
    fn belongs_to_model(&self, name: &str) -> bool {
        let _ = name;
        true
    }
}

/// The mean loss over a source, weighted by [`Losses::weight`].
pub(crate) fn mean_loss<T: Task + ?Sized>(
    task: &T,
    source: &dyn Source<Item = T::Item>,
    batch: &BatchConfig,
    key: Key,
) -> Result<Evaluation> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    let (mut total, mut weight) = (0.0, 0.0);
    for indices in joined(batch.in_order(source), task.least_batch()) {
        let examples = fetch(source, &indices)?;
        let losses = task.loss(&examples, Draw::eval(key))?;
        total += losses.weight * losses.value()?;
        weight += losses.weight;
        for (position, (name, value)) in losses.parts.iter().enumerate() {
            if sums.len() == position {
                sums.push((name.clone(), 0.0));
            }
            sums[position].1 += losses.weight * value;
        }
    }
    let parts = sums.into_iter().map(|(name, sum)| (name, sum / weight));
    Ok(Evaluation {
        name: "loss".into(),
        score: total / weight,
        higher_is_better: false,
        parts: parts.collect(),
    })
}

/// The randomness of one batch.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// For the model: dropout and augmentation of this step, or none.
    pub mode: Mode,
    /// For the data: noise of this epoch. Tasks derive each record's stream from it.
    pub data: Key,
}

impl Draw {
    /// Training: the model's stream changes with every step, the data's with every epoch.
    pub fn train(seed: Key, epoch: u64, step: u64) -> Self {
        Self {
            mode: Mode::Train(seed.named("model").with(step)),
            data: seed.named("data").with(epoch),
        }
    }

    /// Validation: no randomness in the model, and the same data in every epoch.
    pub fn eval(seed: Key) -> Self {
        Self {
            mode: Mode::Eval,
            data: seed.named("validation"),
        }
    }
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// What is differentiated: a scalar.
    pub total: Tensor,
    /// Named terms, for the log.
    pub parts: Vec<(String, f64)>,
    /// Number of things that the mean runs over: atoms, molecules, labels.
    pub weight: f64,
}

impl Losses {
    /// The loss as a number.
    pub fn value(&self) -> Result<f64> {
        let scalar = self.total.detach().to_dtype(candle_core::DType::F64)?;
        Ok(scalar.to_scalar()?)
    }
}

/// A validation score.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Name of the score.
    pub name: String,
    /// Its value.
    pub score: f64,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Other numbers worth logging.
    pub parts: Vec<(String, f64)>,
}

impl Evaluation {
    /// The score turned so that lower is better.
    pub fn cost(&self) -> f64 {
        if self.higher_is_better {
            -self.score
        } else {
            self.score
        }
    }
}

/// Reads the examples at `indices`.
pub(crate) fn fetch<T>(source: &dyn Source<Item = T>, indices: &[usize]) -> Result<Vec<T>> {
    indices.iter().map(|&index| source.get(index)).collect()
}
