//! Shape checks at the entry of every operation.

use candle_core::{DType, Tensor};

use crate::MatmulPrecision;
use crate::error::{KernelError, Result};

/// Refuses a tensor whose first dimension is not `rows`.
pub(crate) fn rows(name: &'static str, x: &Tensor, rows: usize) -> Result<()> {
    if x.dims().first() == Some(&rows) {
        return Ok(());
    }
    Err(KernelError::Shape {
        name,
        expected: format!("[{rows}, ...]"),
        got: x.dims().to_vec(),
    })
}

/// Refuses another number of rows.
pub(crate) fn count(name: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(KernelError::Shape {
        name,
        expected: format!("[{expected}]"),
        got: vec![got],
    })
}

/// Refuses a tensor of any other shape.
pub(crate) fn shape(name: &'static str, x: &Tensor, expected: &[usize]) -> Result<()> {
    if x.dims() == expected {
        return Ok(());
    }
    Err(KernelError::Shape {
        name,
        expected: format!("{expected:?}"),
        got: x.dims().to_vec(),
    })
}

/// Refuses whole numbers.
pub(crate) fn real(name: &'static str, x: &Tensor) -> Result<()> {
    if x.dtype().is_float() {
        return Ok(());
    }
    Err(KernelError::NotReal {
        name,
        dtype: x.dtype(),
    })
}

/// Refuses products in bf16 of other tensors than those in single precision on the CPU.
pub(crate) fn precision(name: &'static str, x: &Tensor, precision: MatmulPrecision) -> Result<()> {
    if precision == MatmulPrecision::Full || x.device().is_cpu() && x.dtype() == DType::F32 {
        return Ok(());
    }
    Err(KernelError::Precision {
        name,
        dtype: x.dtype(),
    })
}

/// `dims` with another first dimension.
pub(crate) fn with_rows(dims: &[usize], rows: usize) -> Vec<usize> {
    let mut dims = dims.to_vec();
    dims[0] = rows;
    dims
}
