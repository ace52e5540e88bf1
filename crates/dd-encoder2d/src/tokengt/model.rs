//! The encoder: tokens, layers, readout.

use std::fmt;

use candle_core::{Module, Tensor};
use dd_graph::GraphBatch;
use dd_kernels::{gather, segment_mean};
use dd_nn::{LayerNorm, Mode, Params, Representation};

use super::config::{Readout, TokenGtConfig};
use super::identifiers::draw_identifiers;
use super::layer::Layer;
use super::tokenizer::{TokenLayout, Tokenizer};
use crate::dropout::dropout;
use crate::encoder::Encoder2d;
use crate::error::{EncoderError, Result};
use crate::observer::{Blind, Observer};

/// TokenGT's encoder. Parameter names below `params` are those of the original's state dict below `encoder.`.
///
/// # Differences from the original
/// Tokens are packed, not padded. Only the outputs at node tokens become [`Representation::nodes`]. The encoder's
/// `final_layer_norm` exists only when [`TokenGtConfig::final_layer_norm`] applies it, and `masked_lm_pooler`, which the
/// original never uses, does not exist. See also the notes on identifiers in [`draw_identifiers`].
pub struct TokenGt {
    config: TokenGtConfig,
    tokenizer: Tokenizer,
    emb_layer_norm: Option<LayerNorm>,
    layers: Vec<Layer>,
    final_layer_norm: Option<LayerNorm>,
}

impl fmt::Debug for TokenGt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenGt")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl TokenGt {
    /// Builds the encoder with parameters `graph_encoder.*` below `params`.
    ///
    /// # Errors
    /// When the configuration describes no network.
    pub fn new(config: &TokenGtConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        let params = params.pp("graph_encoder");
        let norm = |wanted: bool, name: &str| {
            wanted
                .then(|| LayerNorm::new(config.width, &params.pp(name)))
                .transpose()
        };
        Ok(Self {
            tokenizer: Tokenizer::new(config, &params.pp("graph_feature"))?,
            emb_layer_norm: norm(config.embedding_layer_norm, "emb_layer_norm")?,
            layers: (0..config.num_layers)
                .map(|number| Layer::new(config, number, &params.pp("layers").pp(number)))
                .collect::<Result<_>>()?,
            final_layer_norm: norm(config.final_layer_norm, "final_layer_norm")?,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &TokenGtConfig {
        &self.config
    }

    /// [`Encoder2d::encode_observed`] with node identifiers of the caller's choice, `[N, columns]`.
    ///
    /// The observer sees `tokens`, `tokens_normed`, `state.0` (the input of the first layer) to `state.L`, and the
    /// attention of every layer.
    ///
    /// # Errors
    /// As [`Encoder2d::encode`], and when the identifiers do not have that shape.
    pub fn encode_with_identifiers(
        &self,
        batch: &GraphBatch,
        identifiers: Option<&Tensor>,
        mode: Mode,
        observer: &mut dyn Observer,
    ) -> Result<Representation> {
        self.check_identifiers(batch, identifiers)?;
        let layout = TokenLayout::new(batch)?;
        let mut x = self.tokenizer.forward(batch, identifiers, &layout)?; // [T, D]
        observer.tensor("tokens", &x);
        if let Some(norm) = &self.emb_layer_norm {
            x = norm.forward(&x)?;
            observer.tensor("tokens_normed", &x);
        }
        x = dropout(
            &x,
            self.config.dropout,
            &layout.tokens,
            mode.named("embedding_dropout"),
        )?;
        observer.tensor("state.0", &x);
        let last = self.layers.len() - 1;
        let is_watched = observer.wants_states();
        for (number, layer) in self.layers.iter().enumerate() {
            if observer.wants_attention() {
                let maps = layer.attention(&x, &layout.tokens)?;
                for (graph, map) in maps.iter().enumerate() {
                    observer.attention(number, graph, map);
                }
            }
            if observer.wants_scores() {
                let maps = layer.scores(&x, &layout.tokens)?;
                for (graph, map) in maps.iter().enumerate() {
                    observer.scores(number, graph, map);
                }
            }
            let mode = mode.named("layers").with(number);
            if number == last && !is_watched {
                return self.read_out(&x, Some(layer), batch, &layout, mode);
            }
            x = layer.forward(&x, &layout.tokens, mode)?;
            observer.tensor(&format!("state.{}", number + 1), &x);
        }
        self.read_out(&x, None, batch, &layout, mode)
    }

    /// The representation after the last layer, if that is still to come.
    ///
    /// It reads the nodes' tokens and, for the readout that wants it, `[graph]`: of the last layer only these are
    /// computed.
    fn read_out(
        &self,
        x: &Tensor,
        last: Option<&Layer>,
        batch: &GraphBatch,
        layout: &TokenLayout,
        mode: Mode,
    ) -> Result<Representation> {
        let with_graphs = self.config.readout == Readout::GraphToken;
        let read = layout.read(with_graphs)?;
        let mut x = match last {
            Some(layer) => layer.forward_readers(x, &layout.tokens, read.readers(), mode)?,
            None => gather(x, &read.rows)?,
        };
        if let Some(norm) = &self.final_layer_norm {
            x = norm.forward(&x)?;
        }
        let nodes = match &read.nodes {
            Some(rows) => gather(&x, rows)?, // [N, D]
            None => x.clone(),
        };
        let graphs = match &read.graphs {
            Some(rows) => gather(&x, rows)?, // [B, D]
            None => segment_mean(&nodes, &batch.nodes)?,
        };
        Ok(Representation { nodes, graphs })
    }

    fn check_identifiers(&self, batch: &GraphBatch, identifiers: Option<&Tensor>) -> Result<()> {
        let expected = vec![batch.num_nodes(), self.config.node_identifiers.columns()];
        let none = [batch.num_nodes(), 0];
        let got = identifiers.map_or(&none[..], Tensor::dims);
        if expected == got {
            return Ok(());
        }
        Err(EncoderError::Shape {
            name: "node identifiers",
            expected,
            got: got.to_vec(),
        })
    }
}

impl Encoder2d for TokenGt {
    fn width(&self) -> usize {
        self.config.width
    }

    fn encode(&self, batch: &GraphBatch, mode: Mode) -> Result<Representation> {
        self.encode_observed(batch, mode, &mut Blind)
    }

    fn encode_observed(
        &self,
        batch: &GraphBatch,
        mode: Mode,
        observer: &mut dyn Observer,
    ) -> Result<Representation> {
        let kind = &self.config.node_identifiers;
        let identifiers = draw_identifiers(kind, batch, mode.named("identifiers"))?
            .map(|rows| {
                let shape = rows.dim();
                Tensor::from_iter(rows, &batch.device)?.reshape(shape)
            })
            .transpose()?;
        self.encode_with_identifiers(batch, identifiers.as_ref(), mode, observer)
    }
}
