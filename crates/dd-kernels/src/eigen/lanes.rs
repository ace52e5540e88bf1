//! Rows of numbers as whole, aligned vectors.

use std::cell::RefCell;

/// Numbers per vector of the inner loops.
pub(super) const LANES: usize = 4;

/// One vector. The alignment keeps it in one cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(32))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    /// Lane by lane from values that were read before: so it becomes vector instructions wherever it stands.
    #[inline(always)]
    pub(super) fn of(f: impl Fn(usize) -> f64) -> Self {
        Self([f(0), f(1), f(2), f(3)])
    }

    /// `self + factor x`.
    #[inline(always)]
    pub(super) fn plus(self, factor: f64, x: Self) -> Self {
        Self::of(|l| factor.mul_add(x.0[l], self.0[l]))
    }

    /// Sum across lanes.
    #[inline(always)]
    pub(super) fn sum(self) -> f64 {
        (self.0[0] + self.0[2]) + (self.0[1] + self.0[3])
    }
}

thread_local! {
    /// Memory of matrices that are gone, for the next ones.
    static SPARE: RefCell<Vec<Vec<Lanes>>> = const { RefCell::new(Vec::new()) };
}

/// A matrix and its vectors.
const MAX_SPARE: usize = 2;
/// Larger ones go back to the system: those of more than 256 rows.
const MAX_SPARE_LANES: usize = 256 * 256 / LANES;

/// So many zeros.
pub(super) fn zeros(vectors: usize) -> Vec<Lanes> {
    let mut rows = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    rows.clear();
    rows.resize(vectors, Lanes::ZERO);
    rows
}

/// Keeps memory for [`zeros`].
pub(super) fn give_back(rows: Vec<Lanes>) {
    if rows.capacity() == 0 || rows.capacity() > MAX_SPARE_LANES {
        return;
    }
    // A thread that ends keeps nothing.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(rows);
        }
    });
}

/// Inner product, lane by lane, then across lanes. The last vectors come apart from the rows, from registers: to read in one
/// piece what was just written in several would wait for memory.
#[inline(always)]
pub(super) fn dot([x, y]: [&[Lanes]; 2], [x_end, y_end]: [Lanes; 2]) -> f64 {
    let mut sums = Lanes::ZERO;
    for (x, y) in x.iter().zip(y) {
        let (old, x, y) = (sums, *x, *y);
        sums = Lanes::of(|l| x.0[l].mul_add(y.0[l], old.0[l]));
    }
    Lanes::of(|l| x_end.0[l].mul_add(y_end.0[l], sums.0[l])).sum()
}

/// The numbers of a row.
#[inline(always)]
pub(super) fn numbers(row: &[Lanes]) -> &[f64] {
    // SAFETY: `Lanes` is an array of as many numbers, without padding: its size is a multiple of its alignment.
    #[allow(unsafe_code)]
    unsafe {
        std::slice::from_raw_parts(row.as_ptr().cast(), row.len() * LANES)
    }
}

/// The numbers of a row, to be changed.
#[inline(always)]
pub(super) fn numbers_mut(row: &mut [Lanes]) -> &mut [f64] {
    // SAFETY: as above, and every number is valid.
    #[allow(unsafe_code)]
    unsafe {
        std::slice::from_raw_parts_mut(row.as_mut_ptr().cast(), row.len() * LANES)
    }
}

/// `N` vectors of a row from one on.
#[inline(always)]
pub(super) fn vectors<const N: usize>(row: &mut [Lanes], first: usize) -> &mut [Lanes; N] {
    (&mut row[first..first + N])
        .try_into()
        .expect("N vectors were cut out")
}

/// Entry `i` of a row.
#[inline(always)]
pub(super) fn at(row: &[Lanes], i: usize) -> f64 {
    numbers(row)[i]
}

/// Entry `i` of a row, to be changed.
#[inline(always)]
pub(super) fn at_mut(row: &mut [Lanes], i: usize) -> &mut f64 {
    &mut numbers_mut(row)[i]
}

/// Largest magnitude; not finite when an entry is not.
#[inline(always)]
pub(super) fn largest(rows: &[Lanes]) -> f64 {
    // Magnitudes are ordered as their bits are, and what is not finite comes after all others.
    let mut largest = [0; LANES];
    for row in rows {
        for (largest, x) in largest.iter_mut().zip(row.0) {
            *largest = x.abs().to_bits().max(*largest);
        }
    }
    f64::from_bits(largest.into_iter().fold(0, u64::max))
}

/// Divides every entry.
#[inline(always)]
pub(super) fn divide(rows: &mut [Lanes], by: f64) {
    for x in rows {
        let old = x.0;
        *x = Lanes::of(|l| old[l] / by);
    }
}

/// Multiplies every entry.
#[inline(always)]
pub(super) fn multiply(row: &mut [Lanes], by: f64) {
    for x in row {
        let old = x.0;
        *x = Lanes::of(|l| by * old[l]);
    }
}
