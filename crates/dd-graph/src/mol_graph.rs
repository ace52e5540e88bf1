//! A molecule as a 2D graph of features, on the host.

use ndarray::Array2;

/// Tokens that TokenGT puts before those of a graph: the graph's own, and the null token. Nodes follow, then directed edges.
pub const SPECIAL_TOKENS: usize = 2;

/// Features of one molecule's graph. See `OgbFeaturizer` for the usual columns.
#[derive(Debug, Clone, PartialEq)]
pub struct MolGraph {
    /// `[N, F]` categories, one row per node.
    pub node_features: Array2<u16>,
    /// `[E, Fe]` categories, one row per directed edge.
    pub edge_features: Array2<u16>,
    /// Source node of each directed edge, `[E]`.
    pub edge_sources: Vec<u32>,
    /// Target node of each directed edge, `[E]`.
    pub edge_targets: Vec<u32>,
    /// Atom of the source molecule behind each node, `[N]`.
    pub atom_index: Vec<u32>,
    /// Node identifiers that depend on the graph alone, `[N, k]`: Laplacian eigenvectors, when asked for.
    pub laplacian: Option<Array2<f32>>,
    /// `[N, R]` real numbers of each node, where the features have some that are no categories.
    pub node_reals: Option<Array2<f32>>,
    /// Number of the record in its data set: names the molecule's stream of random numbers.
    pub record: u64,
}

impl MolGraph {
    /// Number of nodes.
    pub fn num_nodes(&self) -> usize {
        self.node_features.nrows()
    }

    /// Number of directed edges.
    pub fn num_edges(&self) -> usize {
        self.edge_sources.len()
    }

    /// Length of the sequence that TokenGT makes of the graph: special tokens, nodes and directed edges. The cost by which
    /// batches of graphs are cut.
    pub fn num_tokens(&self) -> usize {
        SPECIAL_TOKENS + self.num_nodes() + self.num_edges()
    }
}
