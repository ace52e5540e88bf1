//! RDKit's aromaticity model: Hückel's 4n + 2 rule on rings and fused systems.
//!
//! A ring is a candidate when each of its atoms can give electrons or an empty orbital.
//! In a fused system all connected sets of one ring, then two, and so on up to six are
//! tried; of a set that obeys the rule the bonds of its outline become aromatic.

use super::draft::Draft;
use super::effort::Effort;
use super::fused::{Fused, Subsets};
use super::radicals::pi_electrons;
use super::ring_index::Rings;
use crate::element::{Element, more_electronegative};
use crate::error::PerceptionError;
use crate::molecule::BondOrder;
use crate::rows::Rows;

/// Largest ring that is considered fused (a little more than a porphyrin's outline).
const MAX_FUSED_RING: usize = 24;
/// Largest number of fused rings that are tried together.
const MAX_FUSED_RINGS: usize = 6;
/// Neutral oxygen or sulfur gives electrons in such a ring or a smaller one only: oxonine
/// and thionine (nine atoms, ten electrons) are not aromatic, azonine is.
const MAX_CHALCOGEN_RING: usize = 8;
/// In larger systems only single rings and pairs are tried.
const MAX_SYSTEM: usize = 300;

/// What an atom contributes to a pi system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Donor {
    Vacant,
    One,
    Two,
    Any,
    None,
}

/// Memory for the model, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct Aromaticity {
    donors: Vec<Option<Donor>>,
    /// Rings all of whose atoms can be aromatic.
    candidates: Vec<u32>,
    fused: Fused,
    subsets: Subsets,
    marks: Marks,
}

impl Aromaticity {
    /// Marks the aromatic atoms and bonds.
    ///
    /// # Errors
    /// When the rings are too entangled.
    pub(crate) fn set(
        &mut self,
        draft: &mut Draft,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        self.find_candidates(draft);
        if self.candidates.is_empty() {
            return Ok(());
        }
        let rings = &draft.rings;
        let bonds = self.candidates.iter();
        self.fused.find(
            bonds.map(|ring| rings.bonds.row(*ring as usize)),
            draft.bonds.len(),
            MAX_FUSED_RING,
            1,
            effort,
        )?;
        self.marks.clear(draft.atoms.len(), draft.bonds.len());
        let mut search = Search {
            rings,
            candidates: &self.candidates,
            donors: &self.donors,
            marks: &mut self.marks,
        };
        for system in self.fused.systems.iter() {
            search.system(system, &self.fused.neighbors, &mut self.subsets, effort)?;
        }
        for (bond, _) in (draft.bonds.iter_mut().zip(&self.marks.bonds)).filter(|(_, done)| **done)
        {
            bond.aromatic = true;
            if matches!(bond.order, BondOrder::Single | BondOrder::Double) {
                bond.order = BondOrder::Aromatic;
                draft.atoms[bond.begin as usize].aromatic = true;
                draft.atoms[bond.end as usize].aromatic = true;
            }
        }
        Ok(())
    }

    fn find_candidates(&mut self, draft: &Draft) {
        self.donors.clear();
        self.donors.resize(draft.atoms.len(), None);
        self.candidates.clear();
        for (index, ring) in draft.rings.atoms.iter().enumerate() {
            let mut all = true;
            let mut only_dummies = true;
            for atom in ring {
                let atom = *atom as usize;
                only_dummies &= draft.atoms[atom].atomic_number == 0;
                let donor = *self.donors[atom].get_or_insert_with(|| candidate_donor(draft, atom));
                all &= donor != Donor::None;
            }
            if all && !only_dummies {
                self.candidates.push(index as u32);
            }
        }
    }
}

/// What was found aromatic, and counters that are zero between uses.
#[derive(Debug, Default)]
struct Marks {
    counts: Vec<u8>,
    bonds: Vec<bool>,
}

impl Marks {
    fn clear(&mut self, num_atoms: usize, num_bonds: usize) {
        self.counts.clear();
        self.counts.resize(num_atoms.max(num_bonds), 0);
        self.bonds.clear();
        self.bonds.resize(num_bonds, false);
    }
}

struct Search<'a> {
    rings: &'a Rings,
    candidates: &'a [u32],
    donors: &'a [Option<Donor>],
    marks: &'a mut Marks,
}

impl<'a> Search<'a> {
    fn system(
        &mut self,
        system: &[u32],
        neighbors: &Rows,
        subsets: &mut Subsets,
        effort: &mut Effort,
    ) -> Result<(), PerceptionError> {
        for size in 1..=system.len().min(MAX_FUSED_RINGS) {
            let all_done = size > 1
                && system.iter().all(|ring| {
                    let mut bonds = self.bonds(*ring).iter();
                    bonds.all(|bond| self.marks.bonds[*bond as usize])
                });
            if all_done || (size > 2 && system.len() > MAX_SYSTEM) {
                break;
            }
            if size == 1 {
                for ring in system {
                    self.try_rings(&[*ring]);
                }
            } else {
                subsets.each(system, neighbors, size, effort, &mut |rings: &[u32]| {
                    self.try_rings(rings);
                })?;
            }
        }
        Ok(())
    }

    fn atoms(&self, candidate: u32) -> &'a [u32] {
        let ring = self.candidates[candidate as usize];
        self.rings.atoms.row(ring as usize)
    }

    fn bonds(&self, candidate: u32) -> &'a [u32] {
        let ring = self.candidates[candidate as usize];
        self.rings.bonds.row(ring as usize)
    }

    fn try_rings(&mut self, rings: &[u32]) {
        if !self.obeys_rule(rings) {
            return;
        }
        for ring in rings {
            for bond in self.bonds(*ring) {
                self.marks.counts[*bond as usize] += 1;
            }
        }
        for ring in rings {
            for bond in self.bonds(*ring) {
                // Only the outline: bonds that belong to one of the rings.
                if std::mem::take(&mut self.marks.counts[*bond as usize]) == 1 {
                    self.marks.bonds[*bond as usize] = true;
                }
            }
        }
    }

    /// Hückel's rule on the atoms that belong to one or two of the rings.
    fn obeys_rule(&mut self, rings: &[u32]) -> bool {
        for ring in rings {
            for atom in self.atoms(*ring) {
                self.marks.counts[*atom as usize] += 1;
            }
        }
        let (mut fewest, mut most, mut any) = (0, 0, 0);
        for ring in rings {
            for atom in self.atoms(*ring) {
                let count = std::mem::take(&mut self.marks.counts[*atom as usize]);
                if count != 1 && count != 2 {
                    continue;
                }
                let (low, high) = match self.donors[*atom as usize] {
                    Some(Donor::Any) => {
                        any += 1;
                        (1, 2)
                    }
                    Some(Donor::One) => (1, 1),
                    Some(Donor::Two) => (2, 2),
                    _ => (0, 0),
                };
                fewest += low;
                most += high;
            }
        }
        if any > 1 {
            return false;
        }
        if most >= 6 {
            (fewest..=most).any(|electrons: i32| (electrons - 2) % 4 == 0)
        } else {
            most == 2
        }
    }
}

/// The donor type of an atom, [`Donor::None`] when it cannot be aromatic.
fn candidate_donor(draft: &Draft, index: usize) -> Donor {
    let donor = donor_type(draft, index);
    if donor != Donor::None && is_candidate(draft, index) {
        donor
    } else {
        Donor::None
    }
}

fn is_candidate(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    if atom.atomic_number > 18 && !matches!(atom.atomic_number, 34 | 52) {
        return false;
    }
    if matches!(atom.atomic_number, 8 | 16) && atom.charge == 0 {
        let size = |ring: &u32| draft.rings.atoms.row(*ring as usize).len();
        let rings = draft.rings.of_atom(index);
        if rings.iter().all(|ring| size(ring) > MAX_CHALCOGEN_RING) {
            return false;
        }
    }
    if atom.element().default_valence() > 0 {
        let effective = i32::from(atom.atomic_number) - atom.charge;
        let allowed = Element::of(effective.clamp(0, 118) as u8).default_valence();
        if atom.total_valence() > allowed {
            return false;
        }
    }
    if atom.radicals != 0 && (atom.atomic_number != 6 || atom.charge != 0) {
        return false;
    }
    let unsaturation = atom.explicit_valence - draft.degree(index) as i32;
    unsaturation <= 1
        || draft
            .bonds_of(index)
            .filter(|(_, bond)| matches!(bond.order, BondOrder::Double | BondOrder::Triple))
            .count()
            <= 1
}

fn donor_type(draft: &Draft, index: usize) -> Donor {
    let multiple = |in_ring: bool| {
        draft
            .adjacency
            .of(index)
            .iter()
            .find(|link| {
                let bond = link.bond as usize;
                draft.rings.has_bond(bond) == in_ring && draft.bonds[bond].twice_valence(index) >= 4
            })
            .map(|link| link.atom as usize)
    };
    let atom = &draft.atoms[index];
    if atom.atomic_number == 0 {
        return if multiple(true).is_some() {
            Donor::One
        } else {
            Donor::Any
        };
    }
    let steals =
        |other: usize| more_electronegative(draft.atoms[other].atomic_number, atom.atomic_number);
    let electrons = pi_electrons(draft, index);
    match electrons {
        0 if multiple(false).is_some() => Donor::Vacant,
        0 if multiple(true).is_some() => Donor::One,
        ..=0 => Donor::None,
        1 => match multiple(false) {
            Some(other) if steals(other) => Donor::Vacant,
            Some(_) => Donor::One,
            None if has_multiple_bond(draft, index) => Donor::One,
            // The tropylium and cyclopropenyl cations.
            None if atom.charge == 1 => Donor::Vacant,
            None => Donor::None,
        },
        _ => {
            let left = electrons - i32::from(multiple(false).is_some_and(steals));
            if left % 2 == 1 {
                Donor::One
            } else {
                Donor::Two
            }
        }
    }
}

fn has_multiple_bond(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    let counted = draft
        .bonds_of(index)
        .filter(|(_, bond)| bond.twice_valence(index) > 0)
        .count() as i32;
    atom.explicit_valence != counted + atom.explicit_hydrogens as i32
}

#[cfg(test)]
mod tests {
    use crate::smiles::parse;

    fn check(smiles: &str, aromatic: usize) {
        let molecule = parse(smiles).expect("valid SMILES");
        let found = molecule.atoms().filter(|atom| atom.is_aromatic).count();
        assert_eq!(found, aromatic, "{smiles}");
    }

    #[test]
    fn known_systems() {
        check("C1=CC=CC=C1", 6);
        check("C1=CC=CC1", 0);
        check("C1=CC=CN1", 5);
        check("c1ccc1", 0);
        check("c1ccccccc1", 0);
        check("C1=CC2=CC=CC2=C1", 0);
        check("c1ccc2cccc2cc1", 10);
        check("C1=CC=C[CH+]C=C1", 7);
        check("O=C1C=CC=CN1", 6);
        check("O=C1C=CC(=O)C=C1", 0);
        check("c1cc2ccc3cccc4ccc(c1)c2c34", 16);
    }

    #[test]
    fn an_atom_inside_the_outline_stays_as_it_is() {
        // Two atoms of the vinylene bridge are on no outline.
        check("C1=CC=CC2=C1C1=CC=C(C=C1)C=CC1=CC=C2C=C1", 18);
    }

    #[test]
    fn oxygen_and_sulfur_close_no_large_aromatic_ring() {
        check("C1=CC=CNC=CC=C1", 9);
        check("C1=CC=COC=CC=C1", 0);
        check("C1=CC=CSC=CC=C1", 0);
        check("C1=CC=C[Se]C=CC=C1", 9);
        check("C1=CC=C[OH+]C=CC=C1", 9);
        check("C1=CSSC=CC=C1", 8);
        check("C1=CC=CC=CC=CC=CC=CO1", 0);
        check("C1=COC=C2C=CC=C12", 9);
    }
}
