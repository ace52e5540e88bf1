//! Which atoms, pairs and edges form one unit of work, and how a head's numbers are laid out in it.

use std::ops::Range;

use crate::error::{KernelError, Result};
use crate::{RowIndex, Segments};

/// Channels are padded to a multiple of this, so that inner loops have no remainder.
pub(super) const PANEL: usize = 16;

/// Edges after which a group is closed: enough to hide the cost of a task and of a partial gradient of the filters, few
/// enough for a head's records to stay in the second-level cache.
const GROUP_EDGES: usize = 2048;

/// Pairs whose filters are alive at a time: for one head they stay in the second-level cache.
pub(super) const BLOCK_PAIRS: usize = 128;

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

    /// Channels of a head with padding.
    pub(super) fn padded(self) -> usize {
        self.channels.next_multiple_of(PANEL)
    }

    /// Numbers of an atom that a head reads: `q, k, s, a, b, v_x, v_y, v_z`, padded.
    pub(super) fn record(self) -> usize {
        8 * self.padded()
    }

    /// Numbers that arrive at an atom's head: `m, w_x, w_y, w_z`, padded.
    pub(super) fn arrival(self) -> usize {
        4 * self.padded()
    }

    /// Filters of a pair for one head: `dk`, then `dv` of `s`, `a` and `b`, padded.
    pub(super) fn filters(self) -> usize {
        4 * self.padded()
    }
}

/// A stretch of atoms that no edge leaves or enters, with its edges and pairs.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) atoms: Range<usize>,
    pub(super) pairs: Range<usize>,
}

/// One edge, with the atoms counted from the first of the group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) target: usize,
    pub(super) source: usize,
    pub(super) edge: usize,
}

/// Everything about a call but its numbers.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) sizes: Sizes,
    pub(super) groups: Vec<Group>,
    sources: RowIndex,
    by_target: Segments,
    pairs: RowIndex,
}

impl Plan {
    pub(super) fn new(
        sizes: Sizes,
        sources: &RowIndex,
        by_target: &Segments,
        pairs: RowIndex,
    ) -> Result<Self> {
        let mut groups = Vec::new();
        let (mut first_atom, mut first_pair) = (0, 0);
        for end in closed_ends(sources, by_target) {
            let edges = by_target.range(first_atom).start..by_target.range(end - 1).end;
            if edges.len() < GROUP_EDGES && end != sizes.num_atoms {
                continue;
            }
            let within = &pairs.rows()[edges];
            let end_pair = within.iter().max().map_or(first_pair, |&p| p as usize + 1);
            if within.iter().any(|&pair| (pair as usize) < first_pair) {
                return Err(KernelError::Shape {
                    name: "et_message: pairs",
                    expected: "numbered in the order of the molecules of their edges".to_string(),
                    got: vec![first_pair],
                });
            }
            groups.push(Group {
                atoms: first_atom..end,
                pairs: first_pair..end_pair,
            });
            (first_atom, first_pair) = (end, end_pair);
        }
        Ok(Self {
            sizes,
            groups,
            sources: sources.clone(),
            by_target: by_target.clone(),
            pairs,
        })
    }

    /// Edges of the pairs of a group: of pair `i` those from `offsets[i]` to `offsets[i + 1]`.
    pub(super) fn links(&self, group: &Group) -> (Vec<usize>, Vec<Link>) {
        let first = group.atoms.start;
        let (mut offsets, mut links) = (vec![0], Vec::new());
        for pair in group.pairs.clone() {
            let edges = self.pairs.positions_of(pair).iter();
            links.extend(edges.map(|&edge| Link {
                target: self.by_target.row_segment()[edge as usize] as usize - first,
                source: self.sources.rows()[edge as usize] as usize - first,
                edge: edge as usize,
            }));
            offsets.push(links.len());
        }
        (offsets, links)
    }

    /// Edges of a group.
    pub(super) fn edges(&self, group: &Group) -> Range<usize> {
        let atoms = &group.atoms;
        if atoms.is_empty() {
            return 0..0;
        }
        self.by_target.range(atoms.start).start..self.by_target.range(atoms.end - 1).end
    }

    /// Number of pairs.
    pub(super) fn num_pairs(&self) -> usize {
        self.pairs.num_sources()
    }

    /// Number of edges.
    pub(super) fn num_edges(&self) -> usize {
        self.pairs.len()
    }

    /// Offsets at which a range of each group is cut.
    pub(super) fn offsets(&self, end: impl Fn(&Group) -> usize) -> Vec<u32> {
        let ends = self.groups.iter().map(|group| end(group) as u32);
        std::iter::once(0).chain(ends).collect()
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
