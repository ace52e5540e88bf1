//! Tensors of a model that are kept but not trained.

use candle_core::{Error, Result, Tensor, Var};

/// A named tensor that is saved and loaded with the parameters but not trained: running statistics, fixed basis centres.
#[derive(Debug, Clone)]
pub struct Buffer {
    pub(crate) var: Var,
}

impl Buffer {
    /// The present value, outside any graph of gradients. A later [`Buffer::set`] changes it in place.
    pub fn tensor(&self) -> Tensor {
        self.var.as_detached_tensor()
    }

    /// Overwrites the value.
    ///
    /// # Errors
    /// When the shape or the element type differs.
    pub fn set(&self, value: &Tensor) -> Result<()> {
        if value.shape() != self.var.shape() || value.dtype() != self.var.dtype() {
            return Err(Error::Msg(format!(
                "buffer: expected {:?} {:?}, got {:?} {:?}",
                self.var.dtype(),
                self.var.shape(),
                value.dtype(),
                value.shape()
            )));
        }
        self.var.set(&value.contiguous()?)
    }
}
