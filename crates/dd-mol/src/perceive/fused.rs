//! Fused ring systems: rings that share bonds.

use super::effort::Effort;
use crate::error::PerceptionError;
use crate::rows::Rows;

/// Steps that a pair of neighbours is worth: its memory is what they limit.
const PAIR_STEPS: usize = 100;

/// Some of a molecule's rings, which of them are neighbours, and the systems they form;
/// the memory is reused from molecule to molecule.
#[derive(Debug, Default)]
pub(super) struct Fused {
    /// Neighbours of each ring, ascending.
    pub(super) neighbors: Rows,
    /// The connected systems, each in the order of a depth-first walk.
    pub(super) systems: Rows,
    /// Last entry of each bond; an entry names a ring and the entry before.
    last: Vec<u32>,
    entries: Vec<(u32, u32)>,
    shared: Vec<u32>,
    touched: Vec<u32>,
    pairs: Vec<(u32, u32)>,
    done: Vec<bool>,
    stack: Vec<(u32, usize)>,
}

impl Fused {
    /// Finds neighbours and systems of rings, given by their bonds. Neighbours share at
    /// least one bond and at most `max_overlap`; rings above `max_size` have none.
    pub(super) fn find<'a>(
        &mut self,
        rings: impl ExactSizeIterator<Item = &'a [u32]>,
        num_bonds: usize,
        max_size: usize,
        max_overlap: u32,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        let num_rings = rings.len();
        self.pairs.clear();
        if num_rings > 1 {
            self.find_pairs(rings, num_bonds, max_size, max_overlap, effort)?;
        }
        // The pairs ascend by their second ring, then by their first, and so do the rows.
        let pairs = self.pairs.iter();
        let both = pairs.flat_map(|(first, second)| [(*second, *first), (*first, *second)]);
        self.neighbors.fill(num_rings, both);
        self.find_systems(num_rings);
        Ok(())
    }

    fn find_pairs<'a>(
        &mut self,
        rings: impl ExactSizeIterator<Item = &'a [u32]>,
        num_bonds: usize,
        max_size: usize,
        max_overlap: u32,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        self.last.clear();
        self.last.resize(num_bonds, u32::MAX);
        self.shared.clear();
        self.shared.resize(rings.len(), 0);
        self.entries.clear();
        for (index, ring) in rings.enumerate() {
            if ring.len() > max_size {
                continue;
            }
            self.touched.clear();
            let mut steps = 0;
            for bond in ring {
                let last = &mut self.last[*bond as usize];
                let mut at = *last;
                while let Some((other, before)) = self.entries.get(at as usize) {
                    steps += 2;
                    if self.shared[*other as usize] == 0 {
                        self.touched.push(*other);
                    }
                    self.shared[*other as usize] += 1;
                    at = *before;
                }
                self.entries.push((index as u32, *last));
                *last = self.entries.len() as u32 - 1;
            }
            effort.spend(steps + PAIR_STEPS * self.touched.len())?;
            self.touched.sort_unstable();
            for other in &self.touched {
                let overlap = std::mem::take(&mut self.shared[*other as usize]);
                if overlap <= max_overlap {
                    self.pairs.push((*other, index as u32));
                }
            }
        }
        Ok(())
    }

    fn find_systems(&mut self, num_rings: usize) {
        self.systems.clear();
        self.done.clear();
        self.done.resize(num_rings, false);
        for start in 0..num_rings as u32 {
            if std::mem::replace(&mut self.done[start as usize], true) {
                continue;
            }
            self.systems.push(start);
            self.stack.push((start, 0));
            while let Some((ring, next)) = self.stack.last_mut() {
                let Some(other) = self.neighbors.row(*ring as usize).get(*next) else {
                    self.stack.pop();
                    continue;
                };
                *next += 1;
                if !std::mem::replace(&mut self.done[*other as usize], true) {
                    self.systems.push(*other);
                    self.stack.push((*other, 0));
                }
            }
            self.systems.close();
        }
    }
}

/// Steps that one ring of a set is worth.
const SET_STEPS: usize = 40;

/// The enumeration of connected sets of rings (ESU of S. Wernicke, IEEE/ACM Trans.
/// Comput. Biol. Bioinform. 3 (2006) 347).
#[derive(Debug, Default)]
pub(super) struct Subsets {
    subset: Vec<u32>,
    /// Rings that may extend the subset, one list per level.
    extensions: Vec<u32>,
    reached: Vec<bool>,
}

impl Subsets {
    /// Calls `visit` with every connected set of exactly `size` rings of a system, once.
    ///
    /// # Errors
    /// When the effort is spent: the sets can be exponentially many.
    pub(super) fn each(
        &mut self,
        system: &[u32],
        neighbors: &Rows,
        size: usize,
        effort: &mut Effort,
        visit: &mut impl FnMut(&[u32]),
    ) -> Result<(), PerceptionError> {
        self.subset.clear();
        self.extensions.clear();
        self.reached.clear();
        self.reached.resize(neighbors.len(), false);
        for root in system {
            self.subset.push(*root);
            self.reached[*root as usize] = true;
            let later = neighbors.row(*root as usize).iter().filter(|o| *o > root);
            for other in later {
                self.extensions.push(*other);
                self.reached[*other as usize] = true;
            }
            self.extend(0, *root, neighbors, size, effort, visit)?;
            for other in self.extensions.drain(..) {
                self.reached[other as usize] = false;
            }
            self.reached[*root as usize] = false;
            self.subset.pop();
        }
        Ok(())
    }

    /// One level, whose extensions begin at `from`; the depth is at most `size`.
    fn extend(
        &mut self,
        from: usize,
        root: u32,
        neighbors: &Rows,
        size: usize,
        effort: &mut Effort,
        visit: &mut impl FnMut(&[u32]),
    ) -> Result<(), PerceptionError> {
        if self.subset.len() == size {
            effort.spend(SET_STEPS * size)?;
            visit(&self.subset);
            return Ok(());
        }
        let end = self.extensions.len();
        for at in from..end {
            let ring = self.extensions[at];
            effort.spend(end - at + neighbors.row(ring as usize).len())?;
            self.extensions.extend_from_within(at + 1..end);
            let own = self.extensions.len();
            for other in neighbors.row(ring as usize) {
                if *other > root && !std::mem::replace(&mut self.reached[*other as usize], true) {
                    self.extensions.push(*other);
                }
            }
            self.subset.push(ring);
            self.extend(end, root, neighbors, size, effort, visit)?;
            self.subset.pop();
            for other in self.extensions.drain(own..) {
                self.reached[other as usize] = false;
            }
            self.extensions.truncate(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connected_subset_once() {
        // Four rings in a row share bonds 1, 3 and 5.
        let rings: [&[u32]; 4] = [&[0, 1], &[1, 2, 3], &[3, 4, 5], &[5, 6]];
        let mut fused = Fused::default();
        let mut effort = Effort::new(1_000_000);
        let found = fused.find(rings.into_iter(), 7, 3, 1, &mut effort);
        assert!(found.is_ok());
        let neighbors: Vec<&[u32]> = fused.neighbors.iter().collect();
        assert_eq!(neighbors, [&[1][..], &[0, 2], &[1, 3], &[2]]);
        assert_eq!(fused.systems.iter().collect::<Vec<_>>(), [[0, 1, 2, 3]]);
        let mut subsets = Subsets::default();
        for (size, expected) in [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)] {
            let mut found = Vec::new();
            let mut visit = |subset: &[u32]| {
                let mut subset = subset.to_vec();
                subset.sort_unstable();
                found.push(subset);
            };
            let done = subsets.each(
                &[0, 1, 2, 3],
                &fused.neighbors,
                size,
                &mut effort,
                &mut visit,
            );
            assert!(done.is_ok());
            found.sort();
            found.dedup();
            assert_eq!(found.len(), expected, "size {size}");
        }
    }
}
