//! The network: a convolution and a batch norm in each layer, a rectifier between layers, a linear layer at the end.

use std::fmt;

use candle_core::{Module, Tensor};
use dd_graph::GraphBatch;
use dd_kernels::segment_mean;
use dd_nn::{BatchNorm, Linear, Mode, Params, Representation};

use super::config::{MolClrConfig, MolClrConvolution};
use super::gcn::GcnConvolution;
use crate::columns::ColumnEmbedding;
use crate::dropout::dropout;
use crate::encoder::Encoder2d;
use crate::error::Result;
use crate::pretrain_gnn::{GinConvolution, Neighborhood};

/// Tables of atoms: atomic numbers and the mask of pre-training, chiral tags.
const ATOM_TABLES: [(&str, usize); 2] = [("x_embedding1", 119), ("x_embedding2", 3)];
/// Bond types: four and the loop.
const NUM_BOND_TYPES: usize = 5;

/// A network of MolCLR up to its features: `feat_lin` of the mean over atoms, which the original calls `h` and fine-tunes
/// heads on. The vector of an atom is `feat_lin` of its last layer, so that a molecule is the mean of its atoms here too.
///
/// Parameter names are the original's: `x_embedding1.weight`, `gnns.{l}.*`, `batch_norms.{l}.*`, `feat_lin.*`. The
/// projection `out_lin`, which serves the contrastive loss alone, is not part of it.
///
/// ```
/// use dd_encoder2d::mol_clr::{MolClrConfig, MolClrConvolution};
/// use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig};
/// let config = MolClrConfig { width: 16, feature_width: 24, ..MolClrConfig::published(MolClrConvolution::Gcn) };
/// let encoder = Encoder::untrained(&ModelConfig::encoder_only(EncoderConfig::MolClr(config)), 0)?;
/// assert_eq!(encoder.embed_smiles(&["CCO"])[0].as_ref().unwrap().graph.len(), 24);
/// # Ok::<(), dd_encoder2d::EncoderError>(())
/// ```
pub struct MolClr {
    config: MolClrConfig,
    atoms: ColumnEmbedding,
    gnns: Vec<Convolution>,
    batch_norms: Vec<BatchNorm>,
    feat_lin: Linear,
}

enum Convolution {
    Gcn(GcnConvolution),
    Gin(GinConvolution),
}

impl Convolution {
    fn new(config: &MolClrConfig, params: &Params) -> Result<Self> {
        let (width, types) = (config.width, NUM_BOND_TYPES);
        Ok(match config.convolution {
            MolClrConvolution::Gcn => Self::Gcn(GcnConvolution::new(width, types, params)?),
            MolClrConvolution::Gin => Self::Gin(GinConvolution::new(width, types, params)?),
        })
    }

    fn forward(&self, h: &Tensor, around: &Neighborhood) -> Result<Tensor> {
        match self {
            Self::Gcn(convolution) => convolution.forward(h, around),
            Self::Gin(convolution) => convolution.forward(h, around),
        }
    }
}

impl fmt::Debug for MolClr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MolClr")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl MolClr {
    /// Builds the network with its parameters below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn new(config: &MolClrConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        let (width, features) = (config.width, config.feature_width);
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
            feat_lin: Linear::fan_in_uniform(width, features, &params.pp("feat_lin"))?,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &MolClrConfig {
        &self.config
    }
}

impl Encoder2d for MolClr {
    fn width(&self) -> usize {
        self.feat_lin.weight().dims()[0]
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
        Ok(Representation {
            nodes: self.feat_lin.forward(&h)?,       // [N, F]
            graphs: self.feat_lin.forward(&graphs)?, // [B, F]
        })
    }
}
