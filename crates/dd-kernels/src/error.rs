//! Errors of the kernels.

/// What can go wrong when a batch is described or a kernel is called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// An index points outside its table.
    #[error("{name}: index {index} at position {position} is outside 0..{bound}")]
    IndexOutOfRange {
        /// What was indexed.
        name: &'static str,
        /// Position in the index list.
        position: usize,
        /// The offending value.
        index: usize,
        /// Exclusive upper bound.
        bound: usize,
    },
    /// A tensor has the wrong shape.
    #[error("{name}: expected shape {expected}, got {got:?}")]
    Shape {
        /// Name of the tensor.
        name: &'static str,
        /// Expected shape, in words.
        expected: String,
        /// Actual shape.
        got: Vec<usize>,
    },
    /// A description does not fit 32-bit indices.
    #[error("{name}: {count} rows exceed the limit of 2^32 - 1")]
    TooLarge {
        /// What was counted.
        name: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A kernel was called with numbers that it does not know.
    #[error("{name}: no kernel for {dtype:?}, only for F32 and F64")]
    DType {
        /// Name of the operation.
        name: &'static str,
        /// Type of the given numbers.
        dtype: candle_core::DType,
    },
    /// Whole numbers where the operation makes fractions.
    #[error("{name}: expected real numbers, got {dtype:?}")]
    NotReal {
        /// Name of the operation.
        name: &'static str,
        /// Type of the given numbers.
        dtype: candle_core::DType,
    },
    /// Products in bf16 of numbers that are not rounded so.
    #[error("{name}: products in bf16 are of F32 on the CPU, not of {dtype:?} or on a GPU")]
    Precision {
        /// Name of the operation.
        name: &'static str,
        /// Type of the given numbers.
        dtype: candle_core::DType,
    },
    /// A CPU kernel met a tensor on another device.
    #[error("{name}: expected a tensor on the CPU")]
    Device {
        /// Name of the operation.
        name: &'static str,
    },
    /// A tensor of an operation is on another device than the others.
    #[error("{name}: on another device than the operation's other tensors")]
    OtherDevice {
        /// Name of the operation, and of the tensor.
        name: &'static str,
    },
    /// A number is outside its domain.
    #[error("{name}: expected {expected}, got {got}")]
    Domain {
        /// Name of the number.
        name: &'static str,
        /// Allowed values, in words.
        expected: &'static str,
        /// Actual value.
        got: f64,
    },
    /// Eigenvalues that cannot be had.
    #[error(
        "no eigenvalues of a {size} x {size} matrix: an entry is not finite, or the iteration does not converge"
    )]
    Eigen {
        /// Number of rows.
        size: usize,
    },
    /// An error of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl From<KernelError> for candle_core::Error {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Tensor(inner) => inner,
            other => candle_core::Error::wrap(other),
        }
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, KernelError>;
