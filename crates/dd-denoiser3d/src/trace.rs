//! Watching the intermediates of a network.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use candle_core::Tensor;

/// Someone who is shown the intermediates of a forward pass by name. `()` looks away, at no cost.
///
/// Names are those of the reference data: `x_embedding`, `layer0.dx`, `vec_final`, …
pub trait Observer {
    /// Called once per intermediate.
    fn see(&mut self, name: Arguments<'_>, tensor: &Tensor);

    /// Whether it looks at all; if not, what would be computed only to be shown is not.
    fn looks(&self) -> bool {
        true
    }
}

impl Observer for () {
    fn see(&mut self, _name: Arguments<'_>, _tensor: &Tensor) {}

    fn looks(&self) -> bool {
        false
    }
}

/// Keeps all intermediates.
///
/// The tensors still belong to the graph of gradients.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Observer for Trace {
    fn see(&mut self, name: Arguments<'_>, tensor: &Tensor) {
        self.tensors.insert(name.to_string(), tensor.clone());
    }
}
