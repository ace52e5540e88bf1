//! Which of a few numbers is the smallest, the next, and so on.

use super::lanes::{LANES, Lanes, numbers_mut};

/// Memory of a ranking, reused.
#[derive(Debug, Default)]
pub(super) struct Order {
    numbers: Vec<Lanes>,
    ranks: Vec<usize>,
    /// How many numbers of each rank have been met.
    met: Vec<usize>,
}

impl Order {
    /// How many of the numbers come before each in ascending order; of equal ones, as zeros of
    /// either sign are, the first comes first.
    ///
    /// Every pair is compared: no branch depends on a number, which for the few values of a molecule costs less than sorting.
    #[inline(always)]
    pub(super) fn ranks(&mut self, of: &[f64]) -> &[usize] {
        let Self {
            numbers,
            ranks,
            met,
        } = self;
        numbers.clear();
        numbers.resize(of.len().div_ceil(LANES), Lanes([f64::INFINITY; LANES]));
        numbers_mut(numbers)[..of.len()].copy_from_slice(of);
        ranks.clear();
        met.clear();
        met.resize(of.len(), 0);
        for &x in of {
            let mut smaller = Lanes::ZERO;
            for others in &*numbers {
                let (old, others) = (smaller.0, others.0);
                smaller = Lanes::of(|l| old[l] + if others[l] < x { 1.0 } else { 0.0 });
            }
            let smaller = smaller.sum() as usize;
            ranks.push(smaller + met[smaller]);
            met[smaller] += 1;
        }
        ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_a_stable_sort() {
        let numbers = [3.0, -0.0, 1.0, 0.0, -2.0, 1.0, 1e-300, -1e300, 1.0, -0.0];
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|&a, &b| f64::partial_cmp(&numbers[a], &numbers[b]).expect("numbers"));
        let mut workspace = Order::default();
        for _ in 0..2 {
            let ranks = workspace.ranks(&numbers);
            for (rank, &place) in order.iter().enumerate() {
                assert_eq!(ranks[place], rank);
            }
        }
    }
}
