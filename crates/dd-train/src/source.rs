//! Where examples come from.

use dd_distill::Alignment;
use dd_graph::{MolGraph, PointCloud};

use crate::error::{Result, TrainError};

/// A finite, indexed collection of examples. `Vec<T>` and `[T]` are sources; a file-backed cache can be one too.
pub trait Source: Sync {
    /// What it holds.
    type Item;

    /// Number of examples.
    fn len(&self) -> usize;

    /// True when there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cost of one example, known without reading it: tokens or atoms. Batches are cut by it.
    fn cost(&self, index: usize) -> usize;

    /// One example.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, index: usize) -> Result<Self::Item>;
}

/// An example that knows its cost.
pub trait Example: Clone + Sync {
    /// Tokens or atoms.
    fn cost(&self) -> usize;

    /// Number of the record in its data set: it names the example's stream of random numbers.
    fn record(&self) -> u64;
}

impl<T: Example> Source for [T] {
    type Item = T;

    fn len(&self) -> usize {
        self.len()
    }

    fn cost(&self, index: usize) -> usize {
        self[index].cost()
    }

    fn get(&self, index: usize) -> Result<T> {
        self.as_ref()
            .get(index)
            .cloned()
            .ok_or_else(|| TrainError::Record {
                index,
                reason: format!("there are only {} records", self.len()),
            })
    }
}

impl<T: Example> Source for Vec<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn cost(&self, index: usize) -> usize {
        self[index].cost()
    }

    fn get(&self, index: usize) -> Result<T> {
        Source::get(self.as_slice(), index)
    }
}

/// Some examples of a source, in a given order.
pub struct Subset<'a, T> {
    source: &'a dyn Source<Item = T>,
    indices: Vec<usize>,
}

impl<'a, T> Subset<'a, T> {
    /// The examples at `indices`.
    ///
    /// # Errors
    /// When an index is not in the source.
    pub fn new(source: &'a dyn Source<Item = T>, indices: Vec<usize>) -> Result<Self> {
        match indices.iter().find(|&&index| index >= source.len()) {
            None => Ok(Self { source, indices }),
            Some(&index) => Err(TrainError::Record {
                index,
                reason: format!("there are only {} records", source.len()),
            }),
        }
    }
}

impl<T> Source for Subset<'_, T> {
    type Item = T;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn cost(&self, index: usize) -> usize {
        self.source.cost(self.indices[index])
    }

    fn get(&self, index: usize) -> Result<T> {
        self.source.get(self.indices[index])
    }
}

/// A conformer, for denoising. Its cost is its number of atoms.
impl Example for PointCloud {
    fn cost(&self) -> usize {
        self.num_atoms()
    }

    fn record(&self) -> u64 {
        self.record
    }
}

/// One molecule in 2D and in 3D, for distillation. Both sides have the same record number.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What the student sees.
    pub graph: MolGraph,
    /// What the teacher sees.
    pub cloud: PointCloud,
}

impl Pair {
    /// Checks that both sides are the same record and that every node has its atom.
    ///
    /// # Errors
    /// Says which does not.
    pub fn new(graph: MolGraph, cloud: PointCloud) -> Result<Self> {
        if graph.record != cloud.record {
            return Err(TrainError::Record {
                index: graph.record as usize,
                reason: format!("the conformer belongs to record {}", cloud.record),
            });
        }
        Alignment::from_atom_index(
            std::slice::from_ref(&graph.atom_index),
            std::slice::from_ref(&cloud.atom_index),
            &candle_core::Device::Cpu,
        )?;
        Ok(Self { graph, cloud })
    }
}

impl Example for Pair {
    fn cost(&self) -> usize {
        self.graph.num_tokens()
    }

    fn record(&self) -> u64 {
        self.graph.record
    }
}

/// A graph with its labels, for fine-tuning; a label that is `NaN` is missing.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The molecule.
    pub graph: MolGraph,
    /// One label per target, in the target's unit.
    pub labels: Vec<f32>,
}

impl Example for Labelled {
    fn cost(&self) -> usize {
        self.graph.num_tokens()
    }

    fn record(&self) -> u64 {
        self.graph.record
    }
}
