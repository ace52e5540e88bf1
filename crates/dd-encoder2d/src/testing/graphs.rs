//! Small graphs with OGB's columns, made without a parser.

use dd_kernels::rng::Key;
use ndarray::{Array2, Axis};

use crate::gin::{ATOM_SIZES, BOND_SIZES};
use dd_graph::{MolGraph, laplacian_eigenvectors};

/// Graphs with random features: a ring with a tail, two parts without a bond between them, a chain, a single atom.
///
/// `laplacian_columns` eigenvectors are added when it is not zero.
pub fn sample_graphs(laplacian_columns: usize) -> Vec<MolGraph> {
    let graphs: [(usize, &[(u32, u32)]); 4] = [
        (7, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (4, 5), (5, 6)]),
        (5, &[(0, 1), (1, 2), (3, 4)]),
        (4, &[(0, 1), (1, 2), (2, 3)]),
        (1, &[]),
    ];
    graphs
        .iter()
        .enumerate()
        .map(|(record, &(num_nodes, bonds))| graph(num_nodes, bonds, record, laplacian_columns))
        .collect()
}

fn graph(
    num_nodes: usize,
    bonds: &[(u32, u32)],
    record: usize,
    laplacian_columns: usize,
) -> MolGraph {
    let key = Key::from_seed(11).with(record as u64);
    let draw = |key: Key, row: usize, sizes: &[usize], column: usize| {
        key.below((row * sizes.len() + column) as u64, sizes[column]) as u16
    };
    let atoms = key.named("atoms");
    let of_bonds = key.named("bonds");
    let edge_sources: Vec<u32> = bonds.iter().flat_map(|&(u, v)| [u, v]).collect();
    let edge_targets: Vec<u32> = bonds.iter().flat_map(|&(u, v)| [v, u]).collect();
    let laplacian = (laplacian_columns > 0).then(|| {
        laplacian_eigenvectors(num_nodes, &edge_sources, &edge_targets, laplacian_columns)
            .expect("the graphs above are small and their edges in range")
    });
    MolGraph {
        node_features: Array2::from_shape_fn((num_nodes, ATOM_SIZES.len()), |(row, column)| {
            draw(atoms, row, &ATOM_SIZES, column)
        }),
        edge_features: Array2::from_shape_fn(
            (edge_sources.len(), BOND_SIZES.len()),
            |(row, column)| draw(of_bonds, row / 2, &BOND_SIZES, column),
        ),
        edge_sources,
        edge_targets,
        atom_index: (0..num_nodes as u32).collect(),
        laplacian,
        record: record as u64,
    }
}

/// The same graph with its nodes and edges in another order: node `i` of the result is node `order[i]`.
pub fn permuted(graph: &MolGraph, order: &[usize], key: Key) -> MolGraph {
    let mut position = vec![0_u32; order.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new as u32;
    }
    let edges = key.permutation(graph.num_edges());
    let ends = |ends: &[u32]| edges.iter().map(|&e| position[ends[e] as usize]).collect();
    MolGraph {
        node_features: graph.node_features.select(Axis(0), order),
        edge_features: graph.edge_features.select(Axis(0), &edges),
        edge_sources: ends(&graph.edge_sources),
        edge_targets: ends(&graph.edge_targets),
        atom_index: order.iter().map(|&old| graph.atom_index[old]).collect(),
        laplacian: graph
            .laplacian
            .as_ref()
            .map(|rows| rows.select(Axis(0), order)),
        record: graph.record,
    }
}
