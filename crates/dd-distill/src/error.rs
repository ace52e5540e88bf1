//! Errors of alignment and losses.

/// What can go wrong between a student and its teacher.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// The two batches hold different numbers of molecules.
    #[error("student batch has {student} graphs, teacher batch has {teacher} molecules")]
    BatchSize {
        /// Graphs of the student.
        student: usize,
        /// Molecules of the teacher.
        teacher: usize,
    },
    /// The two batches hold different molecules at one position.
    #[error("graph {graph}: the student holds record {student}, the teacher record {teacher}")]
    Record {
        /// Position in the batch.
        graph: usize,
        /// Record number of the student.
        student: u64,
        /// Record number of the teacher.
        teacher: u64,
    },
    /// A student node whose atom the teacher does not have.
    #[error(
        "graph {graph}: the teacher has no atom {atom_index}, which the student's node {node} stands for"
    )]
    Unmatched {
        /// Position in the batch.
        graph: usize,
        /// Node of that graph.
        node: usize,
        /// Atom of the source molecule.
        atom_index: u32,
    },
    /// An atom that one side names twice.
    #[error("graph {graph}: the {side} names atom {atom_index} twice")]
    Duplicate {
        /// Position in the batch.
        graph: usize,
        /// Which side.
        side: &'static str,
        /// Atom of the source molecule.
        atom_index: u32,
    },
    /// Representations of different widths.
    #[error(
        "student width is {student}, teacher width is {teacher}: put a projection between them"
    )]
    Width {
        /// Width of the student.
        student: usize,
        /// Width of the teacher.
        teacher: usize,
    },
    /// A representation that does not belong to the alignment.
    #[error("{name}: expected {expected} rows, got {got}")]
    Rows {
        /// Name of the tensor.
        name: &'static str,
        /// Rows of the alignment.
        expected: usize,
        /// Rows of the tensor.
        got: usize,
    },
    /// A loss over nothing.
    #[error("the batch has no aligned atoms: the loss is undefined")]
    Empty,
    /// A contrast without another molecule.
    #[error("a contrast needs two molecules or more, the batch has {rows}")]
    TooFewRows {
        /// Molecules of the batch.
        rows: usize,
    },
    /// A temperature that is none.
    #[error("the temperature of a contrast must be positive, got {got}")]
    Temperature {
        /// The number given.
        got: f64,
    },
    /// A sum of no losses.
    #[error("a weighted sum of no losses is undefined")]
    NoTerms,
    /// A name that is no loss.
    #[error("unknown loss '{name}', expected one of {known}")]
    UnknownLoss {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
    /// An error of the kernels.
    #[error(transparent)]
    Kernel(#[from] dd_kernels::KernelError),
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// An error of an extension: of an encoder, a loss, a noise or a task from elsewhere.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, DistillError>;
