//! Where a model names its parameters: the tree of names above a store.

use candle_core::{DType, Device, Result, Shape, Tensor};
use dd_kernels::MatmulPrecision;

use crate::buffer::Buffer;
use crate::init::Init;
use crate::store::ParamStore;

/// A place in the tree of parameter names.
#[derive(Debug, Clone)]
pub struct Params {
    pub(crate) store: ParamStore,
    pub(crate) prefix: String,
}

impl Params {
    /// The sub-tree `name`.
    #[must_use]
    pub fn pp(&self, name: impl std::fmt::Display) -> Self {
        Self {
            store: self.store.clone(),
            prefix: self.full(&name.to_string()),
        }
    }

    /// The trainable parameter `name` of this sub-tree, created on first use.
    ///
    /// # Errors
    /// When it exists with another shape, or the store's source lacks it.
    pub fn get(&self, shape: impl Into<Shape>, name: &str, init: Init) -> Result<Tensor> {
        let shape = shape.into();
        self.store.param(&self.full(name), &shape, |key| {
            Tensor::from_vec(init.values(&shape, key), shape.clone(), &Device::Cpu)
        })
    }

    /// The trainable parameter `name`, starting from `value` (any float type; it takes the store's).
    ///
    /// # Errors
    /// As [`Params::get`].
    pub fn get_from(&self, name: &str, value: &Tensor) -> Result<Tensor> {
        self.store
            .param(&self.full(name), value.shape(), |_| value.copy())
    }

    /// The buffer `name`, starting from `value`. Floats take the store's element type, integers keep theirs.
    ///
    /// # Errors
    /// When it exists with another shape, or the store's source lacks it.
    pub fn buffer(&self, name: &str, value: &Tensor) -> Result<Buffer> {
        self.store.buffer_or(&self.full(name), value)
    }

    /// Element type of the parameters.
    pub fn dtype(&self) -> DType {
        self.store.dtype()
    }

    /// How dense layers multiply.
    pub fn matmul_precision(&self) -> MatmulPrecision {
        self.store.matmul_precision()
    }

    /// Device of the parameters.
    pub fn device(&self) -> &Device {
        self.store.device()
    }

    /// The store that owns the parameters.
    pub fn store(&self) -> &ParamStore {
        &self.store
    }

    fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.prefix)
        }
    }
}
