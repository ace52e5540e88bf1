//! The examples of `dd-data`, in memory or in a cache on disk, as sources for the three tasks.

use dd_data::{Example as DataExample, ExampleSource};
use dd_graph::{PointCloud, SPECIAL_TOKENS};

use crate::error::{Result, TrainError};
use crate::source::{Labelled, Pair, Source};

/// Conformers, for denoising.
pub struct Conformers<'a>(pub &'a dyn ExampleSource);

/// Graphs with conformers, for distillation.
pub struct Pairs<'a>(pub &'a dyn ExampleSource);

/// Graphs with labels, for fine-tuning.
pub struct LabelledGraphs<'a>(pub &'a dyn ExampleSource);

impl Source for Conformers<'_> {
    type Item = PointCloud;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn cost(&self, index: usize) -> usize {
        self.0.size(index).atoms as usize
    }

    fn get(&self, index: usize) -> Result<PointCloud> {
        let example = read(self.0, index)?;
        example.cloud.ok_or_else(|| lacks(index, "conformer"))
    }
}

impl Source for Pairs<'_> {
    type Item = Pair;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn cost(&self, index: usize) -> usize {
        tokens(self.0, index)
    }

    fn get(&self, index: usize) -> Result<Pair> {
        let example = read(self.0, index)?;
        let graph = example.graph.ok_or_else(|| lacks(index, "graph"))?;
        let cloud = example.cloud.ok_or_else(|| lacks(index, "conformer"))?;
        Pair::new(graph, cloud)
    }
}

impl Source for LabelledGraphs<'_> {
    type Item = Labelled;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn cost(&self, index: usize) -> usize {
        tokens(self.0, index)
    }

    fn get(&self, index: usize) -> Result<Labelled> {
        let example = read(self.0, index)?;
        let graph = example.graph.ok_or_else(|| lacks(index, "graph"))?;
        let labels = example.targets.iter().map(|&label| label as f32).collect();
        Ok(Labelled { graph, labels })
    }
}

fn read(source: &dyn ExampleSource, index: usize) -> Result<DataExample> {
    Ok(source.get(index)?)
}

fn lacks(index: usize, what: &str) -> TrainError {
    TrainError::Record {
        index,
        reason: format!("it was featurised without {what}"),
    }
}

fn tokens(source: &dyn ExampleSource, index: usize) -> usize {
    let size = source.size(index);
    SPECIAL_TOKENS + size.nodes as usize + size.edges as usize
}
