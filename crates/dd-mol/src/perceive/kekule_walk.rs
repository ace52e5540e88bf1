//! The walk that gives every atom of a fused system its double bond.
//!
//! The system is walked breadth-first from its lowest atom, neighbours in the order of
//! their indices; where an atom has several partners for its double bond the choice is
//! remembered, and taken back when an atom is left without a partner. The walk follows
//! RDKit's, so that systems which turn out not to be aromatic keep the same Kekulé form.
//! Large systems in which it takes back too much are matched instead.

use std::collections::VecDeque;

use super::draft::{Draft, Link};
use super::effort::Effort;
use super::kekule_matching;
use super::kekulize::System;
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// RDKit takes back 100, and then walks in another order; fullerenes need more.
const MAX_BACKTRACKS: usize = 1_000;
/// Steps that an atom is worth when a choice is taken back.
const TAKE_BACK_STEPS: usize = 20;

/// The state of a walk; the memory is reused from molecule to molecule.
#[derive(Debug, Default)]
pub(super) struct Walk {
    queue: VecDeque<u32>,
    marks: Vec<Marks>,
    done: Vec<u32>,
    /// Choices not yet tried, the latest last.
    choices: Vec<Choice>,
    /// The partners that are left, for all choices.
    partners: Vec<Link>,
    added: Vec<u32>,
    links: Vec<Link>,
    backtracks: usize,
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks of one atom"
)]
struct Marks {
    queued: bool,
    done: bool,
    /// Still needs a double bond.
    wants: bool,
    /// Has partners that were not tried.
    has_choice: bool,
}

/// An atom, and the part of the list of partners that it has not tried.
#[derive(Debug, Clone, Copy)]
struct Choice {
    atom: u32,
    from: u32,
    to: u32,
}

impl Walk {
    pub(super) fn clear(&mut self, num_atoms: usize) {
        self.marks.clear();
        self.marks.resize(num_atoms, Marks::default());
    }

    /// Walks a system and sets double bonds. Of the `dummies` those whose bit is set in
    /// `switched_off` are left out. False when some atom stays alone.
    pub(super) fn run(
        &mut self,
        draft: &mut Draft,
        system: &System,
        dummies: &[u32],
        switched_off: u32,
        effort: &mut Effort,
    ) -> Result<bool, PerceptionError> {
        self.start(system);
        for (bit, atom) in dummies.iter().enumerate() {
            if switched_off >> bit & 1 == 1 {
                self.marks[*atom as usize].wants = false;
            }
        }
        let mut next_start = 0;
        loop {
            let current = if let Some(atom) = self.queue.pop_front() {
                self.marks[atom as usize].queued = false;
                atom
            } else {
                let open = |atom: &u32| !self.marks[*atom as usize].done;
                let Some(ahead) = system.atoms[next_start..].iter().position(open) else {
                    return Ok(true);
                };
                next_start += ahead;
                system.atoms[next_start]
            };
            self.finish_atom(current);
            let wanting = self.marks[current as usize].wants;
            let choice = match self.take_choice(current) {
                Some(choice) => choice,
                None => self.choice(draft, system, current, wanting),
            };
            if !wanting {
                continue;
            }
            if choice.from < choice.to {
                self.take_partner(draft, choice);
            } else if draft.atoms[current as usize].atomic_number != 0 {
                match self.choices.last().map(|choice| choice.atom) {
                    Some(atom) if self.backtracks < MAX_BACKTRACKS => {
                        self.backtracks += 1;
                        effort.spend(TAKE_BACK_STEPS * self.done.len())?;
                        self.take_back(draft, atom);
                        next_start = 0;
                    }
                    left => {
                        for bond in self.added.drain(..) {
                            draft.bonds[bond as usize].order = BondOrder::Single;
                        }
                        // Without a choice that is left there is no form; else there may be one.
                        let found = match left {
                            Some(_) => kekule_matching::double_bonds(draft, system, effort)?,
                            None => None,
                        };
                        for &bond in found.iter().flatten() {
                            draft.bonds[bond as usize].order = BondOrder::Double;
                        }
                        return Ok(found.is_some());
                    }
                }
            }
        }
    }

    fn start(&mut self, system: &System) {
        self.queue.clear();
        self.done.clear();
        self.choices.clear();
        self.partners.clear();
        self.added.clear();
        self.backtracks = 0;
        for atom in &system.atoms {
            self.marks[*atom as usize] = Marks {
                wants: system.wants[*atom as usize],
                ..Marks::default()
            };
        }
        for atom in &system.settled {
            self.finish_atom(*atom);
        }
    }

    fn finish_atom(&mut self, atom: u32) {
        self.marks[atom as usize].done = true;
        self.done.push(atom);
    }

    /// The partners that an atom was left with when it was visited before.
    fn take_choice(&mut self, atom: u32) -> Option<Choice> {
        if !std::mem::take(&mut self.marks[atom as usize].has_choice) {
            return None;
        }
        let at = self.choices.iter().rposition(|c| c.atom == atom)?;
        Some(self.choices.remove(at))
    }

    /// Queues the open neighbours of an atom and lists those that could share its double
    /// bond.
    fn choice(&mut self, draft: &Draft, system: &System, current: u32, wanting: bool) -> Choice {
        let is_dummy = |atom: u32| draft.atoms[atom as usize].atomic_number == 0;
        let from = self.partners.len() as u32;
        self.links.clear();
        self.links
            .extend_from_slice(draft.adjacency.of(current as usize));
        self.links.sort_unstable_by_key(|link| link.atom);
        for link in &self.links {
            let other = link.atom as usize;
            let marks = &mut self.marks[other];
            if marks.done || !system.member[other] {
                continue;
            }
            if !std::mem::replace(&mut marks.queued, true) {
                self.queue.push_back(link.atom);
            }
            if wanting
                && marks.wants
                && (draft.bonds[link.bond as usize].aromatic
                    || is_dummy(current)
                    || is_dummy(link.atom))
            {
                self.partners.push(*link);
            }
        }
        Choice {
            atom: current,
            from,
            to: self.partners.len() as u32,
        }
    }

    /// Sets the double bond to the first partner and remembers the others.
    fn take_partner(&mut self, draft: &mut Draft, choice: Choice) {
        let partner = self.partners[choice.from as usize];
        draft.bonds[partner.bond as usize].order = BondOrder::Double;
        self.marks[choice.atom as usize].wants = false;
        self.marks[partner.atom as usize].wants = false;
        self.added.push(partner.bond);
        if choice.from + 1 < choice.to {
            self.marks[choice.atom as usize].has_choice = true;
            self.choices.push(Choice {
                from: choice.from + 1,
                ..choice
            });
        }
    }

    /// Undoes everything since the choice at `atom`.
    fn take_back(&mut self, draft: &mut Draft, atom: u32) {
        let from = self
            .done
            .iter()
            .position(|done| *done == atom)
            .expect("an atom with options is done");
        for undone in self.done.drain(from..).rev() {
            let marks = &mut self.marks[undone as usize];
            marks.done = false;
            marks.queued = true;
            self.queue.push_front(undone);
        }
        let marks = &mut self.marks;
        self.added.retain(|bond| {
            let bond = &mut draft.bonds[*bond as usize];
            let ends = [bond.begin as usize, bond.end as usize];
            let keep = ends.iter().any(|end| marks[*end].done);
            if !keep {
                bond.order = BondOrder::Single;
                for end in ends {
                    marks[end].wants = true;
                }
            }
            keep
        });
        let used = self.choices.iter().map(|choice| choice.to).max();
        self.partners.truncate(used.unwrap_or(0) as usize);
    }
}
