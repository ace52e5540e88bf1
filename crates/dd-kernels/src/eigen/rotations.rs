//! The rotations of the QL method, kept so that only the eigenvectors asked for need to be made.

use super::lanes::{LANES, Lanes, multiply, vectors};

/// Every rotation of a run of the QL method, in order.
#[derive(Debug, Default)]
pub(super) struct Rotations {
    /// Cosines and sines; each sweep begins with a vector of its own.
    turns: Vec<[Lanes; 2]>,
    /// How many of the turns are of this run; behind them is room.
    used: usize,
    sweeps: Vec<Sweep>,
}

/// Rotations of the rows `(first, first + 1)`, `(first + 1, first + 2)`, ..., made from the last to the first.
#[derive(Debug)]
struct Sweep {
    first: usize,
    length: usize,
    /// Whether the first row changed its sign at the end.
    flipped: bool,
}

/// Places behind the end of a row of `n` numbers, so that whole vectors are read and written.
pub(super) fn padded(n: usize) -> usize {
    n + 2 * LANES
}

impl Rotations {
    /// Forgets the run before.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.sweeps.clear();
    }

    /// Room for the cosines and sines of a sweep of so many rotations.
    #[inline(always)]
    pub(super) fn room(&mut self, length: usize) -> &mut [[Lanes; 2]] {
        let (start, end) = (self.used, self.used + turns_of(length));
        if self.turns.len() < end {
            self.turns.resize(2 * end, [Lanes::ZERO, Lanes::ZERO]);
        }
        &mut self.turns[start..end]
    }

    /// Keeps what was written to [`room`](Self::room).
    #[inline(always)]
    pub(super) fn keep(&mut self, first: usize, length: usize, flipped: bool) {
        self.used += turns_of(length);
        self.sweeps.push(Sweep {
            first,
            length,
            flipped,
        });
    }

    /// Undoes the rotations, the last first, on rows of `stride` vectors: the unit vector of an eigenvalue's place becomes
    /// the eigenvector of the tridiagonal matrix. `places` are those of the columns, ascending.
    #[inline(always)]
    pub(super) fn undo(&self, rows: &mut [Lanes], stride: usize, places: &[usize]) {
        let mut end = self.used;
        let mut columns = places.len();
        for sweep in self.sweeps.iter().rev() {
            let start = end - turns_of(sweep.length);
            let turns = &self.turns[start..end];
            end = start;
            // A column with a place before the sweep's rows is still zero there.
            while columns > 0 && places[columns - 1] >= sweep.first {
                columns -= 1;
            }
            let mut column = columns / LANES;
            let rows = &mut rows[sweep.first * stride..];
            while column + 4 <= stride {
                sweep.undo_on::<4>(turns, &mut rows[column..], stride);
                column += 4;
            }
            match stride - column {
                3 => sweep.undo_on::<3>(turns, &mut rows[column..], stride),
                2 => sweep.undo_on::<2>(turns, &mut rows[column..], stride),
                1 => sweep.undo_on::<1>(turns, &mut rows[column..], stride),
                _ => {}
            }
        }
    }
}

/// Vectors of cosines, and of sines, of a sweep: of its rows, which are one more than its rotations.
fn turns_of(length: usize) -> usize {
    length / LANES + 1
}

impl Sweep {
    /// Undoes a sweep on `G` neighbouring vectors of every row. The row between two rotations stays in registers.
    #[inline(always)]
    fn undo_on<const G: usize>(&self, turns: &[[Lanes; 2]], rows: &mut [Lanes], stride: usize) {
        let mut upper = *vectors::<G>(rows, 0);
        // No branch: it could not be foreseen.
        multiply(&mut upper, if self.flipped { -1.0 } else { 1.0 });
        let mut row = 0;
        for (block, [cosines, sines]) in turns.iter().enumerate() {
            let count = LANES.min(self.length - block * LANES);
            for i in 0..count {
                let (c, s) = (cosines.0[i], sines.0[i]);
                let lower = *vectors::<G>(rows, row + stride);
                let done = vectors::<G>(rows, row);
                for g in 0..G {
                    let (x, y) = (upper[g].0, lower[g].0);
                    done[g] = Lanes::of(|l| c.mul_add(x[l], s * y[l]));
                    upper[g] = Lanes::of(|l| (-s).mul_add(x[l], c * y[l]));
                }
                row += stride;
            }
        }
        *vectors::<G>(rows, row) = upper;
    }
}
