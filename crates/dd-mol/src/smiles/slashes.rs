//! The `/` and `\` marks that describe the double bonds of a molecule.
//!
//! A mark states whether the second atom of a bond lies above (`/`) or below (`\`) the
//! first. Each double bond of known geometry needs one mark at either end; a single bond
//! between two such double bonds serves both, which ties their marks together.

use std::collections::VecDeque;

use super::plan::Plan;
use crate::adjacency::Neighbor;
use crate::molecule::BondOrder;
use crate::outline::{Geometry, Outline, OutlineBond};

/// A double bond with the substituents its geometry refers to.
struct Known {
    ends: [usize; 2],
    geometry: Geometry,
}

/// Per bond the mark in writing direction, true for `/`; empty when there is nothing to mark.
pub(super) fn slashes(outline: &Outline, plan: &Plan) -> Vec<Option<bool>> {
    let bonds = &outline.bonds;
    let mut double_bonds: Vec<Known> = bonds.iter().filter_map(known).collect();
    if double_bonds.is_empty() {
        return Vec::new();
    }
    let mut marks = vec![None; bonds.len()];
    double_bonds.sort_by_key(|bond| bond.ends.map(|end| plan.position[end]).into_iter().min());
    let chosen = choose(outline, plan, &double_bonds);
    let from = |bond: usize| plan.writes_from(bonds[bond].begin, bonds[bond].end);

    // Two marks agree or disagree: (bond, bond, differ), in writing direction.
    let mut ties: Vec<Vec<(usize, bool)>> = vec![Vec::new(); bonds.len()];
    for bond in &double_bonds {
        let mut seen: Vec<(usize, bool)> = Vec::new();
        for end in 0..2 {
            for step in substituents(outline, bond, end) {
                if !chosen[step.bond] {
                    continue;
                }
                let against = from(step.bond) != bond.ends[end];
                let other = step.atom != bond.geometry.references[end];
                let at_end = end == 1 && bond.geometry.trans;
                let flip = against ^ other ^ at_end;
                for &(earlier, earlier_flip) in &seen {
                    ties[earlier].push((step.bond, flip ^ earlier_flip));
                    ties[step.bond].push((earlier, flip ^ earlier_flip));
                }
                seen.push((step.bond, flip));
            }
        }
    }
    let mut in_text: Vec<usize> = (0..bonds.len()).filter(|&bond| chosen[bond]).collect();
    in_text.sort_by_key(|&bond| written_at(&bonds[bond], plan));
    let mut queue = VecDeque::new();
    for start in in_text {
        if marks[start].is_none() {
            marks[start] = Some(true);
            queue.push_back(start);
        }
        while let Some(bond) = queue.pop_front() {
            let up = marks[bond].expect("queued bonds are marked");
            for &(other, differ) in &ties[bond] {
                if marks[other].is_none() {
                    marks[other] = Some(up ^ differ);
                    queue.push_back(other);
                }
            }
        }
    }
    marks
}

/// One bond to mark at each end of each double bond.
fn choose(outline: &Outline, plan: &Plan, double_bonds: &[Known]) -> Vec<bool> {
    let Outline {
        bonds, adjacency, ..
    } = outline;
    let mut chosen = vec![false; bonds.len()];
    for bond in double_bonds {
        for end in 0..2 {
            let candidates = substituents(outline, bond, end);
            if candidates.iter().any(|step| chosen[step.bond]) {
                continue;
            }
            // A mark beside a double bond of unknown geometry could lend it one.
            let lends = |step: &Neighbor| {
                let steps = adjacency.neighbors(step.atom).iter();
                steps
                    .map(|next| &bonds[next.bond])
                    .any(|b| b.order == BondOrder::Double && known(b).is_none())
            };
            let best = candidates.iter().min_by_key(|step| {
                let b = &bonds[step.bond];
                let digit = plan.is_ring_digit(b.begin, b.end);
                (lends(step), digit, written_at(b, plan))
            });
            if let Some(step) = best {
                chosen[step.bond] = true;
            }
        }
    }
    chosen
}

/// The bonds at one end of a double bond that can carry a mark.
fn substituents(outline: &Outline, bond: &Known, end: usize) -> Vec<Neighbor> {
    let Outline {
        bonds, adjacency, ..
    } = outline;
    let markable = |step: &Neighbor| {
        matches!(
            bonds[step.bond].order,
            BondOrder::Single | BondOrder::Aromatic
        )
    };
    let steps = adjacency.neighbors(bond.ends[end]).iter().copied();
    steps
        .filter(|step| step.atom != bond.ends[1 - end] && markable(step))
        .collect()
}

fn known(bond: &OutlineBond) -> Option<Known> {
    Some(Known {
        ends: [bond.begin, bond.end],
        geometry: bond.geometry?,
    })
}

/// Where in the text the symbol of a bond stands.
fn written_at(bond: &OutlineBond, plan: &Plan) -> (u32, bool) {
    let (a, b) = (plan.position[bond.begin], plan.position[bond.end]);
    if plan.is_ring_digit(bond.begin, bond.end) {
        (a.min(b), true)
    } else {
        (a.max(b), false)
    }
}
