//! What a model computes in.

use candle_core::{DType, Device};
use dd_kernels::MatmulPrecision;

use crate::store::ParamStore;

/// What a model on the CPU computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Single precision: as models are trained.
    #[default]
    Single,
    /// Double precision: slower, with fewer rounding errors.
    Double,
    /// Single precision, but dense layers multiply numbers rounded to bf16: see [`MatmulPrecision::Bf16`].
    Bf16,
}

impl Precision {
    /// An empty store for a model that will be loaded.
    pub fn store(self) -> ParamStore {
        let (dtype, products) = match self {
            Self::Single => (DType::F32, MatmulPrecision::Full),
            Self::Double => (DType::F64, MatmulPrecision::Full),
            Self::Bf16 => (DType::F32, MatmulPrecision::Bf16),
        };
        ParamStore::new(0, dtype, &Device::Cpu).with_matmul_precision(products)
    }
}
