//! From a tensor to the numbers it holds.

use candle_core::{CpuStorage, DType, Layout, Shape, Storage, Tensor};

use crate::error::{KernelError, Result};
use crate::real::Real;

/// Whether the CPU kernels take this tensor; the others go to [`crate::reference`].
pub(crate) fn has_kernel(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F64)
}

/// The numbers of a contiguous storage, from inside a custom operation.
pub(crate) fn numbers<'a, T: Real>(
    name: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [T]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| KernelError::Shape {
            name,
            expected: "contiguous".to_string(),
            got: layout.dims().to_vec(),
        })?;
    Ok(&storage.as_slice::<T>()?[start..end])
}

/// Lends the numbers of a contiguous CPU tensor to `f`.
pub(crate) fn with_numbers<T: Real, R>(
    name: &'static str,
    x: &Tensor,
    f: impl FnOnce(&[T]) -> Result<R>,
) -> Result<R> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(numbers(name, storage, layout)?),
        _ => Err(KernelError::Device { name }),
    }
}

/// Result of a custom operation from numbers.
pub(crate) fn stored<T: Real>(numbers: Vec<T>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (T::to_cpu_storage_owned(numbers), shape.into())
}

/// Number of elements of a row: the product of all dimensions but the first.
pub(crate) fn row_width(dims: &[usize]) -> usize {
    dims.iter().skip(1).product()
}

/// Runs `$body` with `$T` standing for the element type of a storage or tensor.
macro_rules! for_real {
    ($name:expr, $holder:expr, $T:ident => $body:expr) => {
        match {
            #[allow(unused_imports, reason = "a tensor's own method needs no trait")]
            use candle_core::backend::BackendStorage as _;
            $holder.dtype()
        } {
            candle_core::DType::F32 => {
                type $T = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            dtype => Err(candle_core::Error::from($crate::KernelError::DType {
                name: $name,
                dtype,
            })),
        }
    };
}
pub(crate) use for_real;
