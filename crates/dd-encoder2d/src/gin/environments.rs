//! Atoms that look alike, and what a layer of GIN computes once for all of them.
//!
//! In training the statistics of a batch count an atom's vector as often as atoms have it, and the vector's gradient is the
//! sum of theirs. Dropout tells atoms apart: what follows it is computed for each.
//!
//! After `k` layers the vector of an atom is a function of its surroundings within `k` bonds. In a batch of drug-like
//! molecules few surroundings are unique: of 300 molecules' atoms 13 % after one layer, 44 % after two, 85 % after five.

use std::collections::HashMap;

use candle_core::Device;
use dd_graph::GraphBatch;
use dd_kernels::rng::Key;
use dd_kernels::{GinEdges, RowIndex};

use crate::error::Result;

/// What each layer computes from the vectors of the layer before. All sums run in an order that follows from the
/// surroundings themselves, so that an atom's vector does not depend on its batch mates.
pub(super) struct Environments {
    /// Table rows of each vector of the input layer.
    pub(super) atoms: RowIndex,
    /// Table rows of each bond vector.
    pub(super) bonds: RowIndex,
    /// Who sends to whom, and who is alike, in each layer.
    pub(super) layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) edges: GinEdges,
    /// How many atoms have each vector that the layer gives; one each if absent.
    pub(super) copies: Option<Vec<u32>>,
    /// Vector of each atom after this layer, where atoms part.
    pub(super) part: Option<RowIndex>,
}

/// The kinds of some things: equal things have the same kind, and kinds are numbered as they appear.
struct Kinds {
    /// Kind of each thing.
    of: Vec<u32>,
    /// What each kind is, as a number that depends on nothing else.
    content: Vec<Key>,
    /// The first thing of each kind.
    first: Vec<u32>,
}

impl Environments {
    /// Each atom with vectors and each edge with a bond of its own. `atoms` and `bonds`: table rows of all features.
    pub(super) fn apart(
        batch: &GraphBatch,
        atoms: RowIndex,
        bonds: RowIndex,
        num_layers: usize,
    ) -> Result<Self> {
        let edges = GinEdges {
            atoms: each(batch.num_nodes(), &batch.device)?,
            sources: batch.edge_sources.clone(),
            bonds: each(batch.num_edges(), &batch.device)?,
            targets: batch.edge_targets.clone(),
        };
        Ok(Self {
            atoms,
            bonds,
            layers: vec![Layer::apart(edges); num_layers],
        })
    }

    /// One vector for all atoms that look alike, up to the end of the first `num_shared` layers (one or more). `atoms` and
    /// `bonds`: table rows of all features.
    ///
    /// # Complexity
    /// Proportional to atoms and edges times layers.
    pub(super) fn shared(
        batch: &GraphBatch,
        atoms: &RowIndex,
        bonds: &RowIndex,
        num_layers: usize,
        num_shared: usize,
    ) -> Result<Self> {
        let device = &batch.device;
        let (nodes, edges) = (batch.num_nodes(), batch.num_edges());
        let bond_kinds = Kinds::of_rows(bonds.rows(), edges);
        let mut kinds = Kinds::of_rows(atoms.rows(), nodes);
        let firsts = |index: &RowIndex, things, kinds: &Kinds| {
            let width = index.len().checked_div(things).unwrap_or_default();
            let rows = |&first: &u32| &index.rows()[first as usize * width..][..width];
            let rows = kinds.first.iter().flat_map(rows).copied().collect();
            RowIndex::new(rows, index.num_sources(), device)
        };
        let (atoms, bonds) = (
            firsts(atoms, nodes, &kinds)?,
            firsts(bonds, edges, &bond_kinds)?,
        );
        let mut layers = Vec::with_capacity(num_layers);
        for _ in 0..num_shared {
            let (after, edges) = kinds.after_layer(batch, &bond_kinds)?;
            let copies = Some(after.copies());
            layers.push(Layer {
                edges,
                copies,
                part: None,
            });
            kinds = after;
        }
        if let Some(last) = layers.last_mut() {
            last.part = Some(RowIndex::new(kinds.of, kinds.first.len(), device)?);
        }
        if num_shared < num_layers {
            let edges = GinEdges {
                atoms: each(nodes, device)?,
                sources: batch.edge_sources.clone(),
                bonds: RowIndex::new(bond_kinds.of, bond_kinds.first.len(), device)?,
                targets: batch.edge_targets.clone(),
            };
            layers.resize(num_layers, Layer::apart(edges));
        }
        Ok(Self {
            atoms,
            bonds,
            layers,
        })
    }
}

impl Layer {
    fn apart(edges: GinEdges) -> Self {
        Self {
            edges,
            copies: None,
            part: None,
        }
    }
}

/// A row for each.
fn each(count: usize, device: &Device) -> Result<RowIndex> {
    Ok(RowIndex::new((0..count as u32).collect(), count, device)?)
}

impl Kinds {
    /// Those of `count` rows of equal length.
    fn of_rows(rows: &[u32], count: usize) -> Self {
        let width = rows.len().checked_div(count).unwrap_or_default();
        let mut kinds = Collector::default();
        for row in 0..count {
            let row = &rows[row * width..(row + 1) * width];
            kinds.add(row, || {
                row.iter()
                    .fold(Key::from_seed(0), |key, &x| key.with(x.into()))
            });
        }
        kinds.kinds
    }

    /// Number of things of each kind.
    fn copies(&self) -> Vec<u32> {
        let mut copies = vec![0; self.first.len()];
        self.of.iter().for_each(|&kind| copies[kind as usize] += 1);
        copies
    }

    /// Those of the atoms after a layer, and the layer's messages from the vectors before it.
    fn after_layer(&self, batch: &GraphBatch, bonds: &Self) -> Result<(Self, GinEdges)> {
        let (sources, targets) = (batch.edge_sources.rows(), &batch.edge_targets);
        let mut kinds = Collector::default();
        let [mut edge_sources, mut edge_bonds, mut edge_targets] = [(); 3].map(|()| Vec::new());
        let mut arriving: Vec<(u64, [u32; 2])> = Vec::new();
        let mut look: Vec<u32> = Vec::new();
        for (atom, &own) in self.of.iter().enumerate() {
            arriving.clear();
            arriving.extend(targets.positions_of(atom).iter().map(|&edge| {
                let (source, bond) = (
                    self.of[sources[edge as usize] as usize],
                    bonds.of[edge as usize],
                );
                let bond_content = bonds.content[bond as usize].bits(0);
                let content = self.content[source as usize].with(bond_content);
                (content.bits(0), [source, bond])
            }));
            arriving.sort_unstable();
            look.clear();
            look.push(own);
            look.extend(arriving.iter().flat_map(|(_, ends)| ends));
            let own = self.content[own as usize];
            let content = || {
                arriving
                    .iter()
                    .fold(own, |key, &(content, _)| key.with(content))
            };
            if let Some(kind) = kinds.add(&look, content) {
                for &(_, [source, bond]) in &arriving {
                    edge_sources.push(source);
                    edge_bonds.push(bond);
                    edge_targets.push(kind);
                }
            }
        }
        let after = kinds.kinds;
        let index = |rows, bound| RowIndex::new(rows, bound, &batch.device);
        let own = after
            .first
            .iter()
            .map(|&atom| self.of[atom as usize])
            .collect();
        let edges = GinEdges {
            atoms: index(own, self.first.len())?,
            sources: index(edge_sources, self.first.len())?,
            bonds: index(edge_bonds, bonds.first.len())?,
            targets: index(edge_targets, after.first.len())?,
        };
        Ok((after, edges))
    }
}

/// Kinds on their way.
struct Collector {
    numbers: HashMap<Vec<u32>, u32>,
    kinds: Kinds,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            kinds: Kinds {
                of: Vec::new(),
                content: Vec::new(),
                first: Vec::new(),
            },
        }
    }
}

impl Collector {
    /// Adds the next thing. Its kind, if none before it looks like it.
    fn add(&mut self, look: &[u32], content: impl FnOnce() -> Key) -> Option<u32> {
        let thing = self.kinds.of.len() as u32;
        if let Some(&kind) = self.numbers.get(look) {
            self.kinds.of.push(kind);
            return None;
        }
        let kind = self.kinds.first.len() as u32;
        self.numbers.insert(look.to_vec(), kind);
        self.kinds.of.push(kind);
        self.kinds.first.push(thing);
        self.kinds.content.push(content());
        Some(kind)
    }
}
