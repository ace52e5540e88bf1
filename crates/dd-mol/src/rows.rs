//! Lists of numbers in one piece of memory.

/// Compressed rows: the items of all rows one after another, and where each row ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.items.clear();
    }

    /// Adds an item to the row that is being written.
    pub(crate) fn push(&mut self, item: u32) {
        self.items.push(item);
    }

    /// Ends the row that is being written and returns it.
    pub(crate) fn close(&mut self) -> &mut [u32] {
        let start = self.ends.last().map_or(0, |end| *end as usize);
        self.ends.push(self.items.len() as u32);
        &mut self.items[start..]
    }

    /// # Panics
    /// When there is no such row.
    pub(crate) fn row(&self, index: usize) -> &[u32] {
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        };
        &self.items[start..self.ends[index] as usize]
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> + Clone {
        (0..self.len()).map(|index| self.row(index))
    }

    pub(crate) fn for_each_mut(&mut self, mut change: impl FnMut(&mut [u32])) {
        let mut start = 0;
        for end in &self.ends {
            change(&mut self.items[start..*end as usize]);
            start = *end as usize;
        }
    }

    /// Replaces everything by `len` rows of `(row, item)` pairs, which keep their order.
    pub(crate) fn fill(&mut self, len: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) {
        self.ends.clear();
        self.ends.resize(len + 1, 0);
        for (row, _) in pairs.clone() {
            self.ends[row as usize + 1] += 1;
        }
        let mut total = 0;
        for end in &mut self.ends {
            total += *end;
            *end = total;
        }
        self.items.clear();
        self.items.resize(total as usize, 0);
        // Filled from the front, each start moves to the end of its row.
        for (row, item) in pairs {
            let slot = &mut self.ends[row as usize];
            self.items[*slot as usize] = item;
            *slot += 1;
        }
        self.ends.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_one_by_one_or_from_pairs() {
        let mut rows = Rows::default();
        rows.push(7);
        rows.push(8);
        assert_eq!(rows.close(), [7, 8]);
        assert!(rows.close().is_empty());
        rows.push(9);
        rows.close();
        assert_eq!(rows.iter().collect::<Vec<_>>(), [&[7, 8][..], &[], &[9]]);
        let mut filled = Rows::default();
        filled.fill(3, [(2, 9), (0, 7), (0, 8)].into_iter());
        assert_eq!(filled, rows);
    }
}
