//! Where the tests of the operations run: on the CPU; with `DD_TEST_DEVICE=cuda` on the first GPU; and in `emulated.rs`
//! on the CPU, with the CUDA kernels in a program that imitates a GPU.

use candle_core::{Device, Tensor};
use dd_kernels::Result;
use dd_kernels::rng::Key;

mod emulator;

/// The device of this run.
pub(crate) fn device() -> Device {
    if module_path!().starts_with("emulated") {
        emulator::start();
        return Device::Cpu;
    }
    match std::env::var("DD_TEST_DEVICE").as_deref() {
        Ok("cuda") => Device::new_cuda(0).expect("a GPU, and the feature `cuda`"),
        Ok("cpu") | Err(_) => Device::Cpu,
        Ok(other) => panic!("DD_TEST_DEVICE is cpu or cuda, not {other}"),
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
