//! Packed batches: many molecules one after another, without padding.

use std::borrow::Borrow;

use candle_core::{DType, Device, Tensor};
use dd_kernels::{RowIndex, Segments};
use ndarray::{Array2, Axis, concatenate};

use crate::error::{GraphError, Result};
use crate::{MolGraph, PointCloud};

/// Graphs packed for a 2D encoder. Built and validated once; models trust it.
#[derive(Debug, Clone)]
pub struct GraphBatch {
    /// `[N, F]` categories, on the host: models build their own table rows from them.
    pub node_features: Array2<u16>,
    /// `[E, Fe]` categories, on the host.
    pub edge_features: Array2<u16>,
    /// Source node of each directed edge (batch-wide numbers), `[E]` into `N`.
    pub edge_sources: RowIndex,
    /// Target node of each directed edge (batch-wide numbers), `[E]` into `N`.
    pub edge_targets: RowIndex,
    /// Nodes to graphs: `N` rows in `B` segments.
    pub nodes: Segments,
    /// Directed edges to graphs: `E` rows in `B` segments.
    pub edges: Segments,
    /// Atom of the source molecule behind each node, `[N]`.
    pub atom_index: Vec<u32>,
    /// Laplacian eigenvectors `[N, k]`, on the host, when every graph has them.
    pub laplacian: Option<Array2<f32>>,
    /// Real numbers of each node, `[N, R]`, on the host, when every graph has them.
    pub node_reals: Option<Array2<f32>>,
    /// Record number of each graph, `[B]`.
    pub records: Vec<u64>,
    /// Where the batch's tensors live.
    pub device: Device,
}

impl GraphBatch {
    /// Packs graphs in the given order.
    ///
    /// # Errors
    /// When the graphs disagree in their feature columns, some but not all have Laplacian eigenvectors or real
    /// features, an array lacks rows, or an edge points outside its graph.
    pub fn collate<G: Borrow<MolGraph>>(graphs: &[G], device: &Device) -> Result<Self> {
        let graphs: Vec<&MolGraph> = graphs.iter().map(Borrow::borrow).collect();
        Self::packed(&graphs, device)
    }

    fn packed(graphs: &[&MolGraph], device: &Device) -> Result<Self> {
        let num_nodes: Vec<usize> = graphs.iter().map(|graph| graph.num_nodes()).collect();
        let num_edges: Vec<usize> = graphs.iter().map(|graph| graph.num_edges()).collect();
        let nodes = Segments::from_lengths(&num_nodes, device)?;
        let edges = Segments::from_lengths(&num_edges, device)?;
        let records: Vec<u64> = graphs.iter().map(|graph| graph.record).collect();
        for (position, graph) in graphs.iter().enumerate() {
            let rows = |array: &Option<Array2<f32>>| array.as_ref().map(Array2::nrows);
            let (n, e) = (graph.num_nodes(), graph.num_edges());
            check_rows(
                position,
                [
                    ("edge_targets", e, Some(graph.edge_targets.len())),
                    ("edge_features", e, Some(graph.edge_features.nrows())),
                    ("atom_index", n, Some(graph.atom_index.len())),
                    ("laplacian", n, rows(&graph.laplacian)),
                    ("node_reals", n, rows(&graph.node_reals)),
                ],
            )?;
            let bound = graph.num_nodes() as u32;
            let stray = graph
                .edge_sources
                .iter()
                .chain(&graph.edge_targets)
                .find(|&&node| node >= bound);
            if let Some(&node) = stray {
                return Err(GraphError::EdgeOutOfRange {
                    graph: position,
                    node,
                    num_nodes: bound,
                });
            }
        }
        let shifted = |ends: fn(&MolGraph) -> &[u32]| -> Result<RowIndex> {
            let rows = graphs
                .iter()
                .zip(nodes.offsets())
                .flat_map(|(graph, &offset)| ends(graph).iter().map(move |node| node + offset))
                .collect();
            Ok(RowIndex::new(rows, nodes.num_rows(), device)?)
        };
        Ok(Self {
            node_features: stack(
                "node_features",
                graphs.iter().map(|graph| &graph.node_features),
            )?,
            edge_features: stack(
                "edge_features",
                graphs.iter().map(|graph| &graph.edge_features),
            )?,
            edge_sources: shifted(|graph| &graph.edge_sources)?,
            edge_targets: shifted(|graph| &graph.edge_targets)?,
            laplacian: on_all_or_none("laplacian", graphs, |graph| graph.laplacian.as_ref())?,
            node_reals: on_all_or_none("node_reals", graphs, |graph| graph.node_reals.as_ref())?,
            atom_index: graphs
                .iter()
                .flat_map(|graph| graph.atom_index.iter().copied())
                .collect(),
            nodes: nodes.with_ids(records.clone())?,
            edges: edges.with_ids(records.clone())?,
            records,
            device: device.clone(),
        })
    }

    /// Number of graphs, `B`.
    pub fn num_graphs(&self) -> usize {
        self.nodes.len()
    }

    /// Number of nodes, `N`.
    pub fn num_nodes(&self) -> usize {
        self.nodes.num_rows()
    }

    /// Number of directed edges, `E`.
    pub fn num_edges(&self) -> usize {
        self.edges.num_rows()
    }
}

/// Conformers packed for a 3D network. Built and validated once; models trust it.
#[derive(Debug, Clone)]
pub struct PointBatch {
    /// Atomic number of each atom, `[N]`, on the host.
    pub atomic_numbers: Vec<u8>,
    /// Positions in angstrom, `[N, 3]`.
    pub positions: Tensor,
    /// Atoms to molecules: `N` rows in `B` segments.
    pub atoms: Segments,
    /// Atom of the source molecule behind each point, `[N]`.
    pub atom_index: Vec<u32>,
    /// Record number of each molecule, `[B]`.
    pub records: Vec<u64>,
}

impl PointBatch {
    /// Packs conformers in the given order; positions take the element type `dtype` (f32 or f64).
    ///
    /// # Errors
    /// When a position is not finite, or an atom has none.
    pub fn collate<C: Borrow<PointCloud>>(
        clouds: &[C],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let clouds: Vec<&PointCloud> = clouds.iter().map(Borrow::borrow).collect();
        let lengths: Vec<usize> = clouds.iter().map(|cloud| cloud.num_atoms()).collect();
        let atoms = Segments::from_lengths(&lengths, device)?;
        for (molecule, cloud) in clouds.iter().enumerate() {
            let n = cloud.num_atoms();
            check_rows(
                molecule,
                [
                    ("positions", n, Some(cloud.positions.len())),
                    ("atom_index", n, Some(cloud.atom_index.len())),
                ],
            )?;
            let bad = cloud
                .positions
                .iter()
                .position(|position| position.iter().any(|x| !x.is_finite()));
            if let Some(atom) = bad {
                return Err(GraphError::NonFinitePosition { molecule, atom });
            }
        }
        let flat: Vec<f32> = clouds
            .iter()
            .flat_map(|cloud| cloud.positions.iter().flatten().copied())
            .collect();
        Ok(Self {
            atomic_numbers: clouds
                .iter()
                .flat_map(|cloud| cloud.atomic_numbers.iter().copied())
                .collect(),
            positions: Tensor::from_vec(flat, (atoms.num_rows(), 3), device)?.to_dtype(dtype)?,
            atom_index: clouds
                .iter()
                .flat_map(|cloud| cloud.atom_index.iter().copied())
                .collect(),
            records: clouds.iter().map(|cloud| cloud.record).collect(),
            atoms,
        })
    }

    /// The same batch with other positions, `[N, 3]`: noisy ones, or ones that carry gradients.
    #[must_use]
    pub fn with_positions(&self, positions: Tensor) -> Self {
        Self {
            positions,
            ..self.clone()
        }
    }

    /// Number of molecules, `B`.
    pub fn num_molecules(&self) -> usize {
        self.atoms.len()
    }

    /// Number of atoms, `N`.
    pub fn num_atoms(&self) -> usize {
        self.atoms.num_rows()
    }
}

/// Refuses the first array, by name, expected and present rows, that does not have the rows it should.
fn check_rows<const N: usize>(
    molecule: usize,
    arrays: [(&'static str, usize, Option<usize>); N],
) -> Result<()> {
    for (name, expected, got) in arrays {
        if let Some(got) = got.filter(|&got| got != expected) {
            return Err(GraphError::Rows {
                molecule,
                name,
                expected,
                got,
            });
        }
    }
    Ok(())
}

/// The arrays of all graphs stacked, when all have one.
fn on_all_or_none<'a>(
    name: &'static str,
    graphs: &[&'a MolGraph],
    of: impl Fn(&'a MolGraph) -> Option<&'a Array2<f32>>,
) -> Result<Option<Array2<f32>>> {
    let present = graphs.iter().filter_map(|graph| of(graph)).count();
    if present == 0 {
        return Ok(None);
    }
    if present != graphs.len() {
        return Err(GraphError::Partial {
            name,
            present,
            total: graphs.len(),
        });
    }
    stack(name, graphs.iter().filter_map(|graph| of(graph))).map(Some)
}

fn stack<'a, T: Clone + 'a>(
    name: &'static str,
    parts: impl Iterator<Item = &'a Array2<T>>,
) -> Result<Array2<T>> {
    let views: Vec<_> = parts.map(|part| part.view()).collect();
    if views.is_empty() {
        return Ok(Array2::from_shape_vec((0, 0), Vec::new()).expect("no elements fill no shape"));
    }
    concatenate(Axis(0), &views).map_err(|_| GraphError::Columns {
        name,
        expected: views[0].ncols(),
        got: views
            .iter()
            .map(ndarray::ArrayBase::ncols)
            .find(|&n| n != views[0].ncols())
            .unwrap_or(0),
    })
}
