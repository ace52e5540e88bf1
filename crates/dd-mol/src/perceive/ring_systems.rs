//! Ring systems: the biconnected components of the bond graph.

use super::draft::{Adjacency, DraftBond};
use crate::error::PerceptionError;

/// One biconnected component with at least one ring.
pub(super) struct Component<'a> {
    /// The atom at which the search entered it.
    pub(super) entry: u32,
    /// Its bonds in the order of the search: the ring order when there is one ring only.
    pub(super) bonds: &'a mut [u32],
    pub(super) is_single_ring: bool,
}

/// A depth-first search; the memory is reused from molecule to molecule.
#[derive(Debug, Default)]
pub(super) struct SystemSearch {
    visits: Vec<Visit>,
    frames: Vec<Frame>,
    /// Bonds that belong to no finished component.
    open: Vec<u32>,
}

/// When an atom was reached, 0 for not yet, and the earliest atom that can be reached from it.
#[derive(Debug, Clone, Copy, Default)]
struct Visit {
    discovery: u32,
    low: u32,
}

#[derive(Debug)]
struct Frame {
    atom: u32,
    parent: u32,
    next: u32,
    /// Open bonds, and those among them that closed a ring, before the bond to this atom.
    open: u32,
    closing: u32,
}

impl SystemSearch {
    /// Calls `found` with the ring systems, in the order in which the search completes them.
    /// Bonds that are not `included` close no ring.
    pub(super) fn each(
        &mut self,
        adjacency: &Adjacency,
        bonds: &[DraftBond],
        included: impl Fn(&DraftBond) -> bool,
        mut found: impl FnMut(Component<'_>) -> Result<(), PerceptionError>,
    ) -> Result<(), PerceptionError> {
        let Self {
            visits,
            frames,
            open,
        } = self;
        let num_atoms = adjacency.num_atoms();
        visits.clear();
        visits.resize(num_atoms, Visit::default());
        frames.clear();
        open.clear();
        let mut time = 0;
        let mut closing = 0;
        for start in 0..num_atoms {
            if visits[start].discovery != 0 {
                continue;
            }
            time += 1;
            visits[start] = Visit {
                discovery: time,
                low: time,
            };
            frames.push(Frame {
                atom: start as u32,
                parent: u32::MAX,
                next: 0,
                open: 0,
                closing: 0,
            });
            'atoms: while let Some(frame) = frames.last_mut() {
                let atom = frame.atom as usize;
                let links = adjacency.of(atom);
                while let Some(link) = links.get(frame.next as usize) {
                    frame.next += 1;
                    let other = link.atom as usize;
                    if link.atom == frame.parent || !included(&bonds[link.bond as usize]) {
                        continue;
                    }
                    let seen = visits[other].discovery;
                    if seen == 0 {
                        time += 1;
                        visits[other] = Visit {
                            discovery: time,
                            low: time,
                        };
                        if adjacency.degree(other) == 1 {
                            continue;
                        }
                        frames.push(Frame {
                            atom: link.atom,
                            parent: atom as u32,
                            next: 0,
                            open: open.len() as u32,
                            closing,
                        });
                        open.push(link.bond);
                        continue 'atoms;
                    }
                    if seen < visits[atom].discovery {
                        open.push(link.bond);
                        closing += 1;
                        visits[atom].low = visits[atom].low.min(seen);
                    }
                }
                let low = visits[atom].low;
                let (entry, first, before) = (frame.parent, frame.open as usize, frame.closing);
                frames.pop();
                if entry == u32::MAX {
                    continue;
                }
                let parent = &mut visits[entry as usize];
                parent.low = parent.low.min(low);
                if low >= parent.discovery {
                    if closing > before {
                        found(Component {
                            entry,
                            bonds: &mut open[first..],
                            is_single_ring: closing == before + 1,
                        })?;
                    }
                    open.truncate(first);
                    closing = before;
                }
            }
        }
        Ok(())
    }
}
