//! Ring stereochemistry: centres whose ring neighbours are alike, yet which stand cis
//! or trans to another such centre of the same ring system (1,4-dimethylcyclohexane).

use std::collections::VecDeque;

use super::centres::{Handedness, is_rigid_nitrogen};
use super::draft::Draft;
use crate::molecule::ChiralTag;

/// Which tagged atoms without R or S keep their tag for a partner in the ring system.
pub(super) fn find(draft: &Draft, ranks: &[u32], labels: &[Option<Handedness>]) -> Vec<bool> {
    let mut special = vec![false; draft.atoms.len()];
    let eligible = |atom: usize| {
        draft.atoms[atom].tag != ChiralTag::Unspecified
            && labels[atom].is_none()
            && is_candidate(draft, atom, ranks)
    };
    let mut atoms_seen = vec![false; draft.atoms.len()];
    let mut atoms_used = vec![false; draft.atoms.len()];
    let mut bonds_seen = vec![false; draft.bonds.len()];
    for start in 0..draft.atoms.len() {
        if atoms_seen[start] || draft.rings.of_atom(start).is_empty() || !eligible(start) {
            continue;
        }
        let mut queue = VecDeque::from([start]);
        let mut partners = 0;
        let mut at_start = true;
        while let Some(atom) = queue.pop_front() {
            if !at_start {
                atoms_seen[atom] = true;
                if eligible(atom) {
                    partners += 1;
                    special[atom] = true;
                    special[start] = true;
                }
            }
            for link in draft.adjacency.of(atom) {
                let bond = link.bond as usize;
                let other = link.atom as usize;
                if std::mem::replace(&mut bonds_seen[bond], true) || !draft.rings.has_bond(bond) {
                    continue;
                }
                if !atoms_seen[other] && (at_start || !atoms_used[other]) {
                    queue.push_back(other);
                    atoms_used[other] = true;
                }
            }
            at_start = false;
        }
        if partners == 0 {
            special[start] = false;
        }
        atoms_seen[start] = true;
    }
    special
}

/// One or two different neighbours outside the ring and ring neighbours of which two are
/// alike, or just one such pair among three or four ring neighbours.
fn is_candidate(draft: &Draft, index: usize, ranks: &[u32]) -> bool {
    if draft.rings.of_atom(index).is_empty() {
        return false;
    }
    if draft.atoms[index].atomic_number == 7
        && draft.total_degree(index) == 3
        && !is_rigid_nitrogen(draft, index)
    {
        return false;
    }
    let mut outside = Vec::new();
    let mut inside = Vec::new();
    for link in draft.adjacency.of(index) {
        let rank = ranks[link.atom as usize];
        if draft.rings.has_bond(link.bond as usize) {
            inside.push(rank);
        } else {
            outside.push(rank);
        }
    }
    let ring_neighbors = inside.len();
    inside.sort_unstable();
    inside.dedup();
    match outside.len() {
        2 => outside[0] != outside[1] && inside.len() < ring_neighbors,
        1 => inside.len() < ring_neighbors,
        0 => {
            (ring_neighbors == 4 && inside.len() == 3) || (ring_neighbors == 3 && inside.len() == 2)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::molecule::ChiralTag;
    use crate::smiles::parse;

    fn tagged(smiles: &str) -> usize {
        let molecule = parse(smiles).expect("valid SMILES");
        let tagged = |tag| tag != ChiralTag::Unspecified;
        molecule.atoms().filter(|a| tagged(a.chiral_tag)).count()
    }

    #[test]
    fn ring_neighbors_must_be_alike() {
        assert_eq!(tagged("C[C@H]1CC[C@@H](C)CC1"), 2);
        assert_eq!(tagged("C[C@H]1CC[C@@H](C)CCC1"), 2);
        assert_eq!(tagged("C[C@H]1CCCCC1"), 0);
        // Bound to the metal by a dative bond: one neighbour outside, three different inside.
        let ferrocene = "CC12=C3[C@-]45CCC[C@-]67C8=C9C%10=C6[Fe+2]6235789%10C4=C16";
        assert_eq!(tagged(ferrocene), 0);
    }
}
