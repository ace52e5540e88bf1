//! Charge-separated forms for groups that are often drawn with too many bonds, and
//! dative bonds for ligands that would exceed their valence.

use std::cmp::Reverse;

use super::draft::{Draft, Link};
use super::metal_ranks;
use super::valence::{self, explicit_valence};
use crate::element::{Element, is_metal};
use crate::error::PerceptionError;
use crate::molecule::BondOrder;

/// Nitro groups and azides, phosphorus ylides, halogen oxides.
pub(crate) fn clean_up(draft: &mut Draft) {
    for atom in 0..draft.atoms.len() {
        match draft.atoms[atom].atomic_number {
            7 => nitrogen(draft, atom),
            15 => phosphorus(draft, atom),
            17 | 35 | 53 => halogen(draft, atom),
            _ => {}
        }
    }
}

/// The bond to the first neighbour that satisfies `wanted`.
fn find(
    draft: &Draft,
    atom: usize,
    wanted: impl Fn(usize, BondOrder) -> bool,
) -> Option<(usize, usize)> {
    draft
        .adjacency
        .of(atom)
        .iter()
        .map(|link| (link.atom as usize, link.bond as usize))
        .find(|(other, bond)| wanted(*other, draft.bonds[*bond].order))
}

/// `N(=O)=O` becomes `[N+](=O)[O-]`, `N=N#N` becomes `N=[N+]=[N-]`.
fn nitrogen(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0 || draft.degree(atom) < 2 {
        return;
    }
    let aromatic = std::mem::replace(&mut draft.atoms[atom].aromatic, false);
    let five = explicit_valence(draft, atom) == 5;
    draft.atoms[atom].aromatic = aromatic;
    if !five {
        return;
    }
    let found = find(draft, atom, |other, order| {
        let other = &draft.atoms[other];
        other.charge == 0
            && matches!(
                (other.atomic_number, order),
                (8, BondOrder::Double) | (7, BondOrder::Triple)
            )
    });
    if let Some((other, bond)) = found {
        let order = &mut draft.bonds[bond].order;
        *order = match order {
            BondOrder::Triple => BondOrder::Double,
            _ => BondOrder::Single,
        };
        draft.atoms[atom].charge = 1;
        draft.atoms[other].charge = -1;
    }
}

/// `C=P(=O)X` becomes `C=[P+]([O-])X`.
fn phosphorus(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0
        || draft.degree(atom) != 3
        || explicit_valence(draft, atom) != 5
    {
        return;
    }
    // The last such oxygen, as RDKit takes it.
    let oxygen = draft
        .adjacency
        .of(atom)
        .iter()
        .rev()
        .map(|link| (link.atom as usize, link.bond as usize))
        .find(|(other, bond)| {
            let neighbor = &draft.atoms[*other];
            neighbor.atomic_number == 8
                && neighbor.charge == 0
                && draft.bonds[*bond].order == BondOrder::Double
        });
    let ylide = find(draft, atom, |other, order| {
        matches!(draft.atoms[other].atomic_number, 6 | 7)
            && draft.degree(other) >= 2
            && order == BondOrder::Double
    });
    if let (Some((oxygen, bond)), Some(_)) = (oxygen, ylide) {
        draft.bonds[bond].order = BondOrder::Single;
        draft.atoms[oxygen].charge = -1;
        draft.atoms[atom].charge = 1;
    }
}

/// `Cl(=O)(=O)(=O)O` becomes `[Cl+3]([O-])([O-])([O-])O`, and its lower relatives.
fn halogen(draft: &mut Draft, atom: usize) {
    if draft.atoms[atom].charge != 0
        || !matches!(explicit_valence(draft, atom), 3 | 5 | 7)
        || draft
            .bonds_of(atom)
            .any(|(other, _)| draft.atoms[other].atomic_number != 8)
    {
        return;
    }
    let links = draft.adjacency.of(atom).to_vec();
    let mut charge = 0;
    for link in links {
        let bond = &mut draft.bonds[link.bond as usize];
        if bond.order == BondOrder::Double {
            bond.order = BondOrder::Single;
            draft.atoms[link.atom as usize].charge = -1;
            charge += 1;
        }
    }
    draft.atoms[atom].charge = charge;
}

/// Single bonds from non-metals beyond their valence to metals become dative: each such
/// atom gives its bond to the metal with the fewest dative bonds so far, RDKit's canonical
/// ranks decide ties and the order.
pub(crate) fn clean_up_organometallics(draft: &mut Draft) -> Result<(), PerceptionError> {
    if !draft.atoms.iter().any(|atom| is_metal(atom.atomic_number)) {
        return Ok(());
    }
    let mut ligands = Vec::new();
    let mut metals = 0;
    for atom in 0..draft.atoms.len() {
        let found = metals_of(draft, atom).count();
        if found > 0 && exceeds_octet(draft, atom)? {
            ligands.push(atom);
            metals = metals.max(found);
        }
    }
    // Ranks matter only where there is a choice.
    let mut ranks = Vec::new();
    if metals > 1 {
        valence::update(draft, false)?;
        ranks = metal_ranks::ranks(draft);
        ligands.sort_by_key(|atom| ranks[*atom]);
    }
    for atom in ligands {
        let rank = |link: &Link| ranks.get(link.atom as usize).copied().unwrap_or(0);
        let metal = metals_of(draft, atom)
            .min_by_key(|link| (dative_bonds(draft, link.atom as usize), Reverse(rank(link))));
        if let Some(&link) = metal {
            let bond = &mut draft.bonds[link.bond as usize];
            bond.order = BondOrder::Dative;
            bond.begin = atom as u32;
            bond.end = link.atom;
        }
    }
    Ok(())
}

/// The metals to which an atom has a single bond.
fn metals_of(draft: &Draft, atom: usize) -> impl Iterator<Item = &Link> {
    draft.adjacency.of(atom).iter().filter(|link| {
        draft.bonds[link.bond as usize].order == BondOrder::Single
            && is_metal(draft.atoms[link.atom as usize].atomic_number)
    })
}

/// A non-metal with more bonds than the element of as many electrons allows, or an
/// aromatic one with four neighbours that has them all.
fn exceeds_octet(draft: &mut Draft, atom: usize) -> Result<bool, PerceptionError> {
    let number = draft.atoms[atom].atomic_number;
    if is_metal(number) || matches!(number, 1 | 2 | 9 | 10) {
        return Ok(false);
    }
    let effective = i32::from(number) - draft.atoms[atom].charge;
    if effective <= 0 {
        return Ok(false);
    }
    valence::update_atom(draft, atom, false)?;
    let max = Element::of(effective.min(118) as u8).max_valence();
    let valence = draft.atoms[atom].explicit_valence;
    let is_full = valence == max && draft.atoms[atom].aromatic && draft.total_degree(atom) == 4;
    Ok(max > 0 && (valence > max || is_full))
}

fn dative_bonds(draft: &Draft, atom: usize) -> usize {
    draft
        .bonds_of(atom)
        .filter(|(_, bond)| bond.order == BondOrder::Dative)
        .count()
}

#[cfg(test)]
mod tests {
    use crate::molecule::BondOrder;
    use crate::smiles::parse;

    fn dative(smiles: &str) -> Vec<(usize, usize)> {
        let molecule = parse(smiles).expect("valid SMILES");
        let bonds = molecule.bonds();
        let dative = bonds.filter(|b| b.bond.order == BondOrder::Dative);
        dative.map(|b| (b.begin, b.end)).collect()
    }

    #[test]
    fn each_bridging_ligand_gives_its_bond_to_another_metal() {
        assert_eq!(dative("[Fe](Cl)(Cl)Cl"), []);
        assert_eq!(dative("CN(C)(C)[Fe]"), [(1, 4)]);
        // Of equivalent metals the one that ranks higher is served first.
        assert_eq!(dative("Cl[Zn]1[Cl][Zn](Cl)[Cl]1"), [(2, 3), (5, 1)]);
        assert_eq!(dative("N[Pd]1(Cl)[Cl][Pd](Cl)(N)[Cl]1"), [(3, 4), (7, 1)]);
    }

    #[test]
    fn a_saturated_aromatic_atom_on_a_metal_has_no_kekule_form() {
        assert!(parse("[cH]1([Fe])cccc1").is_err());
        assert!(parse("n1([Fe])cccc1").is_ok());
    }
}
