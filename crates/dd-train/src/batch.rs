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
    /// So many molecules (at least one), the last batch of an epoch perhaps fewer.
    Molecules(usize),
    /// So many tokens or atoms (see [`Source::cost`]) at most; molecules of similar size share a batch.
    Tokens(usize),
}

impl BatchConfig {
    /// The batches of one epoch, each a list of indices: every example once, in an order drawn from `key`.
    ///
    /// A graph of a single atom is never a batch of its own when there is another one, for it has no batch statistics: it
    /// joins the batch before.
    pub fn shuffled<T>(&self, source: &dyn Source<Item = T>, key: Key) -> Vec<Vec<usize>> {
        let batches = match *self {
            Self::Molecules(count) => {
                let order = key.named("records").permutation(source.len());
                order.chunks(count.max(1)).map(<[usize]>::to_vec).collect()
            }
            Self::Tokens(budget) => batches_by_tokens(&costs(source), budget, key).batches,
        };
        merged(
            batches,
            |batch| matches!(batch, &[index] if source.cost(index) <= LONE_ATOM),
        )
    }

    /// Batches in the order of the source.
    pub fn in_order<T>(&self, source: &dyn Source<Item = T>) -> Vec<Vec<usize>> {
        match *self {
            Self::Molecules(count) => {
                let order: Vec<usize> = (0..source.len()).collect();
                order.chunks(count.max(1)).map(<[usize]>::to_vec).collect()
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

/// Cost of a graph of one atom: its token and the two special ones. The cost of a conformer is its atoms, so that up to three
/// are joined to others, too.
const LONE_ATOM: usize = 3;

/// The batches with at least so many examples each: a smaller one joins the one before, the first the second.
pub(crate) fn joined(batches: Vec<Vec<usize>>, least: usize) -> Vec<Vec<usize>> {
    merged(batches, |batch| batch.len() < least)
}

/// Lets small batches join the one before, the first the second.
fn merged(batches: Vec<Vec<usize>>, is_small: impl Fn(&[usize]) -> bool) -> Vec<Vec<usize>> {
    let mut merged: Vec<Vec<usize>> = Vec::with_capacity(batches.len());
    let mut first = Vec::new(); // what is small and has none before it
    for mut batch in batches {
        match merged.last_mut() {
            Some(before) if is_small(&batch) => before.extend(batch),
            Some(_) => merged.push(batch),
            None => {
                batch.append(&mut first);
                if is_small(&batch) {
                    first = batch;
                } else {
                    merged.push(batch);
                }
            }
        }
    }
    if !first.is_empty() {
        merged.push(first);
    }
    merged
}

fn costs<T>(source: &dyn Source<Item = T>) -> Vec<usize> {
    (0..source.len()).map(|index| source.cost(index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Example;

    #[derive(Clone)]
    struct Sized(usize);

    impl Example for Sized {
        fn cost(&self) -> usize {
            self.0
        }

        fn record(&self) -> u64 {
            0
        }
    }

    #[test]
    fn small_batches_join_their_neighbours() {
        let batches = vec![vec![4], vec![1, 2], vec![0], vec![3, 5]];
        assert_eq!(joined(batches.clone(), 1), batches);
        assert_eq!(joined(batches, 2), [vec![1, 2, 4, 0], vec![3, 5]]);
        assert_eq!(joined(vec![vec![0]], 2), [[0]]);
        let single = vec![vec![0], vec![1], vec![2]];
        assert_eq!(joined(single.clone(), 2), [[1, 0, 2]]);
        assert_eq!(joined(single, 9), [[2, 1, 0]]);
    }

    #[test]
    fn a_single_atom_is_no_batch_of_its_own() {
        let source: Vec<Sized> = [3, 9, 9, 9, 9].map(Sized).to_vec();
        for seed in 0..20 {
            for batch in [BatchConfig::Molecules(4), BatchConfig::Tokens(9)] {
                let batches = batch.shuffled(&source, Key::from_seed(seed));
                let mut all = batches.concat();
                all.sort_unstable();
                assert_eq!(all, [0, 1, 2, 3, 4]);
                assert!(!batches.contains(&vec![0]), "{batches:?}");
            }
        }
        let smallest = BatchConfig::Molecules(0).in_order(&source);
        assert_eq!(smallest.len(), 5, "a batch has a molecule");
        let alone = BatchConfig::Molecules(4).shuffled(&vec![Sized(3)], Key::from_seed(0));
        assert_eq!(alone, [[0]]);
    }
}
