//! The network: `h_v <- BN(MLP((1 + eps) h_v + sum over (u, v) of relu(h_u + bond_uv)))`, layer after layer.

use candle_core::{Module, Tensor};
use dd_graph::GraphBatch;
use dd_kernels::{GinEdges, RowIndex, gather, gin_message, segment_mean};
use dd_nn::{BatchNorm, Init, Linear, Mode, Params, Representation};

use super::config::GinConfig;
use super::environments::Environments;
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

    fn forward(
        &self,
        h: &Tensor,
        bonds: &RowIndex,
        edges: &GinEdges,
        mode: Mode,
    ) -> Result<Tensor> {
        let bonds = self.bond_encoder.forward(bonds)?; // [B, W]
        let x = gin_message(h, &bonds, &self.eps, edges)?; // [N, W]
        let x = self.norm.forward_relu(&self.first.forward(&x)?, mode)?; // [N, 2 W]
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
        // In training, dropout and the statistics of the batch tell alike atoms apart.
        let environments = match mode {
            Mode::Eval => Environments::shared(batch, &atoms, &bonds, layers)?,
            Mode::Train(_) => Environments::apart(batch, atoms, bonds, layers)?,
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
        for (layer, (gnn, norm)) in self.gnns.iter().zip(&self.batch_norms).enumerate() {
            let mode = mode.named("layers").with(layer);
            let x = gnn.forward(&h, bonds, &environments.layers[layer], mode)?;
            h = if layer + 1 < self.gnns.len() {
                norm.forward_relu(&x, mode)?
            } else {
                norm.forward(&x, mode)?
            };
            h = dropout(&h, self.config.dropout, &batch.nodes, mode.named("dropout"))?;
        }
        if let Some(of_atoms) = &environments.last {
            h = gather(&h, of_atoms)?;
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

    #[test]
    fn alike_atoms_share_what_they_would_compute_apart() -> Result<()> {
        let mut graphs = sample_graphs(0);
        let order = Key::from_seed(1).permutation(graphs[0].num_nodes());
        graphs.push(permuted(&graphs[0], &order, Key::from_seed(2)));
        let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let config = GinConfig {
            width: 8,
            num_layers: 3,
            dropout: 0.0,
        };
        let gin = Gin::new(&config, &store.root())?;
        let atoms = gin.atom_encoder.rows(&batch.node_features, &batch.device)?;
        let bonds = gin.gnns[0]
            .bond_encoder
            .rows(&batch.edge_features, &batch.device)?;
        let shared = Environments::shared(&batch, &atoms, &bonds, 3)?;
        for edges in &shared.layers {
            assert!(edges.atoms.len() <= batch.num_nodes() - graphs[0].num_nodes());
        }
        let apart = Environments::apart(&batch, atoms, bonds, 3)?;
        let [shared, apart] =
            [shared, apart].map(|environments| gin.run(&environments, &batch, Mode::Eval));
        let off = (shared?.nodes - apart?.nodes)?
            .abs()?
            .max_all()?
            .to_scalar::<f64>()?;
        assert!(off < 1e-12, "off by {off:e}");
        Ok(())
    }
}
