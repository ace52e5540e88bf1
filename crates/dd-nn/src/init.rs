//! Initial values as functions of (seed, parameter name, shape) only.

use candle_core::Shape;
use dd_kernels::rng::Key;

/// Distribution of a parameter's initial values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every entry the same.
    Constant(f64),
    /// Normal with mean 0. TokenGT's linear layers have a standard deviation of 0.02, the equivariant transformer's
    /// embeddings of 1.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `(-bound, bound)`.
    Uniform {
        /// Half width.
        bound: f64,
    },
    /// Uniform in `(-b, b)` with `b = sqrt(6 / (fan_in + fan_out))`, for `[out, in]` weights (Glorot and Bengio,
    /// "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010).
    XavierUniform,
}

impl Init {
    /// Values in row-major order, drawn from `key`.
    pub(crate) fn values(self, shape: &Shape, key: Key) -> Vec<f32> {
        let count = shape.elem_count() as u64;
        let normal = |std: f64| (0..count).map(|i| (std * key.normal(i)) as f32).collect();
        let uniform = |bound: f64| {
            (0..count)
                .map(|i| (bound * (2.0 * key.uniform(i) - 1.0)) as f32)
                .collect()
        };
        let dims = shape.dims();
        match self {
            Self::Constant(value) => vec![value as f32; count as usize],
            Self::Normal { std } => normal(std),
            Self::Uniform { bound } => uniform(bound),
            Self::XavierUniform => uniform((6.0 / dims.iter().sum::<usize>() as f64).sqrt()),
        }
    }
}
