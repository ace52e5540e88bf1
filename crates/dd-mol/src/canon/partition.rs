//! Ordered partitions of the atoms into cells of equal colour.

/// Atoms sorted by colour; a colour is the position at which its cell begins.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    order: Vec<u32>,
    /// Position of each atom in `order`.
    place: Vec<u32>,
    color: Vec<u32>,
    /// Number of members, valid at the first position of each cell.
    length: Vec<u32>,
    /// No cell before this position is tied; cells only ever fall apart.
    settled: usize,
}

impl Partition {
    /// Atoms in the order of their keys, in cells of equal keys.
    pub(super) fn of_sorted(sorted: &[(u64, u32)]) -> Self {
        let mut partition = Self {
            order: sorted.iter().map(|&(_, atom)| atom).collect(),
            place: vec![0; sorted.len()],
            color: vec![0; sorted.len()],
            length: vec![0; sorted.len()],
            settled: 0,
        };
        let mut start = 0;
        for (position, &(key, atom)) in sorted.iter().enumerate() {
            if key != sorted[start].0 {
                start = position;
            }
            partition.place[atom as usize] = position as u32;
            partition.color[atom as usize] = start as u32;
            partition.length[start] += 1;
        }
        partition
    }

    pub(super) fn color(&self, atom: usize) -> u32 {
        self.color[atom]
    }

    /// Whether an atom shares its cell with others.
    pub(super) fn is_tied(&self, atom: usize) -> bool {
        self.length[self.color[atom] as usize] > 1
    }

    /// The atoms of the cell that begins at `cell`.
    pub(super) fn members(&self, cell: usize) -> &[u32] {
        &self.order[cell..cell + self.length[cell] as usize]
    }

    /// First positions of all cells, ascending.
    pub(super) fn cells(&self) -> impl Iterator<Item = usize> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let cell = next;
            next += *self.length.get(cell)? as usize;
            Some(cell)
        })
    }

    /// The first of the smallest cells with more than one member.
    pub(super) fn smallest_tied_cell(&self) -> Option<usize> {
        let tied = self.cells().filter(|&cell| self.length[cell] > 1);
        tied.min_by_key(|&cell| self.length[cell])
    }

    /// The first cell with more than one member; all calls together take linear time.
    pub(super) fn first_tied_cell(&mut self) -> Option<usize> {
        while self.settled < self.order.len() && self.length[self.settled] == 1 {
            self.settled += 1;
        }
        (self.settled < self.order.len()).then_some(self.settled)
    }

    /// Splits a cell by the `keys` of its `touched` members; the others have key 0 and
    /// come first. Appends the first positions of the parts to `parts`, nothing when the
    /// cell stays whole.
    pub(super) fn split(
        &mut self,
        cell: usize,
        touched: &mut [u32],
        keys: &[u64],
        parts: &mut Vec<usize>,
    ) {
        touched.sort_unstable_by_key(|&atom| keys[atom as usize]);
        let end = cell + self.length[cell] as usize;
        let tail = end - touched.len();
        let key = |position: usize| keys[touched[position - tail] as usize];
        if tail == cell && key(cell) == key(end - 1) {
            return;
        }
        for (&atom, target) in touched.iter().zip(tail..end).rev() {
            self.swap(self.place[atom as usize] as usize, target);
        }
        if tail > cell {
            parts.push(cell);
            self.length[cell] = (tail - cell) as u32;
        }
        let mut start = tail;
        for position in tail..end {
            if position == tail || key(position) != key(start) {
                start = position;
                parts.push(start);
                self.length[start] = 0;
            }
            self.length[start] += 1;
            self.color[self.order[position] as usize] = start as u32;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.order.swap(a, b);
        self.place[self.order[a] as usize] = a as u32;
        self.place[self.order[b] as usize] = b as u32;
    }

    /// Puts `atom` before the rest of its cell and returns the two parts.
    pub(super) fn individualize(&mut self, atom: u32) -> [usize; 2] {
        let cell = self.color[atom as usize] as usize;
        let length = self.length[cell];
        self.swap(self.place[atom as usize] as usize, cell);
        for position in cell + 1..cell + length as usize {
            self.color[self.order[position] as usize] = cell as u32 + 1;
        }
        self.length[cell] = 1;
        self.length[cell + 1] = length - 1;
        [cell, cell + 1]
    }

    /// Takes the last atom out of a tied cell and returns the new cell, which is all that an
    /// equitable partition has to be refined by. The rest of the cell keeps its colour.
    pub(super) fn take_last(&mut self, cell: usize) -> usize {
        self.length[cell] -= 1;
        let last = cell + self.length[cell] as usize;
        self.length[last] = 1;
        self.color[self.order[last] as usize] = last as u32;
        last
    }

    pub(super) fn into_ranks(self) -> Vec<u32> {
        self.color
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_individualizes() {
        let mut partition = Partition::of_sorted(&[(3, 1), (5, 0), (5, 2), (5, 3)]);
        assert_eq!(partition.cells().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(partition.members(1), [0, 2, 3]);
        let mut parts = Vec::new();
        partition.split(1, &mut [0, 2, 3], &[7, 0, 7, 7], &mut parts);
        assert!(parts.is_empty());
        partition.split(1, &mut [0, 2], &[9, 0, 9, 0], &mut parts);
        assert_eq!(parts, [1, 2]);
        assert_eq!(partition.smallest_tied_cell(), Some(2));
        assert_eq!(partition.first_tied_cell(), Some(2));
        assert_eq!(partition.individualize(2), [2, 3]);
        assert_eq!(partition.first_tied_cell(), None);
        assert_eq!(partition.into_ranks(), [3, 0, 2, 1]);
        let mut partition = Partition::of_sorted(&[(5, 1), (5, 0), (5, 2)]);
        assert_eq!(partition.take_last(0), 2);
        assert_eq!(
            (partition.members(0), partition.members(2)),
            (&[1, 0][..], &[2][..])
        );
        assert_eq!(partition.take_last(0), 1);
        assert_eq!(partition.into_ranks(), [1, 0, 2]);
    }

    #[test]
    fn touched_members_stand_last_in_the_order_of_their_keys() {
        let mut partition = Partition::of_sorted(&[0, 1, 2, 3, 4].map(|atom| (0, atom)));
        let mut parts = Vec::new();
        partition.split(0, &mut [0, 1, 3], &[8, 6, 0, 8, 0], &mut parts);
        assert_eq!(parts, [0, 2, 3]);
        let colors: Vec<u32> = (0..5).map(|atom| partition.color(atom)).collect();
        assert_eq!(colors, [3, 2, 0, 3, 0]);
    }
}
