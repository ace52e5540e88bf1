//! What can be wrong with vectors, queries and index files.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Numbers that are no whole number of vectors, or labels that are not as many as the vectors.
    #[error("{numbers} numbers are not {labels} vectors of one width")]
    Shape {
        /// Numbers given.
        numbers: usize,
        /// Labels given.
        labels: usize,
    },
    /// An index of nothing.
    #[error("there are no vectors to search among")]
    Empty,
    /// More vectors than an index numbers.
    #[error("{0} vectors are more than an index holds")]
    TooMany(usize),
    /// A vector with a number that is not finite.
    #[error("vector {vector}, column {column}: {value} is not finite")]
    NotFinite {
        /// The vector.
        vector: usize,
        /// The column.
        column: usize,
        /// The number.
        value: f32,
    },
    /// A vector without a direction.
    #[error("vector {vector} is zero: it has no cosine with any other")]
    Zero {
        /// The vector.
        vector: usize,
    },
    /// A vector that has no distances.
    #[error("vector {vector} {reason}")]
    Refused {
        /// The vector.
        vector: usize,
        /// Why.
        reason: &'static str,
    },
    /// A query of another width.
    #[error("the query has {got} numbers, the vectors of the index have {expected}")]
    Width {
        /// Numbers of the query.
        got: usize,
        /// Numbers of each vector.
        expected: usize,
    },
    /// A graph whose nodes have too few or too many neighbours, or that is built too carelessly to be of use.
    #[error("{field} is {got}, not within {least}..={most}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        got: usize,
        /// Smallest value.
        least: usize,
        /// Largest value.
        most: usize,
    },
    /// A search by graph in an index without one.
    #[error("this index has no graph: search it exactly, or build it with one")]
    NoGraph,
    /// A file that is no index, or a damaged one.
    #[error("not a valid index: {0}")]
    File(String),
    /// A file that cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, SearchError>;
