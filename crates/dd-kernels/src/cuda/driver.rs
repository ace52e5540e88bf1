//! Runs launches on a GPU: the source is compiled at run time (NVRTC), once per process, and loaded once per device.
#![allow(
    unsafe_code,
    reason = "a kernel launch cannot be checked by the compiler"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cuda_backend::cudarc::driver::{
    CudaStream, DevicePtr, DevicePtrMut, LaunchConfig, PushKernelArg, SyncOnDrop, sys,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDevice, CudaStorageSlice};
use candle_core::{CudaStorage, DType, Shape, Storage};

use super::attention::MAX_SHARED_BYTES;
use super::launch::{Argument, Gpu, Launch};
use super::sources::{Module, Number, module_of};

/// Ampere; the driver translates for what is newer.
const ARCHITECTURE: &str = "compute_80";
/// Shared memory that a block gets without asking.
const USUAL_SHARED_BYTES: usize = 48 * 1024;

impl Gpu for CudaStorage {
    fn of(storage: &Storage) -> Option<&Self> {
        match storage {
            Storage::Cuda(storage) => Some(storage),
            _ => None,
        }
    }

    fn uninitialised(device: &CudaDevice, dtype: DType, len: usize) -> candle_core::Result<Self> {
        // SAFETY: every number is written by the launches that follow, before anything reads it: the emulator fills new
        // memory with NaN, and the tests would find one.
        unsafe { device.alloc_uninit(&Shape::from(len.max(1)), dtype) }
    }

    fn launch(device: &CudaDevice, launch: Launch<'_, Self>) -> candle_core::Result<()> {
        if launch.blocks == 0 {
            return Ok(());
        }
        let Some(module) = module_of(launch.kernel) else {
            candle_core::bail!("no CUDA module defines {}", launch.kernel);
        };
        let name = format!("dd_kernels_{}_{}", module.name, launch.number.name());
        let ptx = compiled(module, launch.number)?;
        let function = device.get_or_load_custom_func(launch.kernel, &name, &ptx)?;
        if launch.shared_bytes > USUAL_SHARED_BYTES {
            // The limit is the function's, whose launches from other threads may want more than this one.
            let attribute =
                sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            function
                .set_attribute(attribute, MAX_SHARED_BYTES as i32)
                .map_err(candle_core::Error::wrap)?;
        }
        let stream = device.cuda_stream();
        let mut guards = Vec::new();
        let mut words = Vec::with_capacity(launch.arguments.len());
        for argument in launch.arguments {
            words.push(match argument {
                Argument::Read(view) => {
                    let (start, guard) = address(&view.storage.slice, &stream)?;
                    guards.push(guard);
                    let bytes = view.start * view.storage.dtype().size_in_bytes();
                    Word::Long(start + bytes as u64)
                }
                Argument::Write(storage) => {
                    let (start, guard) = address_to_write(&mut storage.slice, &stream)?;
                    guards.push(guard);
                    Word::Long(start)
                }
                Argument::Size(size) => {
                    Word::Size(u32::try_from(size).map_err(candle_core::Error::wrap)?)
                }
                Argument::Word(word) => Word::Long(word),
                Argument::Real(real) => Word::Real(real),
                Argument::Null => Word::Long(0),
            });
        }
        let mut builder = function.builder();
        for word in &words {
            match word {
                Word::Size(size) => builder.arg(size),
                Word::Long(long) => builder.arg(long),
                Word::Real(real) => builder.arg(real),
            };
        }
        let config = LaunchConfig {
            grid_dim: (
                u32::try_from(launch.blocks).map_err(candle_core::Error::wrap)?,
                1,
                1,
            ),
            block_dim: (launch.threads as u32, 1, 1),
            shared_mem_bytes: launch.shared_bytes as u32,
        };
        // SAFETY: the arguments are those of the kernel in number, order and type, and its accesses stay inside them: the
        // emulator runs the same launches with every buffer at the edge of a page that cannot be touched. The guards keep
        // the order with other streams until the launch is recorded.
        unsafe { builder.launch(config) }.map_err(candle_core::Error::wrap)?;
        drop(guards);
        Ok(())
    }
}

/// One kernel argument by value.
enum Word {
    Size(u32),
    /// A pointer, or `u64`.
    Long(u64),
    Real(f64),
}

macro_rules! for_slice {
    ($slice:expr, $x:ident => $address:expr) => {
        match $slice {
            CudaStorageSlice::U32($x) => Ok($address),
            CudaStorageSlice::I64($x) => Ok($address),
            CudaStorageSlice::BF16($x) => Ok($address),
            CudaStorageSlice::F32($x) => Ok($address),
            CudaStorageSlice::F64($x) => Ok($address),
            _ => candle_core::bail!("a number type that no kernel takes"),
        }
    };
}

/// Where a storage begins; the guard tells other streams that it is read until dropped.
fn address<'a>(
    slice: &'a CudaStorageSlice,
    stream: &'a CudaStream,
) -> candle_core::Result<(u64, SyncOnDrop<'a>)> {
    for_slice!(slice, x => x.device_ptr(stream))
}

/// Where a storage begins; the guard tells other streams that it is written until dropped.
fn address_to_write<'a>(
    slice: &'a mut CudaStorageSlice,
    stream: &'a CudaStream,
) -> candle_core::Result<(u64, SyncOnDrop<'a>)> {
    for_slice!(slice, x => x.device_ptr_mut(stream))
}

/// A module's PTX, compiled when it is first wanted.
fn compiled(module: &Module, number: Number) -> candle_core::Result<Arc<str>> {
    type Cache = Mutex<HashMap<(&'static str, Number), Arc<str>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let mut cache = CACHE
        .get_or_init(Cache::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(ptx) = cache.get(&(module.name, number)) {
        return Ok(ptx.clone());
    }
    let options = CompileOptions {
        arch: Some(ARCHITECTURE),
        options: vec!["--std=c++17".to_string()],
        name: Some(format!("{}.cu", module.name)),
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(module.source(number), options)
        .map_err(|error| candle_core::Error::Msg(format!("{}.cu: {error:?}", module.name)))?;
    let ptx: Arc<str> = ptx.to_src().into();
    cache.insert((module.name, number), ptx.clone());
    Ok(ptx)
}
