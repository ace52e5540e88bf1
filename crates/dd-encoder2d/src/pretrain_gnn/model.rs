//! The network: a convolution and a batch norm in each layer, a rectifier between layers.

use std::fmt;

use candle_core::Tensor;
use dd_graph::GraphBatch;
use dd_kernels::segment_mean;
use dd_nn::{BatchNorm, Mode, Params, Representation};

use super::config::{GraphConvolution, PretrainGnnConfig};
use super::gat::GatConvolution;
use super::gcn::GcnConvolution;
use super::gin::GinConvolution;
use super::graph_sage::SageConvolution;
use super::neighborhood::Neighborhood;
use crate::columns::ColumnEmbedding;
use crate::dropout::dropout;
use crate::encoder::Encoder2d;
use crate::error::Result;

/// Tables of atoms: atomic numbers and two masks of pre-training, chiral tags.
pub(crate) const ATOM_TABLES: [(&str, usize); 2] = [("x_embedding1", 120), ("x_embedding2", 3)];
/// Bond types: four, the loop, the mask.
const NUM_BOND_TYPES: usize = 6;

/// A network of `pretrain-gnns` with the last layer as representation (`JK = "last"`) and the mean over atoms as readout.
///
/// Parameter names are the original's: `x_embedding1.weight`, `gnns.{l}.*`, `batch_norms.{l}.*`. In training, batch
/// normalisation uses the statistics of the batch.
///
/// ```
/// use dd_encoder2d::pretrain_gnn::{GraphConvolution, PretrainGnnConfig};
/// use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig};
/// let config = PretrainGnnConfig { width: 16, ..PretrainGnnConfig::published(GraphConvolution::Gat) };
/// let encoder = Encoder::untrained(&ModelConfig::encoder_only(EncoderConfig::PretrainGnn(config)), 0)?;
/// let rows = encoder.embed_smiles(&["C/C=C/C", "*C"]);
/// assert_eq!(rows[0].as_ref().unwrap().atoms.dim(), (4, 16));
/// assert!(rows[1].is_err()); // the network has no vector for a dummy atom
/// # Ok::<(), dd_encoder2d::EncoderError>(())
/// ```
pub struct PretrainGnn {
    config: PretrainGnnConfig,
    atoms: ColumnEmbedding,
    gnns: Vec<Convolution>,
    batch_norms: Vec<BatchNorm>,
}

enum Convolution {
    Gin(GinConvolution),
    Gcn(GcnConvolution),
    Sage(SageConvolution),
    Gat(GatConvolution),
}

impl Convolution {
    fn new(config: &PretrainGnnConfig, params: &Params) -> Result<Self> {
        let (width, types) = (config.width, NUM_BOND_TYPES);
        Ok(match config.convolution {
            GraphConvolution::Gin => Self::Gin(GinConvolution::new(width, types, params)?),
            GraphConvolution::Gcn => Self::Gcn(GcnConvolution::new(width, types, params)?),
            GraphConvolution::GraphSage => Self::Sage(SageConvolution::new(width, types, params)?),
            GraphConvolution::Gat => Self::Gat(GatConvolution::new(width, types, params)?),
        })
    }

    fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        match self {
            Self::Gin(convolution) => convolution.forward(h, around),
            Self::Gcn(convolution) => convolution.forward(h, around),
            Self::Sage(convolution) => convolution.forward(h, around),
            Self::Gat(convolution) => convolution.forward(h, around),
        }
    }
}

impl fmt::Debug for PretrainGnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PretrainGnn")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl PretrainGnn {
    /// Builds the network with its parameters below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn new(config: &PretrainGnnConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        let width = config.width;
        let layers = 0..config.num_layers;
        Ok(Self {
            atoms: ColumnEmbedding::new("node_features", ATOM_TABLES, width, params)?,
            gnns: layers
                .clone()
                .map(|layer| Convolution::new(config, &params.pp("gnns").pp(layer)))
                .collect::<Result<_>>()?,
            batch_norms: layers
                .map(|layer| BatchNorm::new(width, &params.pp("batch_norms").pp(layer)))
                .collect::<candle_core::Result<_>>()?,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &PretrainGnnConfig {
        &self.config
    }
}

impl Encoder2d for PretrainGnn {
    fn width(&self) -> usize {
        self.config.width
    }

    fn encode(&self, batch: &GraphBatch, mode: Mode) -> Result<Representation> {
        let atoms = self.atoms.rows(&batch.node_features, &batch.device)?;
        let around = Neighborhood::new(batch, NUM_BOND_TYPES)?;
        let mut h = self.atoms.forward(&atoms)?; // [N, W]
        for (layer, (gnn, norm)) in self.gnns.iter().zip(&self.batch_norms).enumerate() {
            let mode = mode.named("layers").with(layer);
            let x = gnn.forward(&h, &around)?; // [N, W]
            h = if layer + 1 < self.gnns.len() {
                norm.forward_relu(&x, mode)?
            } else {
                norm.forward(&x, mode)?
            };
            h = dropout(&h, self.config.dropout, &batch.nodes, mode.named("dropout"))?;
        }
        let graphs = segment_mean(&h, &batch.nodes)?; // [B, W]
        Ok(Representation { nodes: h, graphs })
    }
}
