//! Which atoms link the rings of a molecule.
//!
//! RDKit keeps the atoms on shortest routes between its rings. Where only bonds that
//! close rings are involved, routes have no choice, and what is left when chain ends are
//! taken off is the same. Dative bonds close no ring, so that routes around a chelated
//! or bridging metal differ; there one shortest route between each two rings is found.
//! RDKit's choice among equally short routes rests on the order of the atoms; here it
//! rests on their canonical ranks, so that a scaffold does not depend on the spelling.

use std::collections::VecDeque;

use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::canon::canonical_ranks_with;
use crate::molecule::BondOrder;
use crate::smiles::WriteOptions;

/// Atoms that the search for routes may visit. Beyond it, which takes thousands of rings
/// beside a dative bond, every atom between rings stays.
const ROUTE_WORK: usize = 100_000_000;

/// Ring atoms and the atoms on shortest routes between rings.
pub(super) fn rings_and_linkers(molecule: &Molecule, adjacency: &Adjacency) -> Vec<bool> {
    let core = without_chain_ends(molecule, adjacency);
    let has_choice = molecule.bonds().any(|bond| {
        core[bond.begin]
            && core[bond.end]
            && matches!(bond.bond.order, BondOrder::Zero | BondOrder::Dative)
    });
    if has_choice {
        on_routes(molecule, adjacency, &core).unwrap_or(core)
    } else {
        core
    }
}

/// What is left when chain ends are taken off until none remains.
fn without_chain_ends(molecule: &Molecule, adjacency: &Adjacency) -> Vec<bool> {
    let n = molecule.num_atoms();
    let mut keep = vec![true; n];
    let mut degree: Vec<usize> = (0..n).map(|atom| adjacency.degree(atom)).collect();
    let is_end = |atom: usize, degree: usize| degree < 2 && !molecule.atom(atom).in_ring;
    let mut ends: Vec<usize> = (0..n).filter(|&atom| is_end(atom, degree[atom])).collect();
    while let Some(atom) = ends.pop() {
        if !std::mem::replace(&mut keep[atom], false) {
            continue;
        }
        for step in adjacency.neighbors(atom) {
            let other = step.atom;
            degree[other] -= 1;
            if keep[other] && is_end(other, degree[other]) {
                ends.push(other);
            }
        }
    }
    keep
}

/// Ring atoms and one shortest route between the first atoms of each two rings; `None`
/// when that is too much work.
///
/// # Complexity
/// `O(r (n + m))` for `r` rings.
fn on_routes(molecule: &Molecule, adjacency: &Adjacency, core: &[bool]) -> Option<Vec<bool>> {
    let n = molecule.num_atoms();
    if molecule.rings().len().saturating_mul(n) > ROUTE_WORK {
        return None;
    }
    let ranks = canonical_ranks_with(molecule, WriteOptions::CONNECTIVITY);
    let mut order = vec![0; n];
    for (atom, &rank) in ranks.iter().enumerate() {
        order[rank as usize] = atom;
    }
    // The core in canonical order; each atom's neighbours ascend by rank.
    let mut neighbors = vec![Vec::new(); n];
    for &atom in order.iter().filter(|&&atom| core[atom]) {
        for step in adjacency.neighbors(atom) {
            neighbors[step.atom].push(atom);
        }
    }
    let first = |ring: &[u32]| ring.iter().map(|&atom| ranks[atom as usize]).min();
    let mut starts: Vec<usize> = { molecule.rings().filter_map(first) }
        .map(|rank| order[rank as usize])
        .collect();
    starts.sort_unstable_by_key(|&atom| ranks[atom]);
    starts.dedup();
    let mut keep: Vec<bool> = molecule.atoms().map(|atom| atom.in_ring).collect();
    let mut before = vec![usize::MAX; n];
    let mut queue = VecDeque::new();
    for (index, &start) in starts.iter().enumerate() {
        before.fill(usize::MAX);
        before[start] = start;
        queue.push_back(start);
        while let Some(atom) = queue.pop_front() {
            for &next in &neighbors[atom] {
                if before[next] == usize::MAX {
                    before[next] = atom;
                    queue.push_back(next);
                }
            }
        }
        for &end in &starts[index + 1..] {
            let mut atom = end;
            while before[atom] != usize::MAX && atom != start {
                keep[atom] = true;
                atom = before[atom];
            }
        }
    }
    Some(keep)
}
