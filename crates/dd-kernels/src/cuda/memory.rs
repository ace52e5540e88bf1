//! What a GPU does with memory that is free again.
#![allow(
    unsafe_code,
    reason = "the driver's functions for pools are not wrapped"
)]

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};

/// Lets the memory pool of a GPU keep what is freed for the next tensors.
///
/// At the driver's default (`CU_MEMPOOL_ATTR_RELEASE_THRESHOLD` 0, where candle leaves it) the pool gives all of it back
/// whenever the program waits for the GPU, and the tensors of the next step are mapped anew.
pub(crate) fn keep_freed(device: &CudaDevice) -> Result<(), DriverError> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        // Without pools there is nothing to keep.
        return Ok(());
    }
    context.bind_to_thread()?;
    let mut threshold = u64::MAX;
    // SAFETY: the device is that of an open context, the pool is the device's own, and the attribute is a `u64`.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device())?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast())
    }
}
