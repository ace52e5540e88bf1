//! Shares of the rows of a file, for several processes on one input.

/// The rows whose number leaves the remainder `index` when divided by `count`: every `count`-th row.
///
/// ```
/// use dd_data::Part;
/// let part = Part::new(1, 3).unwrap();
/// let rows: Vec<u64> = (0..8).filter(|&row| part.has(row)).collect();
/// assert_eq!(rows, [1, 4, 7]);
/// assert!(Part::new(3, 3).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    index: u64,
    count: u64,
}

impl Part {
    /// All rows.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// Part `index` (from 0) of `count`; none when there is no such part.
    pub fn new(index: u64, count: u64) -> Option<Self> {
        (index < count).then_some(Self { index, count })
    }

    /// Whether a row belongs to it.
    pub fn has(&self, row: u64) -> bool {
        row % self.count == self.index
    }
}
