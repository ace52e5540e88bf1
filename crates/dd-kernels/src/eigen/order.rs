//! Which of a few numbers is the smallest, the next, and so on.

/// Memory of a ranking, reused.
#[derive(Debug, Default)]
pub(super) struct Order {
    keys: Vec<i64>,
    ranks: Vec<i64>,
}

impl Order {
    /// How many of the numbers come before each in ascending order; of equal ones the first comes first.
    ///
    /// Every pair is compared: no branch depends on a number, which for the few values of a molecule costs less than sorting.
    #[inline(always)]
    pub(super) fn ranks(&mut self, numbers: &[f64]) -> &[i64] {
        let Self { keys, ranks } = self;
        keys.clear();
        keys.extend(numbers.iter().map(|x| key(*x)));
        ranks.clear();
        ranks.resize(keys.len(), 0);
        for i in 0..keys.len() {
            let (key, mut before) = (keys[i], 0);
            for (other, rank) in keys[..i].iter().zip(&mut ranks[..i]) {
                let after = i64::from(*other > key);
                *rank += after;
                before += 1 - after;
            }
            ranks[i] = before;
        }
        ranks
    }
}

/// An integer in the order of the numbers, as [`f64::total_cmp`] makes it.
#[inline(always)]
fn key(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_a_stable_sort() {
        let numbers = [
            3.0_f64, -0.0, 1.0, 0.0, -2.0, 1.0, 1e-300, -1e300, 1.0, -0.0,
        ];
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        let mut workspace = Order::default();
        for _ in 0..2 {
            let ranks = workspace.ranks(&numbers);
            for (rank, &place) in order.iter().enumerate() {
                assert_eq!(ranks[place], rank as i64);
            }
        }
    }
}
