//! Small graphs, made without a parser.

use dd_kernels::rng::Key;
use ndarray::{Array2, Axis};

use crate::gin::{ATOM_SIZES, BOND_SIZES};
use dd_graph::{MolGraph, laplacian_eigenvectors};

/// Columns of sample graphs.
#[derive(Debug, Clone, Copy)]
pub struct SampleColumns<'a> {
    /// Categories of each column of an atom.
    pub atoms: &'a [usize],
    /// Categories of each column of a bond.
    pub bonds: &'a [usize],
    /// Real numbers of an atom, none when zero.
    pub reals: usize,
    /// Laplacian eigenvectors, none when zero.
    pub laplacian: usize,
}

/// Graphs with random features of OGB's columns: see [`sample_graphs_with`].
///
/// `laplacian_columns` eigenvectors are added when it is not zero.
pub fn sample_graphs(laplacian_columns: usize) -> Vec<MolGraph> {
    sample_graphs_with(SampleColumns {
        atoms: &ATOM_SIZES,
        bonds: &BOND_SIZES,
        reals: 0,
        laplacian: laplacian_columns,
    })
}

/// Graphs with random features: a ring with a tail, two parts without a bond between them, a chain, a single atom.
pub fn sample_graphs_with(columns: SampleColumns<'_>) -> Vec<MolGraph> {
    let graphs: [(usize, &[(u32, u32)]); 4] = [
        (7, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (4, 5), (5, 6)]),
        (5, &[(0, 1), (1, 2), (3, 4)]),
        (4, &[(0, 1), (1, 2), (2, 3)]),
        (1, &[]),
    ];
    graphs
        .iter()
        .enumerate()
        .map(|(record, &(num_nodes, bonds))| graph(num_nodes, bonds, record, columns))
        .collect()
}

fn graph(
    num_nodes: usize,
    bonds: &[(u32, u32)],
    record: usize,
    columns: SampleColumns<'_>,
) -> MolGraph {
    let key = Key::from_seed(11).with(record as u64);
    let draw = |key: Key, row: usize, sizes: &[usize], column: usize| {
        key.below((row * sizes.len() + column) as u64, sizes[column]) as u16
    };
    let atoms = key.named("atoms");
    let of_bonds = key.named("bonds");
    let edge_sources: Vec<u32> = bonds.iter().flat_map(|&(u, v)| [u, v]).collect();
    let edge_targets: Vec<u32> = bonds.iter().flat_map(|&(u, v)| [v, u]).collect();
    let laplacian = (columns.laplacian > 0).then(|| {
        laplacian_eigenvectors(num_nodes, &edge_sources, &edge_targets, columns.laplacian)
            .expect("the graphs above are small and their edges in range")
    });
    let numbers = key.named("reals");
    let node_reals = (columns.reals > 0).then(|| {
        Array2::from_shape_fn((num_nodes, columns.reals), |(row, column)| {
            numbers.normal((row * columns.reals + column) as u64) as f32
        })
    });
    MolGraph {
        node_features: Array2::from_shape_fn((num_nodes, columns.atoms.len()), |(row, column)| {
            draw(atoms, row, columns.atoms, column)
        }),
        edge_features: Array2::from_shape_fn(
            (edge_sources.len(), columns.bonds.len()),
            |(row, column)| draw(of_bonds, row / 2, columns.bonds, column),
        ),
        edge_sources,
        edge_targets,
        atom_index: (0..num_nodes as u32).collect(),
        laplacian,
        node_reals,
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
        node_reals: graph
            .node_reals
            .as_ref()
            .map(|rows| rows.select(Axis(0), order)),
        record: graph.record,
    }
}
