//! One equivariant attention layer (Thölke and De Fabritiis, ICLR 2022;
//! `shehzaidi/pre-training-via-denoising` 2d81667, `models/torchmd_et.py`).

use candle_core::Module;
use dd_graph::NeighborList;
use dd_kernels::{EtFields, EtLayer, et_layer, et_update};
use dd_nn::{Init, LayerNorm, Linear, Params};

use crate::config::EtConfig;
use crate::error::Result;
use crate::geometry::EdgeGeometry;
use crate::message::{AtomFeatures, MessageRule};

/// Adds increments `dx [N, F]` and `dv [N, 3, F]` to the scalar and vector features.
#[derive(Debug, Clone)]
pub(crate) struct AttentionLayer {
    layernorm: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    vec_proj: Linear,
    messages: MessageRule,
}

impl AttentionLayer {
    pub(crate) fn new(config: &EtConfig, params: &Params) -> Result<Self> {
        let (f, k) = (config.embedding_dimension, config.num_rbf);
        let linear =
            |name, input, output| Linear::new(input, output, Init::XavierUniform, &params.pp(name));
        let influence = config.distance_influence;
        Ok(Self {
            layernorm: LayerNorm::new(f, &params.pp("layernorm"))?,
            q_proj: linear("q_proj", f, f)?,
            k_proj: linear("k_proj", f, f)?,
            v_proj: linear("v_proj", f, 3 * f)?,
            o_proj: linear("o_proj", f, 3 * f)?,
            vec_proj: Linear::no_bias(f, 3 * f, Init::XavierUniform, &params.pp("vec_proj"))?,
            messages: MessageRule {
                num_heads: config.num_heads,
                key_filter: influence
                    .on_keys()
                    .then(|| linear("dk_proj", k, f))
                    .transpose()?,
                value_filter: influence
                    .on_values()
                    .then(|| linear("dv_proj", k, 3 * f))
                    .transpose()?,
                activation: config.activation,
                attn_activation: config.attn_activation,
            },
        })
    }

    /// Fields `(x, v)` to the next layer's: one operation where there is a kernel for the nonlinearities.
    pub(crate) fn forward(
        &self,
        fields: &EtFields,
        geometry: &EdgeGeometry,
        edges: &NeighborList,
    ) -> Result<EtFields> {
        let projections = [&self.q_proj, &self.k_proj, &self.v_proj, &self.o_proj];
        let (true, [Some(query), Some(key), Some(value), Some(output)]) =
            (self.messages.is_fused(), projections.map(Linear::weights))
        else {
            return Ok(fields.plus(&self.increments(fields, geometry, edges)?)?);
        };
        let is_trained = fields.joined().track_op() || query.weight.track_op();
        let layer = EtLayer {
            norm: self.layernorm.weights(),
            query,
            key,
            value,
            output,
            projection: self.vec_proj.weight(),
            edges: self.messages.edges(geometry, edges, is_trained),
        };
        Ok(et_layer(fields, &layer)?)
    }

    /// Fields `(x, v)` to their increments.
    pub(crate) fn increments(
        &self,
        fields: &EtFields,
        geometry: &EdgeGeometry,
        edges: &NeighborList,
    ) -> Result<EtFields> {
        let h = self.layernorm.forward(&fields.scalars()?)?;
        let atoms = AtomFeatures {
            queries: self.q_proj.forward(&h)?,
            keys: self.k_proj.forward(&h)?,
            values: self.v_proj.forward(&h)?,
            vectors: fields.vectors()?,
        };
        let arrived = self.messages.pass(&atoms, geometry, edges)?;
        let o = self.o_proj.forward(&arrived.scalars()?)?; // [N, 3F]
        Ok(et_update(
            &atoms.vectors,
            self.vec_proj.weight(),
            &o,
            &arrived,
        )?)
    }
}
