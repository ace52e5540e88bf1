//! Looking at intermediate values of a forward pass.

use std::collections::BTreeMap;

use candle_core::Tensor;

/// Sees what an encoder shows while it runs.
pub trait Observer {
    /// A named intermediate value, packed: TokenGT shows `tokens`, `tokens_normed` and `state.{i}`, all `[T, H]`.
    fn tensor(&mut self, name: &str, value: &Tensor) {
        let _ = (name, value);
    }

    /// True when the state after the last layer is wanted for every token; else it is computed, and shown, for none.
    fn wants_states(&self) -> bool {
        true
    }

    /// True when attention probabilities are wanted. They cost time: the fused kernel never forms them.
    fn wants_attention(&self) -> bool {
        false
    }

    /// Attention probabilities of one layer and one graph, `[num_heads, T_g, T_g]`, rows are queries.
    fn attention(&mut self, layer: usize, graph: usize, probabilities: &Tensor) {
        let _ = (layer, graph, probabilities);
    }

    /// True when attention scores are wanted: what the softmax is taken of.
    fn wants_scores(&self) -> bool {
        false
    }

    /// Attention scores `q.k / sqrt(head_dim)` of one layer and one graph, `[num_heads, T_g, T_g]`, rows are queries.
    fn scores(&mut self, layer: usize, graph: usize, scores: &Tensor) {
        let _ = (layer, graph, scores);
    }
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Observer for Blind {
    fn wants_states(&self) -> bool {
        false
    }
}

/// Keeps everything, attention included.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// Intermediate values by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Attention probabilities by (layer, graph), each `[num_heads, T_g, T_g]`.
    pub attention: BTreeMap<(usize, usize), Tensor>,
}

impl Observer for Recorder {
    fn tensor(&mut self, name: &str, value: &Tensor) {
        self.tensors.insert(name.to_string(), value.detach());
    }

    fn wants_attention(&self) -> bool {
        true
    }

    fn attention(&mut self, layer: usize, graph: usize, probabilities: &Tensor) {
        self.attention
            .insert((layer, graph), probabilities.detach());
    }
}
