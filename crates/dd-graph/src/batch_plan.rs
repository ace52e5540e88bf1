//! Cutting a data set into batches of bounded cost.

use dd_kernels::rng::Key;

/// Records are sorted by length inside pools of this many batches: large enough for batches of near-equal lengths, small
/// enough that the batches of two epochs differ.
const BATCHES_PER_POOL: usize = 32;

/// Which records go into which batch. Every record is in exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlan {
    /// Record numbers of each batch, in the order of use.
    pub batches: Vec<Vec<usize>>,
    /// Records longer than the budget, ascending. Each is a batch of its own.
    pub oversized: Vec<usize>,
}

/// Shuffles records and cuts them into batches whose lengths sum to at most `budget`.
///
/// `lengths[r]` is the cost of record `r`: tokens, atoms or edges. Records of similar length share a batch, because the cost
/// of attention grows with the square of the length; the batches themselves come in random order. The plan is a function of
/// the arguments alone.
///
/// ```
/// use dd_graph::batches_by_tokens;
/// use dd_kernels::rng::Key;
/// let plan = batches_by_tokens(&[5, 3, 4, 90], 10, Key::from_seed(1));
/// assert_eq!(plan.oversized, [3]);
/// assert_eq!(plan.batches.len(), 3);
/// ```
pub fn batches_by_tokens(lengths: &[usize], budget: usize, key: Key) -> BatchPlan {
    let order = key.named("records").permutation(lengths.len());
    let pool_budget = budget.saturating_mul(BATCHES_PER_POOL);
    let mut batches = Vec::new();
    for mut pool in cut(&order, lengths, pool_budget) {
        pool.sort_by_key(|&record| lengths[record]);
        batches.extend(cut(&pool, lengths, budget));
    }
    let shuffled = key.named("batches").permutation(batches.len());
    BatchPlan {
        batches: shuffled
            .into_iter()
            .map(|batch| std::mem::take(&mut batches[batch]))
            .collect(),
        oversized: oversized(lengths, budget),
    }
}

impl BatchPlan {
    /// Batches in record order, for evaluation and prediction.
    pub fn in_order(lengths: &[usize], budget: usize) -> Self {
        let order: Vec<usize> = (0..lengths.len()).collect();
        Self {
            batches: cut(&order, lengths, budget),
            oversized: oversized(lengths, budget),
        }
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// True when there is no record.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

fn oversized(lengths: &[usize], budget: usize) -> Vec<usize> {
    (0..lengths.len())
        .filter(|&record| lengths[record] > budget)
        .collect()
}

/// Consecutive runs whose lengths sum to at most `budget`, or single records.
fn cut(order: &[usize], lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut filled = 0_usize;
    for &record in order {
        let sum = filled.saturating_add(lengths[record]);
        match runs.last_mut() {
            Some(run) if sum <= budget => {
                run.push(record);
                filled = sum;
            }
            _ => {
                runs.push(vec![record]);
                filled = lengths[record];
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluation_keeps_the_order() {
        let plan = BatchPlan::in_order(&[4, 4, 4, 20, 1, 1], 8);
        assert_eq!(plan.batches, [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
        assert_eq!(plan.oversized, [3]);
    }

    #[test]
    fn epochs_differ_and_a_key_repeats() {
        let lengths: Vec<usize> = (0..200).map(|i| 10 + i % 17).collect();
        let plan = |epoch| batches_by_tokens(&lengths, 100, Key::from_seed(5).with(epoch));
        assert_eq!(plan(0), plan(0));
        assert_ne!(plan(0), plan(1));
    }

    #[test]
    fn batches_hold_similar_lengths() {
        let key = Key::from_seed(2);
        let lengths: Vec<usize> = (0..5000).map(|i| 5 + key.below(i, 100)).collect();
        let plan = batches_by_tokens(&lengths, 2000, key);
        let spread: usize = plan
            .batches
            .iter()
            .map(|batch| {
                let of = |record: &usize| lengths[*record];
                batch.iter().map(of).max().unwrap_or(0) - batch.iter().map(of).min().unwrap_or(0)
            })
            .sum();
        // Without bucketing the mean spread is near 95.
        assert!(
            spread / plan.len() < 10,
            "mean spread {}",
            spread / plan.len()
        );
    }
}
