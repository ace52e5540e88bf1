//! Labelled vectors that can be searched.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::build::{GraphConfig, build};
use crate::error::{Result, SearchError};
use crate::exact;
use crate::graph::{Graph, Scratch};
use crate::metric::Metric;
use crate::vectors::Vectors;

/// What an entry of an index stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// Its row in the input that the index was made from.
    pub row: u64,
    /// The input of that row: a SMILES.
    pub input: String,
    /// Its name, possibly empty.
    pub name: String,
}

/// Who made the vectors: a query must come from the same model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Name or folder of the model.
    pub model: String,
    /// SHA-256 of its configuration and weights, hexadecimal; empty when it is not known.
    pub fingerprint: String,
}

/// How vectors are compared, and whether a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexConfig {
    /// The distance.
    pub metric: Metric,
    /// The graph; none for an index that is searched exactly.
    pub graph: Option<GraphConfig>,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Compare with every vector.
    Exact,
    /// Walk the graph with `ef` candidates (at least as many as neighbours are asked for): more find more, and take longer.
    Graph {
        /// Candidates.
        ef: usize,
    },
}

/// An entry near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Number of the entry in the index.
    pub entry: usize,
    /// Distance by the metric of the index.
    pub distance: f32,
}

/// Vectors, their labels, and a graph when there is one. Never changed once it is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub(crate) vectors: Vectors,
    pub(crate) labels: Vec<Label>,
    pub(crate) origin: Origin,
    pub(crate) graph: Option<(GraphConfig, Graph)>,
}

impl Index {
    /// Candidates of a search by graph when nobody says otherwise.
    pub const USUAL_EF: usize = 64;

    /// Indexes vectors that stand one after another in `numbers`, one for each label; `progress` hears how many are in
    /// the graph.
    ///
    /// # Errors
    /// When there are none, widths differ, a number is not finite, a vector is zero under [`Metric::Cosine`], or the
    /// graph's configuration is out of range.
    pub fn build(
        numbers: &[f32],
        labels: Vec<Label>,
        config: IndexConfig,
        origin: Origin,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self> {
        let vectors = Vectors::new(numbers, labels.len(), config.metric)?;
        let graph = config
            .graph
            .map(|config| Ok::<_, SearchError>((config, build(&vectors, config, progress)?)))
            .transpose()?;
        Ok(Self {
            vectors,
            labels,
            origin,
            graph,
        })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true of an index that was built or read.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Numbers of each vector.
    pub fn width(&self) -> usize {
        self.vectors.width
    }

    /// Vectors that differ from each other.
    pub fn num_distinct(&self) -> usize {
        self.vectors.num_nodes()
    }

    /// The distance.
    pub fn metric(&self) -> Metric {
        self.vectors.metric
    }

    /// Who made the vectors.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// True when there is a graph.
    pub fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// The search that suits this index: by graph where there is one.
    pub fn usual_search(&self) -> Search {
        if self.has_graph() {
            Search::Graph { ef: Self::USUAL_EF }
        } else {
            Search::Exact
        }
    }

    /// What an entry stands for.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn label(&self, entry: usize) -> &Label {
        &self.labels[entry]
    }

    /// The vector of an entry; of length 1 under [`Metric::Cosine`].
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn vector(&self, entry: usize) -> &[f32] {
        self.vectors.vector(self.vectors.node_of()[entry])
    }

    /// The `count` nearest entries of one query, nearest first; equal distances in the order of entries.
    ///
    /// # Errors
    /// When the query has another width, is not finite, or is zero under [`Metric::Cosine`]; when a graph is asked for
    /// that is not there.
    pub fn nearest(&self, query: &[f32], count: usize, search: Search) -> Result<Vec<Neighbour>> {
        self.one(query, 0, count, search, &mut Scratch::default())
    }

    /// The same for many queries, one after another in `queries`, on all threads; the answers do not depend on them.
    ///
    /// # Errors
    /// As [`Self::nearest`]; the error names the first query at fault.
    pub fn nearest_each(
        &self,
        queries: &[f32],
        count: usize,
        search: Search,
    ) -> Result<Vec<Vec<Neighbour>>> {
        let width = self.width();
        if !queries.len().is_multiple_of(width) {
            return Err(SearchError::Width {
                got: queries.len() % width,
                expected: width,
            });
        }
        let answers: Vec<Result<Vec<Neighbour>>> = queries
            .par_chunks_exact(width)
            .enumerate()
            .map_init(Scratch::default, |scratch, (number, query)| {
                self.one(query, number, count, search, scratch)
            })
            .collect();
        answers.into_iter().collect()
    }

    fn one(
        &self,
        query: &[f32],
        number: usize,
        count: usize,
        search: Search,
        scratch: &mut Scratch,
    ) -> Result<Vec<Neighbour>> {
        let query = self.vectors.prepare(query, number)?;
        let found = match (search, &self.graph) {
            _ if count == 0 => Vec::new(),
            (Search::Exact, _) => exact::nearest(&self.vectors, &query, count),
            (Search::Graph { ef }, Some((_, graph))) => {
                graph.nearest(&self.vectors, &query, count, ef, scratch)
            }
            (Search::Graph { .. }, None) => return Err(SearchError::NoGraph),
        };
        let metric = self.metric();
        let mut neighbours: Vec<Neighbour> = found
            .into_iter()
            .flat_map(|near| {
                let entries = self.vectors.entries(near.node).iter();
                entries.map(move |&entry| Neighbour {
                    entry: entry as usize,
                    distance: metric.distance(near.key),
                })
            })
            .collect();
        // Vectors that differ can be equally far, and their entries interleave.
        neighbours.sort_by(|a, b| {
            let by_distance = a.distance.total_cmp(&b.distance);
            by_distance.then(a.entry.cmp(&b.entry))
        });
        neighbours.truncate(count);
        Ok(neighbours)
    }
}
