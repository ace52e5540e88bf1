//! The neighbour embedding: an atom's first features know which elements surround it
//! (`shehzaidi/pre-training-via-denoising` 2d81667, `models/utils.py`).

use candle_core::{D, Module, Tensor};
use dd_graph::NeighborList;
use dd_kernels::{FilteredEdges, RowIndex, filtered_sum, gather};
use dd_nn::{Init, Linear, Params};

use crate::config::EtConfig;
use crate::error::Result;
use crate::geometry::EdgeGeometry;

/// `x_i <- C [x_i ; n_i] + c` with `n_i = sum_(j != i) Emb2[z_j] (*) (A e(r_ij) + a) phi(r_ij)`.
#[derive(Debug, Clone)]
pub(crate) struct NeighborEmbedding {
    embedding: Tensor,
    distance_proj: Linear,
    combine: Linear,
}

impl NeighborEmbedding {
    pub(crate) fn new(config: &EtConfig, params: &Params) -> Result<Self> {
        let (f, k) = (config.embedding_dimension, config.num_rbf);
        Ok(Self {
            embedding: params.pp("embedding").get(
                (config.max_z, f),
                "weight",
                Init::Normal { std: 1.0 },
            )?,
            distance_proj: Linear::new(k, f, Init::XavierUniform, &params.pp("distance_proj"))?,
            combine: Linear::new(2 * f, f, Init::XavierUniform, &params.pp("combine"))?,
        })
    }

    /// `x [N, F]` to `[N, F]`. `elements` are the atoms' rows of the element table.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        elements: &RowIndex,
        geometry: &EdgeGeometry,
        edges: &NeighborList,
    ) -> Result<Tensor> {
        let fades = &geometry.cutoffs * without_self_loops(edges, &geometry.cutoffs)?;
        let filters = self
            .distance_proj
            .forward(&geometry.basis)?
            .broadcast_mul(&fades?.unsqueeze(D::Minus1)?)?; // [P, F]
        let neighbors = gather(&self.embedding, elements)?; // [N, F]
        let edges = FilteredEdges {
            sources: &edges.sources,
            pairs: &edges.pairs,
            by_target: &edges.by_target,
        };
        let sums = filtered_sum(&neighbors, &filters, edges)?; // [N, F]
        Ok(self.combine.forward(&Tensor::cat(&[x, &sums], 1)?)?)
    }
}

/// 0 for self loops, 1 for other pairs, `[P]`.
fn without_self_loops(edges: &NeighborList, like: &Tensor) -> candle_core::Result<Tensor> {
    let ends = edges
        .pair_sources
        .rows()
        .iter()
        .zip(edges.pair_targets.rows());
    let mask: Vec<f32> = ends
        .map(|(source, target)| if source == target { 0.0 } else { 1.0 })
        .collect();
    Tensor::from_vec(mask, edges.num_pairs(), like.device())?.to_dtype(like.dtype())
}
