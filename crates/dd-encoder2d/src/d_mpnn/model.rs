//! The network: every directed bond `v -> w` has a message, made from those that reach `v` from elsewhere.

use std::fmt;

use candle_core::{Module, Tensor};
use dd_graph::GraphBatch;
use dd_kernels::{RowIndex, Segments, dense, gather, scatter_sum, segment_mean, segment_sum};
use dd_nn::{BatchNorm, Linear, Mode, Params, Representation};

use super::config::{Aggregation, DMpnnConfig};
use super::multi_hot::MultiHot;
use crate::dropout::dropout;
use crate::encoder::Encoder2d;
use crate::error::{EncoderError, Result};

/// chemprop's network up to its fingerprint.
///
/// With `x` the vectors of atoms and bonds: `h0_vw = W_i [x_v, x_vw]`, `h_vw = f(h0_vw)`, then `depth - 1` times
/// `h_vw <- f(h0_vw + W_h sum over u of h_uv, u not w)`. An atom is `f(W_o [x_v, sum over u of h_uv])`, a molecule the
/// aggregate of its atoms, normalised over the batch where the configuration says so.
///
/// Parameter names are the original's: `message_passing.W_i.weight`, `W_h`, `W_o`, `bn.*`.
///
/// ```
/// use dd_encoder2d::d_mpnn::DMpnnConfig;
/// use dd_encoder2d::{Encoder, EncoderConfig, ModelConfig};
/// let config = DMpnnConfig { width: 16, ..DMpnnConfig::chemprop() };
/// let encoder = Encoder::untrained(&ModelConfig::encoder_only(EncoderConfig::DMpnn(config)), 0)?;
/// assert_eq!(encoder.embed_smiles(&["CC[18F]"])[0].as_ref().unwrap().atoms.dim(), (3, 16));
/// # Ok::<(), dd_encoder2d::EncoderError>(())
/// ```
pub struct DMpnn {
    config: DMpnnConfig,
    multi_hot: MultiHot,
    input: Linear,
    /// Of the rounds after the first, if there are any.
    hidden: Option<Linear>,
    output: Linear,
    norm: Option<BatchNorm>,
}

impl fmt::Debug for DMpnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DMpnn")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl DMpnn {
    /// Builds the network with its parameters below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn new(config: &DMpnnConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        let multi_hot = MultiHot::new(config);
        let (atom, bond) = multi_hot.widths();
        let width = config.width;
        let layers = params.pp("message_passing");
        let layer = |name: &str, input: usize| {
            let params = layers.pp(name);
            if config.bias {
                return Linear::fan_in_uniform(input, width, &params);
            }
            let bound = (input as f64).sqrt().recip();
            Linear::no_bias(input, width, dd_nn::Init::Uniform { bound }, &params)
        };
        let norm = || BatchNorm::new(width, &params.pp("bn"));
        Ok(Self {
            input: layer("W_i", atom + bond)?,
            hidden: (config.depth > 1)
                .then(|| layer("W_h", width))
                .transpose()?,
            output: Linear::fan_in_uniform(atom + width, width, &layers.pp("W_o"))?,
            norm: config.batch_norm.then(norm).transpose()?,
            multi_hot,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &DMpnnConfig {
        &self.config
    }

    /// Messages of all directed bonds after the last round, `[E, W]`.
    fn messages(&self, first: &Tensor, batch: &GraphBatch, mode: Mode) -> Result<Tensor> {
        let reverse = reverse(batch)?;
        let mut h = self.config.activation.forward(first)?;
        let Some(hidden) = &self.hidden else {
            return Ok(h);
        };
        for round in 1..self.config.depth {
            if self.config.undirected {
                h = ((&h + gather(&h, &reverse)?)? * 0.5)?;
            }
            let at_atoms = scatter_sum(&h, &batch.edge_targets)?; // [N, W]
            let heard = (gather(&at_atoms, &batch.edge_sources)? - gather(&h, &reverse)?)?;
            let next = (first + hidden.forward(&heard)?)?;
            let mode = mode.named("rounds").with(round);
            h = self.dropout(&self.config.activation.forward(&next)?, &batch.edges, mode)?;
        }
        Ok(h)
    }

    fn dropout(&self, x: &Tensor, segments: &Segments, mode: Mode) -> Result<Tensor> {
        dropout(x, self.config.dropout, segments, mode)
    }
}

impl Encoder2d for DMpnn {
    fn width(&self) -> usize {
        self.config.width
    }

    fn least_batch(&self) -> usize {
        if self.norm.is_some() { 2 } else { 1 }
    }

    fn encode(&self, batch: &GraphBatch, mode: Mode) -> Result<Representation> {
        let (input, output) = (self.input.weight(), self.output.weight());
        let features = self.multi_hot.features(batch, input)?;
        let of_atoms = self.multi_hot.of_atoms(input, &features)?; // [N, W]
        let of_bonds = self.multi_hot.of_bonds(input, &features)?; // [E, W]
        let mut first = (gather(&of_atoms, &batch.edge_sources)? + of_bonds)?;
        if let Some(bias) = self.input.bias() {
            first = first.broadcast_add(bias)?;
        }
        let messages = self.messages(&first, batch, mode)?;
        let at_atoms = scatter_sum(&messages, &batch.edge_targets)?; // [N, W]
        let width = self.config.width;
        let of_messages = output
            .narrow(1, output.dim(1)? - width, width)?
            .contiguous()?;
        let own = self.multi_hot.of_atoms(output, &features)?; // [N, W]
        let x = (own + dense(&at_atoms, &of_messages, self.output.bias())?)?;
        let nodes = self.config.activation.forward(&x)?;
        let nodes = self.dropout(&nodes, &batch.nodes, mode.named("atoms"))?;
        let graphs = match self.config.aggregation {
            Aggregation::Mean => segment_mean(&nodes, &batch.nodes)?,
            Aggregation::Sum => segment_sum(&nodes, &batch.nodes)?,
            Aggregation::Norm { norm } => (segment_sum(&nodes, &batch.nodes)? * norm.recip())?,
        }; // [B, W]
        let graphs = match &self.norm {
            Some(norm) => norm.forward(&graphs, mode)?,
            None => graphs,
        };
        Ok(Representation { nodes, graphs })
    }
}

/// The edge back for each edge, `[E]` into `E`.
fn reverse(batch: &GraphBatch) -> Result<RowIndex> {
    let (sources, targets) = (&batch.edge_sources, &batch.edge_targets);
    let back = |edge: usize| {
        let from_target = sources.positions_of(targets.rows()[edge] as usize);
        let mut from_target = from_target.iter().copied();
        from_target.find(|&other| targets.rows()[other as usize] == sources.rows()[edge])
    };
    let back: Option<Vec<u32>> = (0..batch.num_edges()).map(back).collect();
    let back = back.ok_or(EncoderError::Lacking {
        what: "the way back of an edge",
        remedy: "give each bond two directed edges",
    })?;
    Ok(RowIndex::new(back, batch.num_edges(), &batch.device)?)
}
