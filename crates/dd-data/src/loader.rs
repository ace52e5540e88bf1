//! Seeded batches of examples, prepared ahead by worker threads.
//!
//! The order is a function of (seed, epoch) and of the examples' sizes; the number of workers changes the speed only.

use std::sync::Arc;

use dd_graph::{BatchPlan, batches_by_tokens};
use dd_kernels::rng::Key;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};
use crate::example::{Example, ExampleSize, ExampleSource};
use crate::on_error::{OnError, SkipReport};
use crate::ordered::Ordered;

/// What the budget of a batch counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// Tokens of a graph transformer: nodes, directed edges and two special tokens.
    Tokens,
    /// Atoms of the point cloud.
    Atoms,
    /// Nodes of the graph.
    Nodes,
    /// Molecules.
    Molecules,
}

impl Cost {
    fn of(self, size: ExampleSize) -> usize {
        match self {
            Self::Tokens => size.nodes as usize + size.edges as usize + 2,
            Self::Atoms => size.atoms as usize,
            Self::Nodes => size.nodes as usize,
            Self::Molecules => 1,
        }
    }
}

/// Choices of a [`Loader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Seed of the order.
    pub seed: u64,
    /// What the budget counts.
    pub cost: Cost,
    /// Largest cost of a batch; an example above it is a batch of its own.
    pub budget: usize,
    /// False for evaluation: examples in their order.
    pub shuffle: bool,
    /// Threads that prepare batches; 0 prepares them when asked for.
    pub workers: usize,
    /// Batches prepared ahead at most.
    pub prefetch: usize,
    /// What an example does that its source refuses as a row ([`DataError::Row`]); a damaged file, such as a cache, ends the
    /// epoch whatever is said here.
    pub on_error: OnError,
}

/// Cuts examples into batches, epoch by epoch.
#[derive(Clone)]
pub struct Loader {
    source: Arc<dyn ExampleSource>,
    indices: Vec<usize>,
    lengths: Vec<usize>,
    config: LoaderConfig,
}

impl Loader {
    /// A loader of the examples `indices` of a source.
    ///
    /// # Errors
    /// When an index is beyond the source.
    pub fn new(
        source: Arc<dyn ExampleSource>,
        indices: Vec<usize>,
        config: LoaderConfig,
    ) -> Result<Self> {
        let len = source.len();
        if let Some(&index) = indices.iter().find(|&&index| index >= len) {
            return Err(DataError::NoSuchRecord { index, len });
        }
        let cost = |&index: &usize| config.cost.of(source.size(index));
        let lengths: Vec<usize> = indices.iter().map(cost).collect();
        let above = lengths
            .iter()
            .filter(|&&length| length > config.budget)
            .count();
        if above > 0 {
            let budget = config.budget;
            tracing::warn!(
                "{above} examples exceed the budget of {budget} and are batches of their own"
            );
        }
        Ok(Self {
            source,
            indices,
            lengths,
            config,
        })
    }

    /// Which examples (numbers of the source) go into which batch of an epoch.
    pub fn plan(&self, epoch: u64) -> BatchPlan {
        let LoaderConfig { seed, budget, .. } = self.config;
        let mut plan = if self.config.shuffle {
            let key = Key::from_seed(seed).named("epoch").with(epoch);
            batches_by_tokens(&self.lengths, budget, key)
        } else {
            BatchPlan::in_order(&self.lengths, budget)
        };
        let numbers = plan.batches.iter_mut().flatten().chain(&mut plan.oversized);
        numbers.for_each(|position| *position = self.indices[*position]);
        plan
    }

    /// The batches of an epoch.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch without the first `skip` of its [plan](Self::plan): to go on after an interruption. A batch
    /// whose examples were all left out is not yielded, but counts.
    pub fn epoch_from(&self, epoch: u64, skip: usize) -> Epoch {
        let batches: Vec<Vec<usize>> = self.plan(epoch).batches.into_iter().skip(skip).collect();
        let source = Arc::clone(&self.source);
        let count = batches.len();
        let job = move |batch: usize| -> Vec<Result<Example>> {
            let numbers = batches[batch].iter();
            numbers.map(|&index| source.get(index)).collect()
        };
        Epoch {
            batches: Ordered::new(
                count,
                self.config.workers,
                self.config.prefetch,
                Arc::new(job),
            ),
            on_error: self.config.on_error,
            report: SkipReport::default(),
            failed: false,
        }
    }
}

/// Iterator over the batches of an epoch.
pub struct Epoch {
    batches: Ordered<Vec<Result<Example>>>,
    on_error: OnError,
    report: SkipReport,
    failed: bool,
}

impl Epoch {
    /// The examples left out so far.
    pub fn report(&self) -> &SkipReport {
        &self.report
    }

    fn batch(&mut self, examples: Vec<Result<Example>>) -> Result<Vec<Example>> {
        let mut kept = Vec::with_capacity(examples.len());
        for example in examples {
            match example {
                Ok(example) => kept.push(example),
                Err(error) => self.report.account(error, self.on_error)?,
            }
        }
        Ok(kept)
    }
}

impl Iterator for Epoch {
    type Item = Result<Vec<Example>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        loop {
            let Some(examples) = self.batches.next() else {
                self.report.log();
                self.failed = true;
                return None;
            };
            let batch = match examples {
                Some(examples) => self.batch(examples),
                None => Err(DataError::WorkerLost),
            };
            self.failed = batch.is_err();
            // Nothing is left of a batch whose examples were all left out.
            if batch.as_ref().map_or(true, |batch| !batch.is_empty()) {
                return Some(batch);
            }
        }
    }
}
