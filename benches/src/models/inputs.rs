//! Batches from the tensors of a file, or of the molecules in `dd-data`.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};
use dd_data::{Dataset, embedded};
use dd_graph::{
    Featurizer, Hydrogens, MolGraph, OgbConfig, OgbFeaturizer, PointBatch, PointCloud, PointConfig,
    PointFeaturizer,
};
use dd_kernels::rng::Key;
use dd_kernels::testing::normal_tensor;
use ndarray::Array2;

use super::Result;

/// Where the molecules come from.
pub(super) enum Inputs {
    /// The tensors of a file.
    File(HashMap<String, Tensor>),
    /// So many of the molecules in `dd-data`.
    Embedded(usize),
}

impl Inputs {
    /// Conformers, and noise of unit variance for them, `[N, 3]`.
    pub(super) fn conformers(&self, dtype: DType) -> Result<(PointBatch, Tensor)> {
        match self {
            Self::File(tensors) => Ok((
                conformers(tensors, dtype)?,
                tensor(tensors, "noise")?.to_dtype(dtype)?,
            )),
            Self::Embedded(count) => {
                let molecules = embedded::small_organics(&[])?;
                let featurizer = PointFeaturizer::new(PointConfig::torchmd_net(Hydrogens::Keep));
                let clouds = (0..*count).map(|index| -> Result<_> {
                    Ok(featurizer.featurize(&molecules.get(index)?.molecule)?)
                });
                let clouds = clouds.collect::<Result<Vec<_>>>()?;
                let batch = PointBatch::collate(&clouds, dtype, &Device::Cpu)?;
                let noise = normal_tensor(Key::from_seed(0), &[batch.num_atoms(), 3])?;
                Ok((batch, noise.to_dtype(dtype)?))
            }
        }
    }

    /// Graphs with 16 Laplacian eigenvectors.
    pub(super) fn graphs(&self) -> Result<Vec<MolGraph>> {
        match self {
            Self::File(tensors) => graphs(tensors),
            Self::Embedded(count) => {
                let molecules = embedded::small_organics_smiles(&[])?;
                let featurizer = OgbFeaturizer::new(OgbConfig {
                    laplacian: Some(16),
                    ..OgbConfig::smiles2graph()
                });
                let graphs = (0..*count).map(|index| -> Result<_> {
                    Ok(featurizer.featurize(&molecules.get(index)?.molecule)?)
                });
                graphs.collect()
            }
        }
    }
}

/// The tensor of a name.
fn tensor<'a>(tensors: &'a HashMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    Ok(tensors.get(name).ok_or(format!("no tensor {name}"))?)
}

/// Conformers from `z` `[N]`, `pos` `[N, 3]` and the molecule of each atom, `batch` `[N]`.
fn conformers(tensors: &HashMap<String, Tensor>, dtype: DType) -> Result<PointBatch> {
    let integers = |name: &str| -> Result<Vec<i64>> { Ok(tensor(tensors, name)?.to_vec1()?) };
    let rows = tensor(tensors, "pos")?.to_vec2::<f32>()?;
    let mut clouds: BTreeMap<i64, PointCloud> = BTreeMap::new();
    for ((number, molecule), row) in integers("z")?.into_iter().zip(integers("batch")?).zip(rows) {
        let cloud = clouds.entry(molecule).or_insert_with(|| PointCloud {
            atomic_numbers: Vec::new(),
            positions: Vec::new(),
            atom_index: Vec::new(),
            record: molecule as u64,
        });
        cloud.atom_index.push(cloud.atomic_numbers.len() as u32);
        cloud.atomic_numbers.push(u8::try_from(number)?);
        cloud.positions.push([row[0], row[1], row[2]]);
    }
    let clouds: Vec<PointCloud> = clouds.into_values().collect();
    Ok(PointBatch::collate(&clouds, dtype, &Device::Cpu)?)
}

/// Graphs from `node_feat` `[N, 9]`, `edge_feat` `[E, 3]`, `edge_index` `[2, E]` (nodes numbered in each molecule),
/// `node_num` and `edge_num` `[B]`, and `lap_eigvec` `[N, K]`.
fn graphs(tensors: &HashMap<String, Tensor>) -> Result<Vec<MolGraph>> {
    let integers = |name: &str| -> Result<Vec<i64>> { Ok(tensor(tensors, name)?.to_vec1()?) };
    let table = |name: &str, first: usize, rows: usize| -> Result<Array2<u16>> {
        let part = tensor(tensors, name)?.narrow(0, first, rows)?;
        let values = part.flatten_all()?.to_vec1::<i64>()?;
        let values = values.into_iter().map(u16::try_from);
        let values = values.collect::<std::result::Result<_, _>>()?;
        Ok(Array2::from_shape_vec((rows, part.dim(1)?), values)?)
    };
    let edge_index = tensor(tensors, "edge_index")?.to_vec2::<i64>()?;
    let eigenvectors = tensor(tensors, "lap_eigvec")?.to_vec2::<f32>()?;
    let counts = integers("node_num")?.into_iter().zip(integers("edge_num")?);
    let (mut graphs, mut node, mut edge) = (Vec::new(), 0, 0);
    for (nodes, edges) in counts {
        let (nodes, edges) = (usize::try_from(nodes)?, usize::try_from(edges)?);
        let ends = |row: usize| {
            edge_index[row][edge..edge + edges]
                .iter()
                .map(|&v| v as u32)
        };
        let rows = &eigenvectors[node..node + nodes];
        let columns = rows.first().map_or(0, Vec::len);
        graphs.push(MolGraph {
            node_features: table("node_feat", node, nodes)?,
            edge_features: table("edge_feat", edge, edges)?,
            edge_sources: ends(0).collect(),
            edge_targets: ends(1).collect(),
            atom_index: (0..nodes as u32).collect(),
            laplacian: Some(Array2::from_shape_vec((nodes, columns), rows.concat())?),
            node_reals: None,
            record: graphs.len() as u64,
        });
        node += nodes;
        edge += edges;
    }
    Ok(graphs)
}
