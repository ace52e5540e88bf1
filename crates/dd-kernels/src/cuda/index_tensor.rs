//! Index lists as tensors on a device, made when a kernel first wants them.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor, WithDType};

use crate::error::Result;

/// A list on a device; a GPU has no empty memory, so that an empty list is no part of one number.
pub(crate) fn on_device<T: WithDType>(list: &[T], device: &Device) -> Result<Tensor> {
    if list.is_empty() && !device.is_cpu() {
        let one = Tensor::zeros(1, DType::U32, device)?;
        return Ok(one.to_dtype(T::DTYPE)?.narrow(0, 0, 0)?);
    }
    Ok(Tensor::from_slice(list, list.len(), device)?)
}

/// What `make` makes, made once.
pub(crate) fn once<T>(slot: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(made) = slot.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(slot.get_or_init(|| made))
}
