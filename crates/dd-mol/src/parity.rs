//! The parity of a permutation, which decides handedness.

/// Number of exchanges that turn `from` into `to`, both permutations of the same items.
pub(crate) fn swaps(from: &[u32], to: &[u32]) -> usize {
    debug_assert_eq!(from.len(), to.len());
    let mut work: [u32; 16] = [0; 16];
    let mut spill;
    let work = if from.len() <= work.len() {
        let work = &mut work[..from.len()];
        work.copy_from_slice(from);
        work
    } else {
        spill = from.to_vec();
        &mut spill[..]
    };
    let mut count = 0;
    for (index, wanted) in to.iter().enumerate() {
        if work[index] == *wanted {
            continue;
        }
        if let Some(ahead) = work[index..].iter().position(|item| item == wanted) {
            work.swap(index, index + ahead);
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::swaps;

    #[test]
    fn counts_exchanges() {
        assert_eq!(swaps(&[0, 1, 2, 3], &[0, 1, 2, 3]), 0);
        assert_eq!(swaps(&[1, 0, 2, 3], &[0, 1, 2, 3]), 1);
        assert_eq!(swaps(&[1, 2, 0, 3], &[0, 1, 2, 3]), 2);
        assert_eq!(swaps(&[1, 2, 3, 0], &[0, 1, 2, 3]), 3);
    }
}
