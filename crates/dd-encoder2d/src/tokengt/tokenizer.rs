//! Graphs to packed token sequences: `[graph], [null], nodes, edges`, graph after graph.
//!
//! `token(v) = sum_c Atom[512 c + x_vc + 2] + Wid [P_v ; P_v] + Type[1]`,
//! `token(u, v) = sum_c Bond[512 c + x_uvc + 2] + Wid [P_u ; P_v] + Type[u = v]`, with node identifiers `P`.
//!
//! # Differences from the original
//! No padding: the sequences of a batch stand one after another. Graphs of any size are encoded; the original drops those
//! with more than 128 nodes.

use candle_core::{Module, Tensor};
use dd_graph::{GraphBatch, SPECIAL_TOKENS};
use dd_kernels::{Readers, RowIndex, Segments, embedding_sum, gather};
use dd_nn::{Init, Linear, Params};
use ndarray::Array2;

use super::config::TokenGtConfig;
use crate::error::{EncoderError, Result};

/// Rows of the atom table: 512 for each of 9 feature columns.
const ATOM_ROWS: usize = 512 * ATOM_COLUMNS;
/// Rows of the bond table: 512 for each of 3 feature columns.
const BOND_ROWS: usize = 512 * BOND_COLUMNS;
const ATOM_COLUMNS: usize = 9;
const BOND_COLUMNS: usize = 3;
/// Rows of a table that belong to one feature column.
const ROWS_PER_COLUMN: usize = 512;
/// Row 0 is the original's padding; item and collator then add 1 each.
const FIRST_ROW: usize = 2;

/// Standard deviation of TokenGT's initial weights (`init_graphormer_params`).
pub(crate) const INIT: Init = Init::Normal { std: 0.02 };

/// Where the tokens of a batch stand.
pub(crate) struct TokenLayout {
    /// Tokens to graphs: `T` rows in `B` segments.
    pub(crate) tokens: Segments,
    /// Token of each node, by graph.
    nodes: Vec<std::ops::Range<usize>>,
    /// Of each token its row in `[graph], [null], all nodes, all edges`.
    order: RowIndex,
}

/// The tokens that a readout reads: the nodes', after `[graph]` where it is read too, graph after graph.
pub(crate) struct ReadTokens {
    /// `[R]` into `T`.
    pub(crate) rows: RowIndex,
    /// `R` rows in `B` segments.
    segments: Segments,
    /// Of each node its place among the read tokens, `[N]` into `R`; none when it is its own.
    pub(crate) nodes: Option<RowIndex>,
    /// Of each graph the place of its `[graph]`, `[B]` into `R`, where it is read.
    pub(crate) graphs: Option<RowIndex>,
}

impl ReadTokens {
    pub(crate) fn readers(&self) -> Readers<'_> {
        Readers {
            rows: &self.rows,
            segments: &self.segments,
        }
    }
}

impl TokenLayout {
    pub(crate) fn new(batch: &GraphBatch) -> Result<Self> {
        let (num_nodes, num_edges) = (batch.num_nodes(), batch.num_edges());
        let lengths: Vec<usize> = batch
            .nodes
            .lengths()
            .zip(batch.edges.lengths())
            .map(|(nodes, edges)| SPECIAL_TOKENS + nodes + edges)
            .collect();
        let tokens =
            Segments::from_lengths(&lengths, &batch.device)?.with_ids(batch.records.clone())?;
        let mut order = Vec::with_capacity(tokens.num_rows());
        let mut nodes = Vec::with_capacity(batch.num_graphs());
        for (of_nodes, of_edges) in batch.nodes.ranges().zip(batch.edges.ranges()) {
            order.extend([0, 1]);
            nodes.push(order.len()..order.len() + of_nodes.len());
            order.extend(of_nodes.map(|node| (SPECIAL_TOKENS + node) as u32));
            order.extend(of_edges.map(|edge| (SPECIAL_TOKENS + num_nodes + edge) as u32));
        }
        let sources = SPECIAL_TOKENS + num_nodes + num_edges;
        Ok(Self {
            nodes,
            order: RowIndex::new(order, sources, &batch.device)?,
            tokens,
        })
    }

    /// The tokens of all nodes, and `[graph]` of each graph if wanted.
    pub(crate) fn read(&self, with_graphs: bool) -> Result<ReadTokens> {
        let device = self.tokens.offsets_tensor().device();
        let (mut rows, mut lengths) = (Vec::new(), Vec::new());
        let (mut nodes, mut graphs) = (Vec::new(), Vec::new());
        for (graph, of_graph) in self.tokens.ranges().enumerate() {
            let before = rows.len();
            if with_graphs {
                graphs.push(rows.len() as u32);
                rows.push(of_graph.start as u32);
            }
            for node in self.nodes[graph].clone() {
                nodes.push(rows.len() as u32);
                rows.push(node as u32);
            }
            lengths.push(rows.len() - before);
        }
        let read = rows.len();
        let ids = (0..self.tokens.len()).map(|graph| self.tokens.id(graph));
        let index = |places: Vec<u32>| RowIndex::new(places, read, device);
        Ok(ReadTokens {
            segments: Segments::from_lengths(&lengths, device)?.with_ids(ids.collect())?,
            rows: RowIndex::new(rows, self.tokens.num_rows(), device)?,
            nodes: with_graphs.then(|| index(nodes)).transpose()?,
            graphs: with_graphs.then(|| index(graphs)).transpose()?,
        })
    }
}

/// The embedding tables of TokenGT.
pub(crate) struct Tokenizer {
    atom_encoder: Tensor,
    edge_encoder: Tensor,
    graph_token: Tensor,
    null_token: Tensor,
    identifier_encoder: Option<Linear>,
    order_encoder: Option<Tensor>,
}

impl Tokenizer {
    pub(crate) fn new(config: &TokenGtConfig, params: &Params) -> Result<Self> {
        use super::config::NodeIdentifiers::{Laplacian, None, Orthogonal, Random};
        let width = config.width;
        let table = |rows: usize, name: &str| params.pp(name).get((rows, width), "weight", INIT);
        let identifier_encoder = match config.node_identifiers {
            Laplacian { columns, .. } => Some((columns, "lap_encoder")),
            Orthogonal { columns } => Some((columns, "orf_encoder")),
            Random { columns } => Some((columns, "rand_encoder")),
            None => Option::None,
        };
        Ok(Self {
            atom_encoder: table(ATOM_ROWS, "atom_encoder")?,
            edge_encoder: table(BOND_ROWS, "edge_encoder")?,
            graph_token: table(1, "graph_token")?,
            null_token: table(1, "null_token")?,
            identifier_encoder: identifier_encoder
                .map(|(columns, name)| Linear::no_bias(2 * columns, width, INIT, &params.pp(name)))
                .transpose()?,
            order_encoder: config
                .type_identifiers
                .then(|| table(2, "order_encoder"))
                .transpose()?,
        })
    }

    /// Tokens `[T, D]` in the order of `layout`, from node identifiers `[N, columns]`.
    pub(crate) fn forward(
        &self,
        batch: &GraphBatch,
        identifiers: Option<&Tensor>,
        layout: &TokenLayout,
    ) -> Result<Tensor> {
        let (num_nodes, num_edges) = (batch.num_nodes(), batch.num_edges());
        let atoms = table_rows(
            "node_features",
            &batch.node_features,
            num_nodes,
            ATOM_COLUMNS,
        )?;
        let bonds = table_rows(
            "edge_features",
            &batch.edge_features,
            num_edges,
            BOND_COLUMNS,
        )?;
        let atoms = RowIndex::new(atoms, ATOM_ROWS, &batch.device)?;
        let bonds = RowIndex::new(bonds, BOND_ROWS, &batch.device)?;
        let features = [
            embedding_sum(&self.atom_encoder, &atoms, ATOM_COLUMNS)?, // [N, D]
            embedding_sum(&self.edge_encoder, &bonds, BOND_COLUMNS)?, // [E, D]
        ];
        let mut x = Tensor::cat(&features, 0)?; // [N + E, D]
        if let (Some(encoder), Some(identifiers)) = (&self.identifier_encoder, identifiers) {
            let p = identifiers.to_dtype(x.dtype())?;
            let of_edges = [
                gather(&p, &batch.edge_sources)?,
                gather(&p, &batch.edge_targets)?,
            ];
            let pairs = [
                Tensor::cat(&[&p, &p], 1)?, // [N, 2 columns]
                Tensor::cat(&of_edges, 1)?, // [E, 2 columns]
            ];
            x = (x + encoder.forward(&Tensor::cat(&pairs, 0)?)?)?;
        }
        if let Some(types) = &self.order_encoder {
            let edges = batch.edge_sources.rows().iter();
            let is_loop = edges
                .zip(batch.edge_targets.rows())
                .map(|(u, v)| u32::from(u == v));
            let is_node = std::iter::repeat_n(1, num_nodes).chain(is_loop).collect();
            x = (x + gather(types, &RowIndex::new(is_node, 2, &batch.device)?)?)?;
        }
        let rows = Tensor::cat(&[&self.graph_token, &self.null_token, &x], 0)?; // [2 + N + E, D]
        Ok(gather(&rows, &layout.order)?) // [T, D]
    }
}

/// Table rows `512 c + value + 2`, row by row.
fn table_rows(
    name: &'static str,
    features: &Array2<u16>,
    rows: usize,
    columns: usize,
) -> Result<Vec<u32>> {
    if rows > 0 && features.ncols() != columns {
        return Err(EncoderError::Columns {
            name,
            expected: columns,
            got: features.ncols(),
        });
    }
    let bound = ROWS_PER_COLUMN - FIRST_ROW;
    features
        .indexed_iter()
        .map(|((row, column), &value)| {
            if usize::from(value) < bound {
                Ok((ROWS_PER_COLUMN * column + usize::from(value) + FIRST_ROW) as u32)
            } else {
                Err(EncoderError::Category {
                    name,
                    row,
                    column,
                    value,
                    bound,
                })
            }
        })
        .collect()
}
