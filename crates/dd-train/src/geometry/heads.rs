//! Attention heads that follow the distances between atoms.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::{Encoder2d, Observer};
use dd_eval::correlation::pearson;
use dd_graph::{GraphBatch, SPECIAL_TOKENS};
use dd_nn::Mode;
use serde::Serialize;

use crate::error::Result;
use crate::geometry::distances;
use crate::source::Pair;

/// Nodes that a molecule needs: in smaller ones any two lists of numbers correlate.
pub const SMALLEST_MOLECULE: usize = 8;
const MOLECULES_PER_BATCH: usize = 32;

/// `|r|` of each head, averaged over molecules: Pearson's correlation of its scores before the softmax, over ordered pairs of
/// different atoms, with their distance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeadCorrelations {
    /// `[layers][heads]`.
    pub correlations: Vec<Vec<f64>>,
    /// Molecules that the means run over.
    pub molecules: usize,
}

impl HeadCorrelations {
    /// Measures an encoder; `None` for one that has no attention.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn measure(encoder: &dyn Encoder2d, molecules: &[Pair]) -> Result<Option<Self>> {
        let large: Vec<&Pair> = molecules
            .iter()
            .filter(|pair| pair.graph.num_nodes() >= SMALLEST_MOLECULE)
            .collect();
        let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for chunk in large.chunks(MOLECULES_PER_BATCH) {
            let graphs: Vec<_> = chunk.iter().map(|pair| &pair.graph).collect();
            let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
            let mut seen = Scores::default();
            encoder.encode_observed(&batch, Mode::Eval, &mut seen)?;
            for ((layer, graph), scores) in seen.0 {
                let found = correlations(&scores, chunk[graph])?;
                let sum = sums.entry(layer).or_insert_with(|| vec![0.0; found.len()]);
                sum.iter_mut().zip(found).for_each(|(sum, r)| *sum += r);
            }
        }
        if sums.is_empty() {
            return Ok(None);
        }
        let count = large.len();
        let mean = |sum: Vec<f64>| sum.into_iter().map(|sum| sum / count as f64).collect();
        Ok(Some(Self {
            correlations: sums.into_values().map(mean).collect(),
            molecules: count,
        }))
    }
}

#[derive(Default)]
struct Scores(BTreeMap<(usize, usize), Tensor>);

impl Observer for Scores {
    fn wants_states(&self) -> bool {
        false
    }

    fn wants_scores(&self) -> bool {
        true
    }

    fn scores(&mut self, layer: usize, graph: usize, scores: &Tensor) {
        self.0.insert((layer, graph), scores.detach());
    }
}

/// `|r|` of every head on one molecule, zero for a head whose scores are all equal.
fn correlations(scores: &Tensor, pair: &Pair) -> Result<Vec<f64>> {
    let distances = distances::in_space(pair)?;
    let nodes = pair.graph.num_nodes();
    let pairs =
        || (0..nodes).flat_map(|i| (0..nodes).filter(move |&j| j != i).map(move |j| (i, j)));
    let wanted: Vec<f64> = pairs().map(|(i, j)| distances[i][j]).collect();
    let heads: Vec<Vec<Vec<f64>>> = scores.to_dtype(DType::F64)?.to_vec3()?;
    let correlation = |head: &Vec<Vec<f64>>| {
        let given: Vec<f64> = pairs()
            .map(|(i, j)| head[SPECIAL_TOKENS + i][SPECIAL_TOKENS + j])
            .collect();
        match pearson(&wanted, &given) {
            Ok(r) => Ok(r.abs()),
            Err(error) if error.undefined_reason().is_some() => Ok(0.0),
            Err(error) => Err(error.into()),
        }
    };
    heads.iter().map(correlation).collect()
}
