//! The network: `h_v <- BN(MLP((1 + eps) h_v + sum over (u, v) of relu(h_u + bond_uv)))`, layer after layer.

use std::fmt;

use candle_core::{Module, Tensor};
use dd_graph::GraphBatch;
use dd_kernels::{RowIndex, gather, gin_message, segment_mean};
use dd_nn::{BatchNorm, Init, Linear, Mode, Params, Representation};

use super::config::GinConfig;
use super::environments::{Environments, Layer};
use crate::columns::ColumnEmbedding;
use crate::dropout::dropout;
use crate::encoder::Encoder2d;
use crate::error::Result;

/// Categories of OGB's atom feature columns (`snap-stanford/ogb` 61e9784, `ogb/utils/features.py`).
pub(crate) const ATOM_SIZES: [usize; 9] = [119, 5, 12, 12, 10, 6, 6, 2, 2];
/// Categories of OGB's bond feature columns.
pub(crate) const BOND_SIZES: [usize; 3] = [5, 6, 2];

/// GIN with the last layer as representation and the mean over atoms as readout.
///
/// Parameter names are the original's: `atom_encoder.atom_embedding_list.*`, `gnns.{l}.*`, `batch_norms.{l}.*`.
///
/// In training, batch normalisation uses the statistics of the batch: the one layer of this workspace in which the batch
/// mates of a graph matter. In evaluation it uses the running statistics, and they do not.
pub struct Gin {
    config: GinConfig,
    atom_encoder: ColumnEmbedding,
    gnns: Vec<Convolution>,
    batch_norms: Vec<BatchNorm>,
}

/// Message passing of one layer.
struct Convolution {
    eps: Tensor,
    bond_encoder: ColumnEmbedding,
    first: Linear,
    norm: BatchNorm,
    last: Linear,
}

impl fmt::Debug for Gin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gin")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Gin {
    /// Builds the network with its parameters below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn new(config: &GinConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        let width = config.width;
        let atoms = params.pp("atom_encoder").pp("atom_embedding_list");
        let layers = 0..config.num_layers;
        Ok(Self {
            atom_encoder: ColumnEmbedding::new(
                "node_features",
                (0..).zip(ATOM_SIZES),
                width,
                &atoms,
            )?,
            gnns: layers
                .clone()
                .map(|layer| Convolution::new(width, &params.pp("gnns").pp(layer)))
                .collect::<Result<_>>()?,
            batch_norms: layers
                .map(|layer| BatchNorm::new(width, &params.pp("batch_norms").pp(layer)))
                .collect::<candle_core::Result<_>>()?,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &GinConfig {
        &self.config
    }
}

impl Convolution {
    fn new(width: usize, params: &Params) -> Result<Self> {
        let bonds = params.pp("bond_encoder").pp("bond_embedding_list");
        let mlp = params.pp("mlp");
        Ok(Self {
            eps: params.get(1, "eps", Init::Constant(0.0))?,
            bond_encoder: ColumnEmbedding::new(
                "edge_features",
                (0..).zip(BOND_SIZES),
                width,
                &bonds,
            )?,
            first: Linear::fan_in_uniform(width, 2 * width, &mlp.pp(0))?,
            norm: BatchNorm::new(2 * width, &mlp.pp(1))?,
            last: Linear::fan_in_uniform(2 * width, width, &mlp.pp(3))?,
        })
    }

    fn forward(&self, h: &Tensor, bonds: &RowIndex, layer: &Layer, mode: Mode) -> Result<Tensor> {
        let bonds = self.bond_encoder.forward(bonds)?; // [kinds of bonds, W]
        let x = gin_message(h, &bonds, &self.eps, &layer.edges)?; // [N, W]
        let x = self.first.forward(&x)?; // [N, 2 W]
        let x = self
            .norm
            .normalize(&x, mode, true, layer.copies.as_deref())?;
        Ok(self.last.forward(&x)?) // [N, W]
    }
}

impl Encoder2d for Gin {
    fn width(&self) -> usize {
        self.config.width
    }

    fn encode(&self, batch: &GraphBatch, mode: Mode) -> Result<Representation> {
        let atoms = self
            .atom_encoder
            .rows(&batch.node_features, &batch.device)?;
        let bonds = self.gnns[0]
            .bond_encoder
            .rows(&batch.edge_features, &batch.device)?;
        let layers = self.gnns.len();
        let training = matches!(mode, Mode::Train(_));
        // Kernels for GPUs take no copies.
        let environments = if training && !batch.device.is_cpu() {
            Environments::apart(batch, atoms, bonds, layers)?
        } else {
            let drops = training && self.config.dropout > 0.0;
            let num_shared = if drops { 1 } else { layers };
            Environments::shared(batch, &atoms, &bonds, layers, num_shared)?
        };
        self.run(&environments, batch, mode)
    }
}

impl Gin {
    fn run(
        &self,
        environments: &Environments,
        batch: &GraphBatch,
        mode: Mode,
    ) -> Result<Representation> {
        let bonds = &environments.bonds;
        let mut h = self.atom_encoder.forward(&environments.atoms)?; // [N, W]
        for (number, (gnn, norm)) in self.gnns.iter().zip(&self.batch_norms).enumerate() {
            let mode = mode.named("layers").with(number);
            let layer = &environments.layers[number];
            let x = gnn.forward(&h, bonds, layer, mode)?;
            let relu = number + 1 < self.gnns.len();
            h = norm.normalize(&x, mode, relu, layer.copies.as_deref())?;
            if let Some(of_atoms) = &layer.part {
                h = gather(&h, of_atoms)?;
            }
            h = dropout(&h, self.config.dropout, &batch.nodes, mode.named("dropout"))?;
        }
        let graphs = segment_mean(&h, &batch.nodes)?; // [B, W]
        Ok(Representation { nodes: h, graphs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{permuted, sample_graphs};
    use candle_core::{DType, Device};
    use dd_kernels::rng::Key;
    use dd_nn::ParamStore;
    use std::collections::BTreeMap;

    /// Five graphs, two of them the same in another order of atoms.
    fn batch() -> Result<GraphBatch> {
        let mut graphs = sample_graphs(0);
        let order = Key::from_seed(1).permutation(graphs[0].num_nodes());
        graphs.push(permuted(&graphs[0], &order, Key::from_seed(2)));
        Ok(GraphBatch::collate(&graphs, &Device::Cpu)?)
    }

    /// What a pass gives, by name: atoms and graphs; in training also all gradients and running statistics.
    fn results(
        dropout: f64,
        mode: Mode,
        num_shared: Option<usize>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let batch = batch()?;
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let config = GinConfig {
            width: 8,
            num_layers: 3,
            dropout,
        };
        let gin = Gin::new(&config, &store.root())?;
        let atoms = gin.atom_encoder.rows(&batch.node_features, &batch.device)?;
        let bonds = gin.gnns[0]
            .bond_encoder
            .rows(&batch.edge_features, &batch.device)?;
        let environments = match num_shared {
            Some(shared) => Environments::shared(&batch, &atoms, &bonds, 3, shared)?,
            None => Environments::apart(&batch, atoms, bonds, 3)?,
        };
        for layer in &environments.layers[..num_shared.unwrap_or(0)] {
            assert!(layer.edges.atoms.len() <= batch.num_nodes() - 7);
        }
        let z = gin.run(&environments, &batch, mode)?;
        let mut results = store.tensors();
        if matches!(mode, Mode::Train(_)) {
            let gradients = z.nodes.sqr()?.mul(&z.nodes)?.sum_all()?.backward()?;
            for (name, var) in store.vars() {
                let gradient = gradients.get(&var).expect("every parameter is read");
                results.insert(format!("gradient of {name}"), gradient.clone());
            }
        }
        results.insert("nodes".to_string(), z.nodes);
        results.insert("graphs".to_string(), z.graphs);
        Ok(results)
    }

    #[test]
    fn alike_atoms_share_what_they_would_compute_apart() -> Result<()> {
        let training = Mode::Train(Key::from_seed(3));
        for (dropout, mode, num_shared) in [
            (0.0, Mode::Eval, 3),
            (0.0, training, 3),
            (0.0, training, 2),
            (0.5, training, 1),
        ] {
            let shared = results(dropout, mode, Some(num_shared))?;
            let apart = results(dropout, mode, None)?;
            assert!(shared.keys().eq(apart.keys()));
            for (name, apart) in &apart {
                let largest = |x: &Tensor| -> candle_core::Result<f64> {
                    x.to_dtype(DType::F64)?.abs()?.max_all()?.to_scalar()
                };
                let shared = shared[name].to_dtype(DType::F64)?;
                let off = largest(&(shared - apart.to_dtype(DType::F64)?)?)?;
                let bound = 1e-9 * largest(apart)?.max(1e-3);
                assert!(off < bound, "{num_shared} layers, {name}: off by {off:e}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_step_shares_what_it_may() -> Result<()> {
        let training = Mode::Train(Key::from_seed(3));
        for (dropout, num_shared) in [(0.0, 3), (0.5, 1)] {
            let store = ParamStore::new(0, DType::F64, &Device::Cpu);
            let config = GinConfig {
                width: 8,
                num_layers: 3,
                dropout,
            };
            let gin = Gin::new(&config, &store.root())?;
            let nodes = gin.encode(&batch()?, training)?.nodes;
            let shared = results(dropout, training, Some(num_shared))?.remove("nodes");
            let shared = shared.expect("it was put there").to_vec2::<f64>()?;
            assert_eq!(nodes.to_vec2::<f64>()?, shared);
        }
        Ok(())
    }
}
