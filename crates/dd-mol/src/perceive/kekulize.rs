//! Kekulisation: aromatic bonds become alternating single and double bonds.
//!
//! Each fused system is solved on its own. Dummies may take a double bond or not; where
//! the system has no solution with all of them, the combinations are tried.

use super::draft::{Draft, DraftBond};
use super::effort::Effort;
use super::fused::Fused;
use super::kekule_candidates::{becomes_single, needs_double_bond};
use super::kekule_walk::Walk;
use super::valence::update_atom;
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// Of more dummies in one system only so many are tried without a double bond.
const MAX_DUMMIES: usize = 10;
/// Steps that the visit of an atom is worth.
const WALK_STEPS: usize = 20;

/// Memory for the solution, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct Kekulizer {
    /// Rings that hold more than dummies.
    rings: Vec<u32>,
    fused: Fused,
    system: System,
    walk: Walk,
}

impl Kekulizer {
    /// Replaces all aromatic bonds and clears the aromatic marks.
    pub(crate) fn run(
        &mut self,
        draft: &mut Draft,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        let any_aromatic = draft.atoms.iter().any(|atom| atom.aromatic)
            || draft.bonds.iter().any(DraftBond::is_aromatic);
        if !any_aromatic {
            return Ok(());
        }
        self.find_systems(draft, effort)?;
        self.system.clear(draft.atoms.len());
        self.walk.clear(draft.atoms.len());
        for rings in self.fused.systems.iter() {
            let rings = rings.iter().map(|ring| self.rings[*ring as usize]);
            self.system.load(draft, rings);
            self.system.solve(draft, &mut self.walk, effort)?;
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

    fn find_systems(&mut self, draft: &Draft, effort: &mut Effort) -> Result<(), PerceptionError> {
        let more_than_dummies = |ring: &[u32]| {
            ring.iter()
                .any(|atom| draft.atoms[*atom as usize].atomic_number != 0)
        };
        self.rings.clear();
        let rings = draft.rings.atoms.iter().enumerate();
        self.rings.extend(
            rings
                .filter(|(_, atoms)| more_than_dummies(atoms))
                .map(|(ring, _)| ring as u32),
        );
        let bonds = self.rings.iter();
        self.fused.find(
            bonds.map(|ring| draft.rings.bonds.row(*ring as usize)),
            draft.bonds.len(),
            usize::MAX,
            u32::MAX,
            effort,
        )
    }
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

/// One fused system.
#[derive(Debug, Default)]
pub(super) struct System {
    /// Its atoms, ascending.
    pub(super) atoms: Vec<u32>,
    pub(super) member: Vec<bool>,
    /// Atoms that need a double bond.
    pub(super) wants: Vec<bool>,
    /// Atoms that are settled from the start.
    pub(super) settled: Vec<u32>,
    /// Dummies, which may take a double bond or not, in the order of the rings.
    optional: Vec<u32>,
    make_single: Vec<u32>,
    /// Place of each atom in the order of the rings.
    place: Vec<u32>,
}

impl System {
    fn clear(&mut self, num_atoms: usize) {
        self.atoms.clear();
        self.member.clear();
        self.member.resize(num_atoms, false);
        self.wants.clear();
        self.wants.resize(num_atoms, false);
        self.place.clear();
        self.place.resize(num_atoms, 0);
    }

    /// Takes over the atoms of the next system.
    fn load(&mut self, draft: &Draft, rings: impl Iterator<Item = u32>) {
        for atom in self.atoms.drain(..) {
            self.member[atom as usize] = false;
        }
        for atom in rings.flat_map(|ring| draft.rings.atoms.row(ring as usize)) {
            let index = *atom as usize;
            if !std::mem::replace(&mut self.member[index], true) {
                self.wants[index] = false;
                self.place[index] = self.atoms.len() as u32;
                self.atoms.push(*atom);
            }
        }
        self.atoms.sort_unstable();
        self.optional.clear();
        self.settled.clear();
    }

    fn solve(
        &mut self,
        draft: &mut Draft,
        walk: &mut Walk,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        if !self.mark_candidates(draft) || walk.run(draft, self, &[], 0, effort)? {
            return Ok(());
        }
        // Switch off the dummies in all combinations.
        let dummies = &self.optional[..self.optional.len().min(MAX_DUMMIES)];
        let combinations = 1_u32 << dummies.len();
        for pattern in 1..combinations {
            effort.spend(WALK_STEPS * self.atoms.len())?;
            if walk.run(draft, self, dummies, pattern, effort)? {
                return Ok(());
            }
        }
        let mut atoms: Vec<usize> = self
            .atoms
            .iter()
            .filter(|atom| self.wants[**atom as usize])
            .map(|atom| draft.input_index(*atom as usize))
            .collect();
        atoms.sort_unstable();
        Err(PerceptionError::Kekulize { atoms })
    }

    /// Finds the atoms that need a double bond and makes all aromatic bonds single; false
    /// when no atom needs one.
    fn mark_candidates(&mut self, draft: &mut Draft) -> bool {
        let relevant = |atom: &u32| {
            let atom = *atom as usize;
            draft.atoms[atom].atomic_number == 0 || draft.is_aromatic_atom(atom)
        };
        let mut any = false;
        for atom in &self.atoms {
            let index = *atom as usize;
            if !relevant(atom) {
                self.settled.push(*atom);
                continue;
            }
            let bonds = draft.adjacency.of(index).iter().map(|link| link.bond);
            self.make_single
                .extend(bonds.filter(|bond| becomes_single(draft, *bond)));
            if draft.atoms[index].atomic_number == 0 && self.dummy_may(draft, index) {
                self.wants[index] = true;
                self.optional.push(*atom);
            } else if needs_double_bond(draft, index) {
                self.wants[index] = true;
            }
            any |= self.wants[index];
        }
        for bond in self.make_single.drain(..) {
            draft.bonds[bond as usize].order = BondOrder::Single;
        }
        let place = &self.place;
        self.optional.sort_by_key(|atom| place[*atom as usize]);
        any
    }

    /// A dummy may take a double bond when some neighbour and some ring of it are
    /// aromatic. As in RDKit, neighbours count that the rings name before it.
    fn dummy_may(&self, draft: &Draft, index: usize) -> bool {
        let plain = draft
            .bonds_of(index)
            .filter(|(other, _)| {
                let atom = &draft.atoms[*other];
                let is_before = self.member[*other] && self.place[*other] < self.place[index];
                atom.atomic_number != 0 && !draft.is_aromatic_atom(*other) && is_before
            })
            .count();
        let rings = draft.rings.of_atom(index);
        let has_own_aromatic = |ring: &u32| {
            draft.rings.atoms.row(*ring as usize).iter().any(|atom| {
                let atom = *atom as usize;
                draft.is_aromatic_atom(atom) && draft.rings.of_atom(atom).len() == 1
            })
        };
        plain < rings.len() && rings.iter().any(has_own_aromatic)
    }
}

#[cfg(test)]
mod tests {
    use crate::molecule::BondOrder;
    use crate::smiles::parse;

    #[test]
    fn dummies_look_at_what_the_rings_name_before_them() {
        let doubles = |smiles: &str| {
            let molecule = parse(smiles).expect("valid SMILES");
            let double = |bond: &crate::molecule::BondRef<'_>| bond.bond.order == BondOrder::Double;
            let ends = |bond: crate::molecule::BondRef<'_>| (bond.begin, bond.end);
            molecule
                .bonds()
                .filter(double)
                .map(ends)
                .collect::<Vec<_>>()
        };
        assert_eq!(doubles("*1*ccC1"), [(0, 1), (2, 3)]);
        assert_eq!(doubles("*1cccC1"), [(0, 1), (2, 3)]);
        assert_eq!(doubles("*1cc*2ccc*C2c1"), [(1, 2), (3, 4), (5, 6)]);
    }

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
