//! Cutting a source into batches.

use dd_graph::{BatchPlan, batches_by_tokens};
use dd_kernels::rng::Key;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::source::Source;

/// How large a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchConfig {
    /// So many molecules, the last batch of an epoch perhaps fewer.
    Molecules(usize),
    /// So many tokens or atoms (see [`Source::cost`]) at most; molecules of similar size share a batch.
    Tokens(usize),
}

impl BatchConfig {
    /// The batches of one epoch, each a list of indices: every example once, in an order drawn from `key`.
    pub fn shuffled<T>(&self, source: &dyn Source<Item = T>, key: Key) -> Vec<Vec<usize>> {
        match *self {
            Self::Molecules(count) => {
                let order = key.named("records").permutation(source.len());
                order.chunks(count).map(<[usize]>::to_vec).collect()
            }
            Self::Tokens(budget) => batches_by_tokens(&costs(source), budget, key).batches,
        }
    }

    /// Batches in the order of the source.
    pub fn in_order<T>(&self, source: &dyn Source<Item = T>) -> Vec<Vec<usize>> {
        match *self {
            Self::Molecules(count) => {
                let order: Vec<usize> = (0..source.len()).collect();
                order.chunks(count).map(<[usize]>::to_vec).collect()
            }
            Self::Tokens(budget) => BatchPlan::in_order(&costs(source), budget).batches,
        }
    }

    pub(crate) fn validate(self) -> Result<()> {
        let (Self::Molecules(size) | Self::Tokens(size)) = self;
        if size == 0 {
            return Err(TrainError::config("fit.batch", "must be positive"));
        }
        Ok(())
    }
}

fn costs<T>(source: &dyn Source<Item = T>) -> Vec<usize> {
    (0..source.len()).map(|index| source.cost(index)).collect()
}
