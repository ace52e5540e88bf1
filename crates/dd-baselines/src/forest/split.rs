//! The best place to part the rows of a node by one feature.

use super::codes::{Column, MOST_CODES};

/// A row as it was drawn for a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    pub(super) row: u32,
    /// How often it was drawn.
    pub(super) times: f32,
    /// Its label, minus the mean of all, times `times`.
    pub(super) sum: f64,
}

/// The rows of a node, or of a side of it: how many were drawn, and the sum of their labels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weight {
    times: f64,
    sum: f64,
}

impl Weight {
    pub(super) fn of(drawn: &[Drawn]) -> Self {
        let mut weight = Self::default();
        drawn.iter().for_each(|one| weight.add(one));
        weight
    }

    fn add(&mut self, one: &Drawn) {
        self.times += f64::from(one.times);
        self.sum += one.sum;
    }

    fn rest_of(self, whole: Self) -> Self {
        Self {
            times: whole.times - self.times,
            sum: whole.sum - self.sum,
        }
    }
}

/// A parting of rows: codes up to `low` on one side, from `high` on the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// `Σ sum²/times` over the two sides: the larger, the less variance is left in them.
    pub(super) score: f64,
    pub(super) low: u8,
    pub(super) high: u8,
}

/// What one feature has to offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Offer {
    /// All rows have the same code.
    Constant,
    /// No cut leaves enough rows on both sides.
    TooFew,
    /// The best cut; of equals the lowest.
    Cut(Cut),
}

impl Offer {
    /// The better of this offer and a cut, if the cut leaves at least `min_leaf` drawn rows
    /// on both sides.
    fn or(self, low: Weight, high: Weight, min_leaf: f64, codes: (u8, u8)) -> Self {
        if low.times < min_leaf || high.times < min_leaf {
            return self;
        }
        let score = low.sum * low.sum / low.times + high.sum * high.sum / high.times;
        match self {
            Self::Cut(best) if best.score >= score => self,
            _ => Self::Cut(Cut {
                score,
                low: codes.0,
                high: codes.1,
            }),
        }
    }
}

/// The weight of every code; empty between two searches.
#[derive(Debug)]
pub(super) struct Histogram {
    bins: [Weight; MOST_CODES],
    /// One bit per bin that is not empty.
    filled: [u64; MOST_CODES / 64],
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            bins: [Weight::default(); MOST_CODES],
            filled: [0; MOST_CODES / 64],
        }
    }

    /// Searches the cuts of one feature that leave at least `min_leaf` drawn rows on both
    /// sides; `node` is the weight of all rows.
    pub(super) fn search(
        &mut self,
        column: &Column,
        drawn: &[Drawn],
        node: Weight,
        min_leaf: f64,
    ) -> Offer {
        match column.num_codes() {
            0 | 1 => Offer::Constant,
            2 => two_codes(column, drawn, node, min_leaf),
            _ => self.many_codes(column, drawn, node, min_leaf),
        }
    }

    fn many_codes(
        &mut self,
        column: &Column,
        drawn: &[Drawn],
        node: Weight,
        min_leaf: f64,
    ) -> Offer {
        for one in drawn {
            let code = column.codes[one.row as usize];
            self.bins[usize::from(code)].add(one);
            self.filled[usize::from(code / 64)] |= 1 << (code % 64);
        }
        let mut offer = Offer::Constant;
        let mut low = Weight::default();
        let mut last = None;
        for word in 0..self.filled.len() {
            let mut rest = std::mem::take(&mut self.filled[word]);
            while rest != 0 {
                let code = (64 * word) as u8 + rest.trailing_zeros() as u8;
                rest &= rest - 1;
                if let Some(last) = last {
                    if offer == Offer::Constant {
                        offer = Offer::TooFew;
                    }
                    offer = offer.or(low, low.rest_of(node), min_leaf, (last, code));
                }
                last = Some(code);
                let bin = std::mem::take(&mut self.bins[usize::from(code)]);
                low.times += bin.times;
                low.sum += bin.sum;
            }
        }
        offer
    }
}

/// Bits need no histogram: their sums stay in registers.
fn two_codes(column: &Column, drawn: &[Drawn], node: Weight, min_leaf: f64) -> Offer {
    let mut high = Weight::default();
    for one in drawn {
        let bit = f64::from(column.codes[one.row as usize]);
        high.times += bit * f64::from(one.times);
        high.sum += bit * one.sum;
    }
    if high.times == 0.0 || high.times == node.times {
        return Offer::Constant;
    }
    Offer::TooFew.or(high.rest_of(node), high, min_leaf, (0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes and sums of single rows; code 2 is there twice.
    const ROWS: [(f32, f64); 7] = [
        (13.0, 2.5),
        (10.0, -1.5),
        (10.0, -2.5),
        (12.0, -1.0),
        (13.0, 0.5),
        (14.0, 1.0),
        (13.0, 1.0),
    ];

    fn search(values: impl Iterator<Item = f32>, min_leaf: f64) -> Offer {
        let column = Column::new(values.collect());
        let drawn = |row: usize| Drawn {
            row: row as u32,
            times: 1.0,
            sum: ROWS[row].1,
        };
        let drawn: Vec<Drawn> = (0..ROWS.len()).map(drawn).collect();
        let mut histogram = Histogram::new();
        let node = Weight::of(&drawn);
        let offer = histogram.search(&column, &drawn, node, min_leaf);
        // Nothing is left of the first search.
        assert_eq!(histogram.search(&column, &drawn, node, min_leaf), offer);
        offer
    }

    #[test]
    fn the_best_cut_leaves_the_least_variance() {
        // By hand: after 10: 16/2 + 16/5; after 12: 25/3 + 25/4; after 13: 1/6 + 1.
        let expected = Cut {
            score: 25.0 / 3.0 + 25.0 / 4.0,
            low: 1,
            high: 2,
        };
        let values = ROWS.iter().map(|(value, _)| *value);
        assert_eq!(search(values, 1.0), Offer::Cut(expected));
    }

    #[test]
    fn small_sides_are_not_made() {
        let values = || ROWS.iter().map(|(value, _)| *value);
        assert_eq!(search(values(), 4.0), Offer::TooFew);
        assert!(matches!(search(values(), 3.0), Offer::Cut(_)));
        let bits = ROWS.iter().map(|(value, _)| f32::from(*value > 12.5));
        assert_eq!(search(bits, 4.0), Offer::TooFew);
        assert_eq!(search(ROWS.iter().map(|_| 1.0), 1.0), Offer::Constant);
    }

    #[test]
    fn bits_are_cut_as_any_other_feature() {
        let expected = Cut {
            score: 25.0 / 3.0 + 25.0 / 4.0,
            low: 0,
            high: 1,
        };
        let bits = ROWS.iter().map(|(value, _)| f32::from(*value > 12.5));
        assert_eq!(search(bits, 3.0), Offer::Cut(expected));
    }
}
