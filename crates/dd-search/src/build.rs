//! Growing the graph: vectors are inserted one by one, in order.
//!
//! Malkov and Yashunin, algorithms 1 and 4.
//!
//! # Differences from the original
//! The layer of a node is drawn from its number, so that a graph is a function of its vectors alone. Neighbours that the
//! heuristic passes over are kept while there is room, as the paper's `keepPrunedConnections` does.

use serde::{Deserialize, Serialize};

use crate::error::{Result, SearchError};
use crate::graph::{Graph, Scratch};
use crate::near::Near;
use crate::vectors::Vectors;

/// More layers than any number of nodes fills.
pub(crate) const MAX_LAYERS: usize = 32;

/// How densely and how carefully a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphConfig {
    /// Neighbours of a node on the upper layers, `M`; twice as many on the lowest. From 2 to 128.
    pub degree: usize,
    /// Candidates that are kept while neighbours are searched for, `efConstruction`. From `degree` to 4096.
    pub ef_construction: usize,
}

impl GraphConfig {
    /// Degree 16 with 128 candidates: the usual place to begin for a hundred to a few hundred dimensions.
    pub const USUAL: Self = Self {
        degree: 16,
        ef_construction: 128,
    };

    pub(crate) fn validate(self) -> Result<()> {
        let within = |field, got: usize, least: usize, most: usize| {
            if (least..=most).contains(&got) {
                return Ok(());
            }
            Err(SearchError::Config {
                field,
                got,
                least,
                most,
            })
        };
        within("degree", self.degree, 2, 128)?;
        within("ef_construction", self.ef_construction, self.degree, 4096)
    }

    /// Most neighbours of a node on a layer.
    pub(crate) fn most(self, layer: usize) -> usize {
        if layer == 0 {
            2 * self.degree
        } else {
            self.degree
        }
    }
}

/// Builds the graph of all nodes; `progress` hears how many are in it.
pub(crate) fn build(
    vectors: &Vectors,
    config: GraphConfig,
    progress: &mut dyn FnMut(usize),
) -> Result<Graph> {
    config.validate()?;
    let mut graph = Graph {
        links: Vec::with_capacity(vectors.num_nodes()),
        entry: 0,
    };
    let mut scratch = Scratch::default();
    for node in 0..vectors.num_nodes() as u32 {
        insert(&mut graph, vectors, config, node, &mut scratch);
        progress(node as usize + 1);
    }
    Ok(graph)
}

fn insert(
    graph: &mut Graph,
    vectors: &Vectors,
    config: GraphConfig,
    node: u32,
    scratch: &mut Scratch,
) {
    let top = layer_of(node, config.degree);
    graph.links.push(vec![Vec::new(); top + 1]);
    if node == 0 {
        return;
    }
    let query = vectors.vector(node);
    let highest = graph.num_layers(graph.entry) - 1;
    let mut starts = vec![graph.descend(vectors, query, top)];
    for layer in (0..=top.min(highest)).rev() {
        let ef = config.ef_construction;
        let found = graph.search_layer(vectors, query, &starts, ef, layer, scratch);
        let chosen = choose(vectors, &found, config.degree);
        for &near in &chosen {
            connect(graph, vectors, config, near.node, node, layer);
        }
        graph.links[node as usize][layer] = chosen.into_iter().map(|near| near.node).collect();
        starts = found;
    }
    if top > highest {
        graph.entry = node;
    }
}

/// Adds a neighbour to a node, and lets the least useful one go when there are too many.
fn connect(
    graph: &mut Graph,
    vectors: &Vectors,
    config: GraphConfig,
    node: u32,
    new: u32,
    layer: usize,
) {
    let links = &mut graph.links[node as usize][layer];
    links.push(new);
    if links.len() <= config.most(layer) {
        return;
    }
    let vector = vectors.vector(node);
    let mut around: Vec<Near> = links
        .iter()
        .map(|&node| Near {
            key: vectors.key(vector, node),
            node,
        })
        .collect();
    around.sort_unstable();
    *links = choose(vectors, &around, config.most(layer))
        .into_iter()
        .map(|near| near.node)
        .collect();
}

/// The candidates (nearest first) that lie in different directions: each is nearer to the node than to any chosen before
/// it. Room that is left is filled with the nearest of the others.
fn choose(vectors: &Vectors, candidates: &[Near], most: usize) -> Vec<Near> {
    let mut chosen: Vec<Near> = Vec::with_capacity(most);
    let mut others = Vec::new();
    for &candidate in candidates {
        if chosen.len() == most {
            return chosen;
        }
        let vector = vectors.vector(candidate.node);
        let apart = chosen
            .iter()
            .all(|near| candidate.key < vectors.key(vector, near.node));
        if apart {
            chosen.push(candidate);
        } else {
            others.push(candidate);
        }
    }
    let room = most - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen
}

/// The highest layer of a node: `floor(-ln(u) / ln(M))` with `u` uniform, a function of its number.
fn layer_of(node: u32, degree: usize) -> usize {
    // The 53 high bits, of (0, 1].
    let u = ((mix(u64::from(node)) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let layer = (-u.ln() / (degree as f64).ln()).floor();
    (layer as usize).min(MAX_LAYERS - 1)
}

/// SplitMix64 of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014), at a counter.
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // First values of the reference implementation with seed 0.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn each_layer_has_a_sixteenth_of_the_one_below() {
        let count = |layer: usize| (0..100_000).filter(|&n| layer_of(n, 16) >= layer).count();
        assert_eq!(count(0), 100_000);
        assert!((5_900..6_600).contains(&count(1)), "{}", count(1));
        assert!((330..450).contains(&count(2)), "{}", count(2));
    }
}
