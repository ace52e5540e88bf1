//! The CUDA side: kernels, launches, and two places where they run.
//!
//! | File | What it holds |
//! |---|---|
//! | `kernels/*.cu` | the kernels; every reduction in a fixed order, no atomics |
//! | [`sources`] | how they are put together for the run-time compiler |
//! | [`launch`] | what a launch is, whatever runs it |
//! | [`program`] | from launches to candle's differentiable operations |
//! | [`rows`], [`segments`], [`dense`], [`edges`], [`batch_norm`], [`mod@dropout`], [`attention`], [`et_message`], [`et_update`] | the launches of each operation |
//! | `driver` | runs launches on a GPU; needs the feature `cuda` |
//! | `memory` | what a GPU does with freed memory; needs it too |
//! | [`emulator`] | runs the same launches, through the same code, in a program that imitates a GPU; for tests |

use candle_core::{DType, Tensor};

pub(crate) mod attention;
pub(crate) mod batch_norm;
pub(crate) mod dense;
#[cfg(feature = "cuda")]
mod driver;
pub(crate) mod dropout;
pub(crate) mod edges;
pub(crate) mod emulator;
pub(crate) mod et_message;
mod et_message_backward;
pub(crate) mod et_update;
pub(crate) mod index_tensor;
pub(crate) mod launch;
#[cfg(feature = "cuda")]
pub(crate) mod memory;
mod program;
pub(crate) mod rows;
pub(crate) mod segments;
#[allow(unreachable_pub, reason = "tests and tasks include this file")]
#[cfg_attr(
    not(feature = "cuda"),
    allow(dead_code, reason = "the driver, tests and tasks put sources together")
)]
mod sources;

/// True when an operation on `x` runs the kernels here.
pub(crate) fn takes(x: &Tensor) -> bool {
    let device = x.device();
    let on_gpu = cfg!(feature = "cuda") && device.is_cuda();
    (on_gpu || (device.is_cpu() && emulator::is_on()))
        && matches!(x.dtype(), DType::F32 | DType::F64 | DType::BF16)
}
