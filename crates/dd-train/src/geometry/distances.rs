//! Distances between the nodes of a graph: in space and along bonds.

use std::collections::{HashMap, VecDeque};

use dd_graph::MolGraph;

use crate::error::{Result, TrainError};
use crate::source::Pair;

/// Distances in space between all nodes in angstrom, `[N][N]`.
pub(super) fn in_space(pair: &Pair) -> Result<Vec<Vec<f64>>> {
    let points: HashMap<u32, [f32; 3]> = pair
        .cloud
        .atom_index
        .iter()
        .copied()
        .zip(pair.cloud.positions.iter().copied())
        .collect();
    let mut positions = Vec::with_capacity(pair.graph.num_nodes());
    for atom in &pair.graph.atom_index {
        let point = points.get(atom).ok_or_else(|| TrainError::Record {
            index: pair.graph.record as usize,
            reason: format!("atom {atom} has no position"),
        })?;
        positions.push(point);
    }
    let distance = |a: &[f32; 3], b: &[f32; 3]| {
        let squares = (0..3).map(|axis| f64::from(a[axis] - b[axis]).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let row = |a: &&[f32; 3]| positions.iter().map(|b| distance(a, b)).collect();
    Ok(positions.iter().map(row).collect())
}

/// Number of bonds on the shortest way between all nodes, `[N][N]`; `None` between fragments.
pub(super) fn along_bonds(graph: &MolGraph) -> Vec<Vec<Option<usize>>> {
    let nodes = graph.num_nodes();
    let mut neighbors = vec![Vec::new(); nodes];
    for (&source, &target) in graph.edge_sources.iter().zip(&graph.edge_targets) {
        neighbors[source as usize].push(target as usize);
    }
    let from = |start: usize| {
        let mut steps = vec![None; nodes];
        steps[start] = Some(0);
        let mut queue = VecDeque::from([(start, 0)]);
        while let Some((node, so_far)) = queue.pop_front() {
            for &next in &neighbors[node] {
                if steps[next].is_none() {
                    steps[next] = Some(so_far + 1);
                    queue.push_back((next, so_far + 1));
                }
            }
        }
        steps
    };
    (0..nodes).map(from).collect()
}
