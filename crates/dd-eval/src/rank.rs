//! Ranks with ties, and the pair counts behind Kendall's tau.

/// Ranks from 1 in ascending order; equal values share the mean of their ranks.
///
/// `average_ranks(&[3.0, 1.0, 3.0])` is `[2.5, 1.0, 2.5]`. Values must not be `NaN` (they would sort last).
///
/// # Complexity
/// `O(n log n)`.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let end = run_end(&order, values, start);
        let shared = (start + end + 1) as f64 / 2.0;
        for &row in &order[start..end] {
            ranks[row] = shared;
        }
        start = end;
    }
    ranks
}

fn run_end(order: &[usize], values: &[f64], start: usize) -> usize {
    let mut end = start + 1;
    while end < order.len() && values[order[end]] == values[order[start]] {
        end += 1;
    }
    end
}

/// Sizes of the groups of equal values, in ascending order of value.
pub(crate) fn tie_sizes(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut sizes = Vec::new();
    let mut start = 0;
    while start < sorted.len() {
        let mut end = start + 1;
        while end < sorted.len() && sorted[end] == sorted[start] {
            end += 1;
        }
        sizes.push(end - start);
        start = end;
    }
    sizes
}

/// Pair counts of two lists: all pairs, pairs tied in x, in y, in both, and discordant pairs.
pub(crate) struct PairCounts {
    pub(crate) all: f64,
    pub(crate) tied_x: f64,
    pub(crate) tied_y: f64,
    pub(crate) tied_both: f64,
    pub(crate) discordant: f64,
}

/// Counts pairs in `O(n log n)` by sorting on (x, y) and counting the exchanges of a merge sort on y.
///
/// W. R. Knight, *A computer method for calculating Kendall's tau with ungrouped data*, J. Am. Stat. Assoc. 61 (1966) 436.
pub(crate) fn count_pairs(x: &[f64], y: &[f64]) -> PairCounts {
    let mut order: Vec<usize> = (0..x.len()).collect();
    // Adding zero turns -0.0 into 0.0, so that `total_cmp` agrees with `==`.
    let key = |value: f64| value + 0.0;
    order.sort_by(|&a, &b| {
        key(x[a])
            .total_cmp(&key(x[b]))
            .then(key(y[a]).total_cmp(&key(y[b])))
    });
    let mut tied_both = 0.0;
    let mut run = 1_usize;
    for pair in order.windows(2) {
        if x[pair[0]] == x[pair[1]] && y[pair[0]] == y[pair[1]] {
            run += 1;
        } else {
            tied_both += choose_two(run);
            run = 1;
        }
    }
    tied_both += choose_two(run);
    let mut ys: Vec<f64> = order.iter().map(|&row| key(y[row])).collect();
    let mut buffer = ys.clone();
    let discordant = exchanges(&mut ys, &mut buffer) as f64;
    let ties = |values: &[f64]| {
        let plain: Vec<f64> = values.iter().map(|&v| key(v)).collect();
        tie_sizes(&plain).into_iter().map(choose_two).sum()
    };
    PairCounts {
        all: choose_two(x.len()),
        tied_x: ties(x),
        tied_y: ties(y),
        tied_both,
        discordant,
    }
}

fn choose_two(n: usize) -> f64 {
    n as f64 * (n as f64 - 1.0) / 2.0
}

/// Sorts `values` and counts the pairs that stood in strictly descending order.
fn exchanges(values: &mut [f64], buffer: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let middle = n / 2;
    let mut count = exchanges(&mut values[..middle], &mut buffer[..middle])
        + exchanges(&mut values[middle..], &mut buffer[middle..]);
    let (mut left, mut right) = (0, middle);
    for slot in buffer.iter_mut() {
        let take_left = right == n || (left < middle && values[left] <= values[right]);
        if take_left {
            *slot = values[left];
            left += 1;
        } else {
            *slot = values[right];
            right += 1;
            count += (middle - left) as u64;
        }
    }
    values.copy_from_slice(buffer);
    count
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_rank() {
        assert_eq!(average_ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
        assert_eq!(average_ranks(&[5.0, 5.0, 5.0]), [2.0, 2.0, 2.0]);
        assert_eq!(tie_sizes(&[2.0, 1.0, 2.0]), [1, 2]);
    }

    #[test]
    fn pair_counts_agree_with_counting_by_hand() {
        // Pairs of (x, y): (1,2) (1,2) (2,1) (3,3); discordant: both (1,2) with (2,1).
        let counts = count_pairs(&[1.0, 1.0, 2.0, 3.0], &[2.0, 2.0, 1.0, 3.0]);
        assert_eq!(counts.all, 6.0);
        assert_eq!((counts.tied_x, counts.tied_y), (1.0, 1.0));
        assert_eq!((counts.tied_both, counts.discordant), (1.0, 2.0));
    }
}
