//! Nearest neighbours among vectors: exact, and by a navigable graph.
//!
//! An [`Index`] holds vectors with their labels. [`Search::Exact`] compares a query with every vector;
//! [`Search::Graph`] walks a hierarchical navigable small world graph (Malkov and Yashunin, IEEE TPAMI 42(4), 2020,
//! [doi:10.1109/TPAMI.2018.2889473](https://doi.org/10.1109/TPAMI.2018.2889473)) and compares it with some thousands.
//!
//! - The same vectors in the same order give the same index, the same file and the same answers on every run: layers are
//!   drawn from a counter, vectors are inserted one by one, and equal distances are ordered by row.
//! - Rows with the same vector share one node of the graph, and are all found.
//! - [`Index::read`] trusts nothing: it checks lengths, numbers, links and a SHA-256, and allocates no more than the file
//!   holds.
//!
//! Use this crate for vectors of any origin; it knows nothing of molecules or tensors, and opens no files. It is not a
//! database: an index is built once and never changed.
//!
//! ```
//! use dd_search::{Index, IndexConfig, Label, Metric, Origin, Search};
//!
//! let vectors = [1.0, 0.0, 0.8, 0.6, 0.0, 1.0]; // three vectors of two numbers
//! let labels = (0..3).map(|row| Label { row, input: format!("row {row}"), name: String::new() });
//! let config = IndexConfig { metric: Metric::Cosine, graph: None };
//! let index = Index::build(&vectors, labels.collect(), config, Origin::default(), &mut |_| ())?;
//!
//! let found = index.nearest(&[2.0, 0.1], 2, Search::Exact)?;
//! assert_eq!(found.iter().map(|near| near.entry).collect::<Vec<_>>(), [0, 1]);
//!
//! let mut file = Vec::new();
//! index.write(&mut file)?;
//! assert_eq!(Index::read(&mut file.as_slice())?.nearest(&[2.0, 0.1], 2, Search::Exact)?, found);
//! # Ok::<(), dd_search::SearchError>(())
//! ```

mod build;
mod error;
mod exact;
mod file;
mod graph;
mod index;
mod metric;
mod near;
mod read;
mod vectors;

pub use build::GraphConfig;
pub use error::{Result, SearchError};
pub use index::{Index, IndexConfig, Label, Neighbour, Origin, Search};
pub use metric::Metric;
