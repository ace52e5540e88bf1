//! Kekulisation: aromatic bonds become alternating single and double bonds.
//!
//! Each fused system is walked breadth-first from its lowest atom, neighbours in the order
//! of their indices; where an atom has several partners for its double bond the choice is
//! remembered, and taken back when an atom is left without a partner. The walk follows
//! RDKit's, so that systems which turn out not to be aromatic keep the same Kekulé form.

use std::collections::VecDeque;

use super::draft::{Draft, DraftBond};
use super::fused;
use super::kekule_candidates::{becomes_single, needs_double_bond};
use super::valence::update_atom;
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// RDKit gives up after 100; fullerenes need more.
const MAX_BACKTRACKS: usize = 1_000;
/// Of more dummies in one system only so many are tried without a double bond.
const MAX_DUMMIES: usize = 10;

/// Replaces all aromatic bonds and clears the aromatic marks.
pub(crate) fn kekulize(draft: &mut Draft) -> Result<(), PerceptionError> {
    let any_aromatic = draft.atoms.iter().any(|atom| atom.aromatic)
        || draft.bonds.iter().any(DraftBond::is_aromatic);
    if !any_aromatic {
        return Ok(());
    }
    let systems = fused_systems(draft);
    let mut solver = Solver::new(draft);
    for system in systems {
        solver.solve(&system)?;
    }
    for bond in &mut draft.bonds {
        bond.aromatic = false;
    }
    for atom in 0..draft.atoms.len() {
        if draft.atoms[atom].aromatic {
            clear_atom(draft, atom)?;
        }
    }
    Ok(())
}

/// The atoms of each fused system that holds more than dummies, in ring order.
fn fused_systems(draft: &Draft) -> Vec<Vec<u32>> {
    let rings: Vec<usize> = (0..draft.rings.atoms.len())
        .filter(|ring| {
            draft.rings.atoms[*ring]
                .iter()
                .any(|atom| draft.atoms[*atom as usize].atomic_number != 0)
        })
        .collect();
    let bonds: Vec<&[u32]> = rings
        .iter()
        .map(|ring| draft.rings.bonds[*ring].as_slice())
        .collect();
    let neighbors = fused::neighbors(&bonds, draft.bonds.len(), usize::MAX, usize::MAX);
    let mut seen = vec![u32::MAX; draft.atoms.len()];
    fused::systems(&neighbors)
        .into_iter()
        .enumerate()
        .map(|(number, system)| {
            let mut atoms = Vec::new();
            for ring in system {
                for atom in &draft.rings.atoms[rings[ring as usize]] {
                    let mark = std::mem::replace(&mut seen[*atom as usize], number as u32);
                    if mark != number as u32 {
                        atoms.push(*atom);
                    }
                }
            }
            atoms
        })
        .collect()
}

/// Clears the mark of one atom; the hydrogen of a pyrrole nitrogen becomes implicit.
fn clear_atom(draft: &mut Draft, index: usize) -> Result<(), PerceptionError> {
    if draft.rings.of_atom(index).is_empty() {
        return Err(PerceptionError::AromaticOutsideRing {
            atom: draft.input_index(index),
        });
    }
    let atom = &mut draft.atoms[index];
    atom.aromatic = false;
    if matches!(atom.atomic_number, 7 | 15) && atom.charge == 0 && atom.explicit_hydrogens == 1 {
        let before = atom.total_valence();
        atom.no_implicit = false;
        atom.explicit_hydrogens = 0;
        update_atom(draft, index, false)?;
        if draft.atoms[index].total_valence() != before {
            return Err(PerceptionError::Kekulize {
                atoms: vec![draft.input_index(index)],
            });
        }
    }
    Ok(())
}

/// Solves one fused system after the other; the arrays are shared by all.
struct Solver<'a> {
    draft: &'a mut Draft,
    atoms: Vec<u32>,
    member: Vec<bool>,
    /// Atoms that need a double bond.
    wants: Vec<bool>,
    /// Dummies, which may take a double bond or not.
    optional: Vec<u32>,
    /// Atoms that are settled from the start.
    settled: Vec<u32>,
    walk: Walk,
}

impl<'a> Solver<'a> {
    fn new(draft: &'a mut Draft) -> Self {
        let num_atoms = draft.atoms.len();
        Self {
            draft,
            atoms: Vec::new(),
            member: vec![false; num_atoms],
            wants: vec![false; num_atoms],
            optional: Vec::new(),
            settled: Vec::new(),
            walk: Walk::new(num_atoms),
        }
    }

    fn solve(&mut self, atoms: &[u32]) -> Result<(), PerceptionError> {
        for atom in &self.atoms {
            self.member[*atom as usize] = false;
        }
        self.atoms.clear();
        self.atoms.extend_from_slice(atoms);
        self.atoms.sort_unstable();
        for atom in atoms {
            self.member[*atom as usize] = true;
            self.wants[*atom as usize] = false;
        }
        self.optional.clear();
        self.settled.clear();
        self.mark_candidates();
        if self.walk(0) {
            return Ok(());
        }
        // Switch off the dummies in all combinations.
        let combinations = 1_u32 << self.optional.len().min(MAX_DUMMIES);
        if (1..combinations).any(|pattern| self.walk(pattern)) {
            return Ok(());
        }
        let mut atoms: Vec<usize> = atoms
            .iter()
            .filter(|atom| self.wants[**atom as usize])
            .map(|atom| self.draft.input_index(*atom as usize))
            .collect();
        atoms.sort_unstable();
        Err(PerceptionError::Kekulize { atoms })
    }

    /// Finds the atoms that need a double bond and makes all aromatic bonds single.
    fn mark_candidates(&mut self) {
        let draft = &*self.draft;
        let relevant = |atom: &u32| {
            let atom = *atom as usize;
            draft.atoms[atom].atomic_number == 0 || draft.is_aromatic_atom(atom)
        };
        if !self.atoms.iter().any(relevant) {
            return;
        }
        let mut make_single = Vec::new();
        for atom in &self.atoms {
            let index = *atom as usize;
            if !relevant(atom) {
                self.settled.push(*atom);
                continue;
            }
            make_single.extend(
                draft
                    .adjacency
                    .of(index)
                    .iter()
                    .map(|link| link.bond)
                    .filter(|bond| becomes_single(draft, *bond)),
            );
            if draft.atoms[index].atomic_number == 0 && self.dummy_may(index) {
                self.wants[index] = true;
                self.optional.push(*atom);
            } else if needs_double_bond(draft, index) {
                self.wants[index] = true;
            }
        }
        for bond in make_single {
            self.draft.bonds[bond as usize].order = BondOrder::Single;
        }
    }

    /// A dummy may take a double bond when some neighbour and some ring of it are
    /// aromatic.
    fn dummy_may(&self, index: usize) -> bool {
        let draft = &*self.draft;
        let plain = draft
            .bonds_of(index)
            .filter(|(other, _)| {
                let atom = &draft.atoms[*other];
                atom.atomic_number != 0 && !atom.aromatic && self.member[*other]
            })
            .count();
        let rings = draft.rings.of_atom(index);
        let has_own_aromatic = |ring: &u32| {
            draft.rings.atoms[*ring as usize].iter().any(|atom| {
                let atom = *atom as usize;
                draft.is_aromatic_atom(atom) && draft.rings.of_atom(atom).len() == 1
            })
        };
        plain < rings.len() && rings.iter().any(has_own_aromatic)
    }

    /// Walks the system and sets double bonds, with the dummies of `switched_off` left
    /// out; false when some atom stays alone.
    fn walk(&mut self, switched_off: u32) -> bool {
        let mut walk = std::mem::take(&mut self.walk);
        walk.start(&self.atoms, &self.settled, &self.wants);
        for (bit, atom) in self.optional.iter().take(MAX_DUMMIES).enumerate() {
            if switched_off >> bit & 1 == 1 {
                walk.wants[*atom as usize] = false;
            }
        }
        let solved = self.run(&mut walk);
        self.walk = walk;
        solved
    }

    fn run(&mut self, walk: &mut Walk) -> bool {
        let mut next_start = 0;
        loop {
            let current = if let Some(atom) = walk.queue.pop_front() {
                walk.queued[atom as usize] = false;
                atom as usize
            } else {
                let open = |atom: &u32| !walk.is_done[*atom as usize];
                let Some(ahead) = self.atoms[next_start..].iter().position(open) else {
                    return true;
                };
                next_start += ahead;
                self.atoms[next_start] as usize
            };
            walk.finish_atom(current);
            let wanting = walk.wants[current];
            let mut options = match walk.options.iter().rposition(|(a, _)| *a == current) {
                Some(at) => walk.options.remove(at).1,
                None => self.partners(current, wanting, walk),
            };
            if !wanting {
                continue;
            }
            if let Some((partner, bond)) = options.pop_front() {
                self.draft.bonds[bond as usize].order = BondOrder::Double;
                walk.wants[current] = false;
                walk.wants[partner as usize] = false;
                walk.added.push(bond);
                if !options.is_empty() {
                    walk.options.push((current, options));
                }
            } else if self.draft.atoms[current].atomic_number != 0 {
                match walk.options.last().map(|(atom, _)| *atom) {
                    Some(atom) if walk.backtracks < MAX_BACKTRACKS => {
                        walk.backtracks += 1;
                        self.take_back(atom, walk);
                        next_start = 0;
                    }
                    _ => {
                        for bond in walk.added.drain(..) {
                            self.draft.bonds[bond as usize].order = BondOrder::Single;
                        }
                        return false;
                    }
                }
            }
        }
    }

    /// Queues the open neighbours of an atom and returns those that could share its
    /// double bond.
    fn partners(&self, current: usize, wanting: bool, walk: &mut Walk) -> VecDeque<(u32, u32)> {
        let mut partners = VecDeque::new();
        let mut links = self.draft.adjacency.of(current).to_vec();
        links.sort_unstable_by_key(|link| link.atom);
        for link in links {
            let other = link.atom as usize;
            if walk.is_done[other] || !self.member[other] {
                continue;
            }
            if !walk.queued[other] {
                walk.queued[other] = true;
                walk.queue.push_back(link.atom);
            }
            let either_dummy = self.draft.atoms[current].atomic_number == 0
                || self.draft.atoms[other].atomic_number == 0;
            if wanting
                && walk.wants[other]
                && (self.draft.bonds[link.bond as usize].aromatic || either_dummy)
            {
                partners.push_back((link.atom, link.bond));
            }
        }
        partners
    }

    /// Undoes everything since the choice at `atom`.
    fn take_back(&mut self, atom: usize, walk: &mut Walk) {
        let from = walk
            .done
            .iter()
            .position(|done| *done as usize == atom)
            .expect("an atom with options is done");
        for undone in walk.done.drain(from..).rev() {
            walk.is_done[undone as usize] = false;
            walk.queued[undone as usize] = true;
            walk.queue.push_front(undone);
        }
        let draft = &mut *self.draft;
        let (is_done, wants) = (&walk.is_done, &mut walk.wants);
        walk.added.retain(|bond| {
            let bond = &mut draft.bonds[*bond as usize];
            let ends = [bond.begin as usize, bond.end as usize];
            let keep = ends.iter().any(|end| is_done[*end]);
            if !keep {
                bond.order = BondOrder::Single;
                for end in ends {
                    wants[end] = true;
                }
            }
            keep
        });
    }
}

/// The state of one walk.
#[derive(Default)]
struct Walk {
    queue: VecDeque<u32>,
    queued: Vec<bool>,
    done: Vec<u32>,
    is_done: Vec<bool>,
    /// Atoms that still need a double bond.
    wants: Vec<bool>,
    /// Choices not yet tried, the latest last.
    options: Vec<(usize, VecDeque<(u32, u32)>)>,
    added: Vec<u32>,
    backtracks: usize,
}

impl Walk {
    fn new(num_atoms: usize) -> Self {
        Self {
            queued: vec![false; num_atoms],
            is_done: vec![false; num_atoms],
            wants: vec![false; num_atoms],
            ..Self::default()
        }
    }

    fn start(&mut self, atoms: &[u32], settled: &[u32], wants: &[bool]) {
        self.queue.clear();
        self.done.clear();
        self.options.clear();
        self.added.clear();
        self.backtracks = 0;
        for atom in atoms.iter().map(|atom| *atom as usize) {
            self.queued[atom] = false;
            self.is_done[atom] = false;
            self.wants[atom] = wants[atom];
        }
        for atom in settled {
            self.finish_atom(*atom as usize);
        }
    }

    fn finish_atom(&mut self, atom: usize) {
        self.is_done[atom] = true;
        self.done.push(atom as u32);
    }
}

#[cfg(test)]
mod tests {
    use crate::molecule::BondOrder;
    use crate::smiles::parse;

    #[test]
    fn the_walk_begins_at_the_lowest_atom() {
        // The four-membered ring of biphenylene keeps its Kekulé form.
        let double_between_rings = |smiles: &str| {
            let molecule = parse(smiles).expect("valid SMILES");
            let double = |bond: &crate::molecule::BondRef<'_>| bond.bond.order == BondOrder::Double;
            molecule.bonds().filter(double).count()
        };
        assert_eq!(double_between_rings("c1cc2c3ccccc3c2cc1C"), 2);
        assert_eq!(double_between_rings("c1ccc2c(c1)c1ccccc12"), 0);
    }
}
