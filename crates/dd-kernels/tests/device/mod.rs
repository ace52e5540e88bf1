//! Where the tests of the operations run: on the CPU; with `DD_TEST_DEVICE=cuda` on the first GPU; and in `emulated.rs`
//! on the CPU, with the CUDA kernels in a program that imitates a GPU.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};
use dd_kernels::Result;
use dd_kernels::rng::Key;

mod emulator;

/// One GPU for all tests, because tensors of two handles do not mix, with a stream of its own, which all threads share.
static GPU: OnceLock<Device> = OnceLock::new();

/// The device of this run.
pub(crate) fn device() -> Device {
    if module_path!().starts_with("emulated") {
        emulator::start();
        return Device::Cpu;
    }
    match std::env::var("DD_TEST_DEVICE").as_deref() {
        Ok("cuda") => GPU
            .get_or_init(|| dd_kernels::open_gpu(0).expect("a GPU, and the feature `cuda`"))
            .clone(),
        Ok("cpu") | Err(_) => Device::Cpu,
        Ok(other) => panic!("DD_TEST_DEVICE is cpu or cuda, not {other}"),
    }
}

/// How far apart results of a type may be that have the same bits on the CPU: cuBLAS chooses its order of sums by the shape.
#[allow(dead_code, reason = "not every suite asks")]
pub(crate) fn rounding(dtype: DType) -> f64 {
    match dtype {
        _ if !device().is_cuda() => 0.0,
        DType::F64 => 1e-12,
        _ => 1e-4,
    }
}

/// True where operations on bf16 run kernels.
#[allow(dead_code, reason = "not every suite asks")]
pub(crate) fn has_half_kernels() -> bool {
    device().is_cuda() || dd_kernels::testing::emulates_cuda()
}

/// A reproducible tensor of normal numbers in double precision, on the device.
pub(crate) fn normal_tensor(key: Key, shape: &[usize]) -> Result<Tensor> {
    Ok(dd_kernels::testing::normal_tensor(key, shape)?.to_device(&device())?)
}
