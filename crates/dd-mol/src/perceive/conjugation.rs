//! Conjugation of bonds and hybridisation of atoms.

use super::draft::Draft;
use super::radicals::pi_electrons;
use crate::molecule::{BondOrder, ChiralTag, Hybridization, NonTetrahedral};

/// Memory for the search, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct Conjugation {
    /// Whether each atom can conjugate, where that was asked.
    candidates: Vec<Option<bool>>,
    /// Whether each atom has a bond that is more than single.
    has_multiple: Vec<bool>,
}

impl Conjugation {
    /// Marks conjugated bonds: aromatic ones, and multiple bonds with the bonds beside
    /// them when the next atom has pi electrons too.
    pub(crate) fn set(&mut self, draft: &mut Draft) {
        self.candidates.clear();
        self.candidates.resize(draft.atoms.len(), None);
        self.has_multiple.clear();
        self.has_multiple.resize(draft.atoms.len(), false);
        for bond in &mut draft.bonds {
            bond.conjugated = bond.aromatic;
            for atom in [bond.begin as usize, bond.end as usize] {
                self.has_multiple[atom] |= bond.twice_valence(atom) >= 3;
            }
        }
        for atom in 0..draft.atoms.len() {
            if self.has_multiple[atom] {
                self.mark_around(draft, atom);
            }
        }
    }

    fn is_candidate(&mut self, draft: &Draft, atom: usize) -> bool {
        *self.candidates[atom].get_or_insert_with(|| is_candidate(draft, atom))
    }

    fn mark_around(&mut self, draft: &mut Draft, atom: usize) {
        if !(2..=3).contains(&draft.total_degree(atom)) || !self.is_candidate(draft, atom) {
            return;
        }
        let degree = draft.degree(atom);
        for first in 0..degree {
            let link = draft.adjacency.of(atom)[first];
            let multiple = link.bond as usize;
            if draft.bonds[multiple].twice_valence(atom) < 3
                || !self.is_candidate(draft, link.atom as usize)
            {
                continue;
            }
            for second in (0..degree).filter(|second| *second != first) {
                let link = draft.adjacency.of(atom)[second];
                let neighbor = link.atom as usize;
                if draft.total_degree(neighbor) <= 3 && self.is_candidate(draft, neighbor) {
                    draft.bonds[multiple].conjugated = true;
                    draft.bonds[link.bond as usize].conjugated = true;
                }
            }
        }
    }
}

/// Neutral atoms beyond their lowest valence do not conjugate, nor do elements beyond
/// the first row that have lone pairs (groups 15 and 16), except when terminal.
fn is_candidate(draft: &Draft, index: usize) -> bool {
    let atom = &draft.atoms[index];
    let lowest = atom.element().default_valence();
    if atom.charge == 0 && lowest >= 0 && atom.total_valence() > lowest {
        return false;
    }
    let outer = atom.element().outer_electrons;
    (atom.atomic_number <= 10
        || (outer != 5 && outer != 6)
        || (outer == 6 && draft.total_degree(index) < 2))
        && pi_electrons(draft, index) > 0
}

/// Assigns hybridisation from bonds and lone pairs.
pub(crate) fn set_hybridization(draft: &mut Draft) {
    for atom in 0..draft.atoms.len() {
        draft.atoms[atom].hybridization = hybridization(draft, atom);
    }
}

fn hybridization(draft: &Draft, index: usize) -> Hybridization {
    let atom = &draft.atoms[index];
    if atom.atomic_number == 0 {
        return Hybridization::Unspecified;
    }
    let degree = draft.total_degree(index);
    let by_tag = match atom.tag {
        ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw if degree == 4 => {
            Some(Hybridization::Sp3)
        }
        ChiralTag::NonTetrahedral(class, _) => orbitals_of(class, degree),
        _ => None,
    };
    if let Some(known) = by_tag {
        return known;
    }
    let orbitals = if atom.atomic_number < 89 {
        bonds_plus_lone_pairs(draft, index)
    } else {
        degree
    };
    match orbitals {
        0 | 1 => Hybridization::S,
        2 => Hybridization::Sp,
        3 => Hybridization::Sp2,
        4 => {
            let conjugated = draft.bonds_of(index).any(|(_, bond)| bond.conjugated);
            if degree > 3 || !conjugated {
                Hybridization::Sp3
            } else {
                Hybridization::Sp2
            }
        }
        5 => Hybridization::Sp3d,
        6 => Hybridization::Sp3d2,
        _ => Hybridization::Unspecified,
    }
}

fn bonds_plus_lone_pairs(draft: &Draft, index: usize) -> i32 {
    let atom = &draft.atoms[index];
    let silent = draft
        .bonds_of(index)
        .filter(|(_, bond)| {
            bond.order == BondOrder::Zero
                || (bond.order == BondOrder::Dative && bond.end as usize != index)
        })
        .count() as i32;
    let degree = draft.total_degree(index) - silent;
    if atom.atomic_number <= 1 {
        return degree;
    }
    let outer = atom.element().outer_electrons;
    let valence = atom.total_valence();
    let free = outer - (valence + atom.charge);
    if valence + outer - atom.charge < 8 {
        degree + (free - atom.radicals) / 2 + atom.radicals
    } else {
        degree + free / 2
    }
}

/// The hybridisation of a class with a possible number of neighbours.
fn orbitals_of(class: NonTetrahedral, degree: i32) -> Option<Hybridization> {
    let (hybridization, most) = match class {
        NonTetrahedral::SquarePlanar => (Hybridization::Sp2d, 4),
        NonTetrahedral::TrigonalBipyramidal => (Hybridization::Sp3d, 5),
        NonTetrahedral::Octahedral => (Hybridization::Sp3d2, 6),
        NonTetrahedral::Allenal => return None,
    };
    (2..=most).contains(&degree).then_some(hybridization)
}

/// Removes chirality that does not fit the hybridisation; a dummy has none, and fits.
pub(crate) fn clean_chirality(draft: &mut Draft) {
    for index in 0..draft.atoms.len() {
        let degree = draft.total_degree(index);
        let atom = &mut draft.atoms[index];
        let fits = match atom.tag {
            ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw => {
                atom.hybridization == Hybridization::Sp3
            }
            ChiralTag::NonTetrahedral(NonTetrahedral::Allenal, _) => true,
            ChiralTag::NonTetrahedral(class, _) => orbitals_of(class, degree)
                .is_some_and(|orbitals| atom.atomic_number == 0 || atom.hybridization == orbitals),
            _ => true,
        };
        if !fits {
            atom.tag = ChiralTag::Unspecified;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::molecule::Hybridization::{Sp, Sp2, Sp3};
    use crate::smiles::parse;

    #[test]
    fn amide_nitrogen_is_planar() {
        let amide = parse("CC(=O)NC").expect("valid");
        let found: Vec<_> = amide.atoms().map(|a| a.hybridization).collect();
        assert_eq!(found, [Sp3, Sp2, Sp2, Sp2, Sp3]);
        let nitrile = parse("CC#N").expect("valid");
        assert_eq!(nitrile.atom(1).hybridization, Sp);
        assert!(nitrile.bonds().all(|b| !b.bond.is_conjugated));
    }

    #[test]
    fn an_atom_beyond_its_lowest_valence_does_not_conjugate() {
        let conjugated = |smiles: &str| {
            let molecule = parse(smiles).expect("valid");
            molecule.bonds().filter(|b| b.bond.is_conjugated).count()
        };
        assert_eq!(conjugated("C=C[Ge](C)=O"), 3);
        assert_eq!(conjugated("C=C[Sn](C)=O"), 0);
    }
}
