//! Records as networks see them: features on the host, with labels.

use std::collections::HashSet;
use std::sync::Arc;

use dd_graph::{Featurizer, FeaturizerConfig, MolGraph, PointCloud, PointConfig, PointFeaturizer};
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result, RowFault};
use crate::record::{Dataset, Record};

/// One featurised record.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// 2D features, when the recipe asks for them.
    pub graph: Option<MolGraph>,
    /// 3D features, when the recipe asks for them.
    pub cloud: Option<PointCloud>,
    /// One value per target; NaN where the label is missing.
    pub targets: Vec<f64>,
    /// Name of the molecule in the file, possibly empty.
    pub id: String,
    /// 0-based number of the data row in the file.
    pub row: u64,
}

/// Sizes of an example: what batches are cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExampleSize {
    /// Nodes of the graph.
    pub nodes: u32,
    /// Directed edges of the graph.
    pub edges: u32,
    /// Atoms of the point cloud.
    pub atoms: u32,
}

impl Example {
    /// Its sizes.
    pub fn size(&self) -> ExampleSize {
        ExampleSize {
            nodes: self.graph.as_ref().map_or(0, MolGraph::num_nodes) as u32,
            edges: self.graph.as_ref().map_or(0, MolGraph::num_edges) as u32,
            atoms: self.cloud.as_ref().map_or(0, PointCloud::num_atoms) as u32,
        }
    }
}

/// Examples with random access: in memory, or in a cache on disk.
pub trait ExampleSource: Send + Sync {
    /// Number of examples.
    fn len(&self) -> usize;

    /// Sizes of an example, without reading it; zero beyond the end.
    fn size(&self, index: usize) -> ExampleSize;

    /// One example.
    ///
    /// # Errors
    /// When it does not exist or cannot be read.
    fn get(&self, index: usize) -> Result<Example>;

    /// True when there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ExampleSource for Vec<Example> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn size(&self, index: usize) -> ExampleSize {
        self.as_slice()
            .get(index)
            .map(Example::size)
            .unwrap_or_default()
    }

    fn get(&self, index: usize) -> Result<Example> {
        let len = self.as_slice().len();
        let example = self.as_slice().get(index).cloned();
        example.ok_or(DataError::NoSuchRecord { index, len })
    }
}

/// Which features to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// 2D features.
    pub graph: Option<FeaturizerConfig>,
    /// 3D features.
    pub points: Option<PointConfig>,
}

/// Checks that every node of the graph is a point of the cloud.
fn aligned(graph: &MolGraph, cloud: &PointCloud) -> std::result::Result<(), RowFault> {
    let points: HashSet<u32> = cloud.atom_index.iter().copied().collect();
    match graph.atom_index.iter().find(|atom| !points.contains(atom)) {
        None => Ok(()),
        Some(atom) => {
            let message = format!("atom {atom} is a node of the graph, but no point of the cloud");
            Err(RowFault::new("alignment", message))
        }
    }
}

/// Makes examples from records.
#[derive(Clone)]
pub struct ExampleMaker {
    graph: Option<Arc<dyn Featurizer<Output = MolGraph>>>,
    points: Option<Arc<dyn Featurizer<Output = PointCloud>>>,
}

impl ExampleMaker {
    /// The featurizers of a recipe.
    pub fn new(recipe: &Recipe) -> Self {
        Self {
            graph: recipe.graph.as_ref().map(FeaturizerConfig::build),
            points: recipe
                .points
                .clone()
                .map(|config| Arc::new(PointFeaturizer::new(config)) as _),
        }
    }

    /// Any featurizers, those from outside the workspace included.
    pub fn from_featurizers(
        graph: Option<Arc<dyn Featurizer<Output = MolGraph>>>,
        points: Option<Arc<dyn Featurizer<Output = PointCloud>>>,
    ) -> Self {
        Self { graph, points }
    }

    /// The example of a record. Both featurizers read the same molecule, so their atom maps agree.
    ///
    /// # Errors
    /// When a featurizer refuses the molecule, or a node of the graph has no point behind it: RDKit keeps a hydrogen that a
    /// double bond's geometry needs, a point cloud of heavy atoms does not.
    pub fn make(&self, record: &Record) -> std::result::Result<Example, RowFault> {
        let molecule = &record.molecule;
        let graph = self.graph.as_ref().map(|f| f.featurize(molecule));
        let cloud = self.points.as_ref().map(|f| f.featurize(molecule));
        let mut graph = graph.transpose()?;
        let mut cloud = cloud.transpose()?;
        if let (Some(graph), Some(cloud)) = (&graph, &cloud) {
            aligned(graph, cloud)?;
        }
        if let Some(graph) = &mut graph {
            graph.record = record.row;
        }
        if let Some(cloud) = &mut cloud {
            cloud.record = record.row;
        }
        Ok(Example {
            graph,
            cloud,
            targets: record.targets.clone(),
            id: record.id.clone(),
            row: record.row,
        })
    }

    /// The example of record `index` of a data set.
    ///
    /// # Errors
    /// [`DataError::Row`], from the file or from a featurizer.
    pub fn example(&self, dataset: &dyn Dataset, index: usize) -> Result<Example> {
        let record = dataset.get(index)?;
        self.make(&record).map_err(|fault| DataError::Row {
            path: dataset.path().to_path_buf(),
            row: record.row,
            id: record.id.clone(),
            fault,
        })
    }
}
