//! The edges that an atom hears: those of its bonds, and a loop at itself.

use dd_graph::GraphBatch;
use dd_kernels::{RowIndex, Segments};
use ndarray::Array2;

use crate::columns::stacked_rows;
use crate::error::Result;

/// Bond type of the loops.
const LOOP: [u16; 2] = [4, 0];

/// Names and rows of the tables of bonds: types, of which one is the loop's, and directions.
pub(crate) fn bond_tables(num_types: usize) -> [(&'static str, usize); 2] {
    [("edge_embedding1", num_types), ("edge_embedding2", 3)]
}

/// Edges and loops of a batch, `R = E + N`, grouped by target; the loop of a target stands last.
pub(crate) struct Neighborhood {
    /// The atom that speaks, `[R]` into `N`.
    pub(crate) sources: RowIndex,
    /// The atom that hears, `[R]` into `N`.
    pub(crate) targets: RowIndex,
    /// Two rows of the stacked bond tables for each edge, `[2 R]`.
    pub(crate) bonds: RowIndex,
    /// Edges to targets: `R` rows in `N` segments.
    pub(crate) incoming: Segments,
}

impl Neighborhood {
    /// The neighbourhoods of all atoms; `num_types` is the number of bond types, that of loops and of masks among them.
    ///
    /// # Errors
    /// When the bonds have other features than type and direction.
    pub(crate) fn new(batch: &GraphBatch, num_types: usize) -> Result<Self> {
        let num_nodes = batch.num_nodes();
        let sizes = bond_tables(num_types).map(|(_, size)| size);
        let of_edges = stacked_rows("edge_features", &batch.edge_features, &sizes)?;
        let of_loop = Array2::from_shape_vec((1, 2), LOOP.to_vec()).expect("one row of two");
        let of_loop = stacked_rows("edge_features", &of_loop, &sizes)?;
        let num_rows = batch.num_edges() + num_nodes;
        let mut sources = Vec::with_capacity(num_rows);
        let mut targets = Vec::with_capacity(num_rows);
        let mut bonds = Vec::with_capacity(2 * num_rows);
        let mut lengths = Vec::with_capacity(num_nodes);
        for node in 0..num_nodes {
            let edges = batch.edge_targets.positions_of(node);
            for &edge in edges {
                let edge = edge as usize;
                sources.push(batch.edge_sources.rows()[edge]);
                bonds.extend_from_slice(&of_edges[2 * edge..2 * edge + 2]);
            }
            sources.push(node as u32);
            bonds.extend_from_slice(&of_loop);
            targets.resize(sources.len(), node as u32);
            lengths.push(edges.len() + 1);
        }
        let device = &batch.device;
        Ok(Self {
            sources: RowIndex::new(sources, num_nodes, device)?,
            targets: RowIndex::new(targets, num_nodes, device)?,
            bonds: RowIndex::new(bonds, sizes.iter().sum(), device)?,
            incoming: Segments::from_lengths(&lengths, device)?,
        })
    }
}
