//! A Kekulé form of a large system, without a walk: a perfect matching.

use petgraph::algo::maximum_matching;
use petgraph::graph::{NodeIndex, UnGraph};

use super::draft::Draft;
use super::effort::Effort;
use super::kekulize::System;
use crate::error::PerceptionError;

/// Larger systems are left to the walk: a matching takes cubic time.
const MAX_ATOMS: usize = 1_000;

/// The double bonds that give every atom that wants one its own; `None` when there are no such bonds, the system is too large, or
/// it has dummies, which may go without.
pub(super) fn double_bonds(
    draft: &Draft,
    system: &System,
    effort: &mut Effort,
) -> Result<Option<Vec<u32>>, PerceptionError> {
    let wants = |atom: &&u32| system.wants[**atom as usize];
    let atoms: Vec<u32> = system.atoms.iter().filter(wants).copied().collect();
    let is_dummy = |atom: &u32| draft.atoms[*atom as usize].atomic_number == 0;
    if atoms.len() > MAX_ATOMS || atoms.iter().any(is_dummy) {
        return Ok(None);
    }
    effort.spend(atoms.len() * atoms.len())?;
    let mut graph = UnGraph::<(), u32>::with_capacity(atoms.len(), 2 * atoms.len());
    for _ in &atoms {
        graph.add_node(());
    }
    for (place, &atom) in atoms.iter().enumerate() {
        for link in draft.adjacency.of(atom as usize) {
            // System atoms ascend.
            let Ok(other) = atoms.binary_search(&link.atom) else {
                continue;
            };
            if place < other && draft.bonds[link.bond as usize].aromatic {
                graph.add_edge(NodeIndex::new(place), NodeIndex::new(other), link.bond);
            }
        }
    }
    let matching = maximum_matching(&graph);
    if !matching.is_perfect() {
        return Ok(None);
    }
    let bond = |(a, b)| {
        graph
            .find_edge(a, b)
            .and_then(|edge| graph.edge_weight(edge))
    };
    Ok(Some(matching.edges().filter_map(bond).copied().collect()))
}
