//! What the CPU kernels share: number access, vector instructions, work division, matrix products.
//!
//! Work is divided by the shape of the data alone, never by the number of threads, and every reduction runs in one fixed
//! order. So the result has the same bits in a pool of any size.

pub(crate) mod block;
pub(crate) mod dense;
pub(crate) mod matmul;
pub(crate) mod reduce;
pub(crate) mod slice;
mod vectorized;

pub(crate) use vectorized::vectorized;
