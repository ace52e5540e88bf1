//! How the packed arrays are laid out, and which atoms and edges form one unit of work.

use std::ops::Range;

use crate::{RowIndex, Segments};

/// Sizes of one call; `F = num_heads * channels`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) num_atoms: usize,
    pub(super) num_heads: usize,
    pub(super) channels: usize,
    pub(super) basis_size: usize,
    pub(super) has_key_filter: bool,
    pub(super) has_value_filter: bool,
}

impl Sizes {
    /// `F`.
    pub(super) fn features(self) -> usize {
        self.num_heads * self.channels
    }

    /// An atom's row: `q [F], k [F], u [3 F], v [3, F]`.
    pub(super) fn atom_width(self) -> usize {
        8 * self.features()
    }

    /// An edge's row: `e [K], 1, phi, d [3]`.
    pub(super) fn edge_width(self) -> usize {
        self.basis_size + 5
    }

    /// Filters of one head: of the key, then of the value.
    pub(super) fn filters(self) -> usize {
        self.channels * (usize::from(self.has_key_filter) + 3 * usize::from(self.has_value_filter))
    }

    /// Where a head's value filters begin among its filters.
    pub(super) fn value_filters(self) -> usize {
        self.channels * usize::from(self.has_key_filter)
    }

    /// Columns of an atom's row at which a head's `q`, `k` and `u` begin.
    pub(super) fn atom_columns(self, head: usize) -> [usize; 3] {
        let (f, start) = (self.features(), head * self.channels);
        [start, f + start, 2 * f + 3 * start]
    }

    /// Columns of an atom's row at which a head's `v` begins, for x, y and z.
    pub(super) fn vector_columns(self, head: usize) -> [usize; 3] {
        [5, 6, 7].map(|section| section * self.features() + head * self.channels)
    }

    /// Columns of an arrived row, `m [F], w [3, F]`, at which a head's parts begin.
    pub(super) fn arrived_columns(self, head: usize) -> [usize; 4] {
        [0, 1, 2, 3].map(|section| section * self.features() + head * self.channels)
    }
}

/// A stretch of atoms that no edge leaves or enters, with its edges.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) atoms: Range<usize>,
    pub(super) edges: Range<usize>,
}

/// One edge, with the atoms counted from the first of the group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) target: usize,
    pub(super) source: usize,
}

/// Everything about a call but its numbers.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) sizes: Sizes,
    pub(super) groups: Vec<Group>,
    sources: RowIndex,
    by_target: Segments,
}

/// Edges after which a group is closed: enough to hide the cost of a task and of a partial gradient of the filters.
const GROUP_EDGES: usize = 2048;

/// Edges whose filters are alive at a time: their filters for one head stay in the second-level cache.
pub(super) const BLOCK_EDGES: usize = 256;

impl Plan {
    pub(super) fn new(sizes: Sizes, sources: &RowIndex, by_target: &Segments) -> Self {
        let mut groups = Vec::new();
        let mut start = 0;
        for end in closed_ends(sources, by_target) {
            let edges = by_target.range(start).start..by_target.range(end - 1).end;
            if edges.len() >= GROUP_EDGES || end == sizes.num_atoms {
                groups.push(Group {
                    atoms: start..end,
                    edges,
                });
                start = end;
            }
        }
        Self {
            sizes,
            groups,
            sources: sources.clone(),
            by_target: by_target.clone(),
        }
    }

    /// Ends of the edges of a group, in order.
    pub(super) fn ends(&self, group: &Group) -> Vec<Ends> {
        let first = group.atoms.start;
        let end = |edge: usize| Ends {
            target: self.by_target.row_segment()[edge] as usize - first,
            source: self.sources.rows()[edge] as usize - first,
        };
        group.edges.clone().map(end).collect()
    }

    /// Offsets at which the atoms' rows are cut between groups.
    pub(super) fn atom_offsets(&self) -> Vec<u32> {
        std::iter::once(0)
            .chain(self.groups.iter().map(|group| group.atoms.end as u32))
            .collect()
    }

    /// Offsets at which the edges' rows are cut between groups.
    pub(super) fn edge_offsets(&self) -> Vec<u32> {
        std::iter::once(0)
            .chain(self.groups.iter().map(|group| group.edges.end as u32))
            .collect()
    }
}

/// Atom numbers `n` such that no edge connects an atom below `n` to one at or above it, ascending.
fn closed_ends(sources: &RowIndex, by_target: &Segments) -> Vec<usize> {
    let num_atoms = by_target.len();
    let mut reach: Vec<usize> = (0..num_atoms).collect(); // the last atom that an atom's edges need
    for (target, edges) in by_target.ranges().enumerate() {
        for &source in &sources.rows()[edges] {
            let (low, high) = (target.min(source as usize), target.max(source as usize));
            reach[low] = reach[low].max(high);
        }
    }
    let mut ends = Vec::new();
    let mut last = 0;
    for (atom, &reach) in reach.iter().enumerate() {
        last = last.max(reach);
        if last == atom {
            ends.push(atom + 1);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;
    use candle_core::Device;

    #[test]
    fn stretches_end_where_no_edge_crosses() -> Result<()> {
        // 0 -> 2 encloses 1; 3 has a self loop; 4 and 5 exchange.
        let sources = RowIndex::new(vec![0, 3, 5, 4], 6, &Device::Cpu)?;
        let by_target = Segments::from_lengths(&[0, 0, 1, 1, 1, 1], &Device::Cpu)?;
        assert_eq!(closed_ends(&sources, &by_target), [3, 4, 6]);
        Ok(())
    }
}
