//! Errors of featurisation and batching.

/// What can go wrong between a molecule and a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// An edge names a node that its graph lacks.
    #[error("graph {graph}: edge names node {node}, but the graph has {num_nodes} nodes")]
    EdgeOutOfRange {
        /// Position in the batch.
        graph: usize,
        /// The node named.
        node: u32,
        /// Nodes of the graph.
        num_nodes: u32,
    },
    /// Graphs with and without Laplacian eigenvectors, or real features, in one batch.
    #[error("{present} of {total} graphs have {name}; a batch needs them on all or on none")]
    Partial {
        /// Name of the array.
        name: &'static str,
        /// Graphs that have them.
        present: usize,
        /// Graphs in the batch.
        total: usize,
    },
    /// Graphs with different feature columns in one batch.
    #[error("{name}: expected {expected} columns, got {got}")]
    Columns {
        /// Name of the array.
        name: &'static str,
        /// Columns of the first graph.
        expected: usize,
        /// Columns of the graph that differs.
        got: usize,
    },
    /// A property for which a feature set has no value.
    #[error("{part} {index}: {feature} {value} is none of {known}")]
    NoCategory {
        /// `atom` or `bond`.
        part: &'static str,
        /// Its number in the molecule.
        index: usize,
        /// Name of the feature.
        feature: &'static str,
        /// What the atom or bond has.
        value: String,
        /// What the feature set knows.
        known: &'static str,
    },
    /// An array that does not have a row for each node, edge or atom.
    #[error("molecule {molecule}: {name} has {got} rows, expected {expected}")]
    Rows {
        /// Position in the batch.
        molecule: usize,
        /// Name of the array.
        name: &'static str,
        /// Nodes, edges or atoms of the molecule.
        expected: usize,
        /// Rows of the array.
        got: usize,
    },
    /// More eigenvectors than there are.
    #[error("Laplacian eigenvectors: {columns} columns exceed the limit of {limit}")]
    LaplacianColumns {
        /// Columns asked for.
        columns: usize,
        /// Largest number of columns.
        limit: usize,
    },
    /// A position that is infinite or not a number.
    #[error("molecule {molecule}: the position of atom {atom} is not finite")]
    NonFinitePosition {
        /// Position in the batch.
        molecule: usize,
        /// Atom of the molecule.
        atom: usize,
    },
    /// A cutoff that is not an interval above zero.
    #[error("cutoff: expected 0 <= lower < upper, got lower = {lower}, upper = {upper}")]
    Cutoff {
        /// Lower bound in angstrom.
        lower: f64,
        /// Upper bound in angstrom.
        upper: f64,
    },
    /// An edge that names no atom of the batch or joins two molecules.
    #[error(
        "edge {edge} (atom {source_atom} to atom {target_atom}) does not stay inside one molecule of the batch"
    )]
    EdgeBetweenMolecules {
        /// Position in the edge list.
        edge: usize,
        /// Source atom, batch-wide.
        source_atom: u32,
        /// Target atom, batch-wide.
        target_atom: u32,
    },
    /// A molecule in which no atom is left to describe.
    #[error("the molecule has no atoms")]
    NoAtoms,
    /// A molecule without coordinates where a network needs them.
    #[error("the molecule has no conformer; a 3D network needs one")]
    NoConformer,
    /// A molecule with the coordinates of a drawing.
    #[error("the molecule's coordinates are a 2D drawing; a 3D network needs a conformer")]
    FlatConformer,
    /// An atomic number without a row in the embedding table.
    #[error("atom {atom}: expected an atomic number in 1..={max}, got {atomic_number}")]
    AtomicNumber {
        /// Atom of the molecule.
        atom: usize,
        /// Its atomic number; 0 is the dummy atom.
        atomic_number: u8,
        /// Largest atomic number of the table.
        max: u8,
    },
    /// An atom's position that is infinite, not a number, or beyond single precision.
    #[error("the position of atom {atom} is not finite")]
    AtomPosition {
        /// Atom of the molecule.
        atom: usize,
    },
    /// Merging the hydrogens made a molecule that perception refuses.
    #[error("without its hydrogens the molecule is refused: {0}")]
    Perception(#[from] dd_mol::PerceptionError),
    /// A graph too large for the dense eigenvalue solver.
    #[error("Laplacian eigenvectors: {num_nodes} nodes exceed the limit of {limit}")]
    LaplacianSize {
        /// Nodes of the graph.
        num_nodes: usize,
        /// The limit.
        limit: usize,
    },
    /// A tensor of the wrong shape.
    #[error("{name}: expected {expected}, got {got:?}")]
    Shape {
        /// Name of the tensor.
        name: &'static str,
        /// Expected shape, in words.
        expected: String,
        /// Actual shape.
        got: Vec<usize>,
    },
    /// An error of the kernels.
    #[error(transparent)]
    Kernel(#[from] dd_kernels::KernelError),
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, GraphError>;
