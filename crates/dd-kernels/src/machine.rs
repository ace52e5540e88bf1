//! What this build can use on this machine.

use candle_core::Device;

/// Features of the build and means of the processor, for reports such as `dnd doctor`.
///
/// ```
/// let machine = dd_kernels::Machine::here();
/// assert!(machine.threads >= 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Cargo features that were chosen when building.
    pub features: Vec<&'static str>,
    /// Architecture of the processor, as Rust names it.
    pub architecture: &'static str,
    /// Vector instruction sets that the processor has, among those that matter here.
    pub instruction_sets: Vec<&'static str>,
    /// The ones that the kernels of this crate run with.
    pub kernels: &'static str,
    /// Threads that work is divided over.
    pub threads: usize,
    /// Whether a GPU can be opened; none when the build has no support for one, with the reason.
    pub gpu: Result<(), String>,
}

impl Machine {
    /// Looks at this machine.
    pub fn here() -> Self {
        let features = [
            ("cuda", cfg!(feature = "cuda")),
            ("cudnn", cfg!(feature = "cudnn")),
            ("mkl", cfg!(feature = "mkl")),
            ("accelerate", cfg!(feature = "accelerate")),
            ("metal", cfg!(feature = "metal")),
        ];
        let instruction_sets = instruction_sets();
        let has = |name| instruction_sets.contains(&name);
        Self {
            features: features
                .into_iter()
                .filter_map(|(name, chosen)| chosen.then_some(name))
                .collect(),
            architecture: std::env::consts::ARCH,
            kernels: if has("avx2") && has("fma") {
                "avx2 and fma"
            } else {
                "what every processor of this architecture has"
            },
            instruction_sets,
            threads: rayon::current_num_threads(),
            gpu: gpu(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    let mut found = Vec::new();
    macro_rules! look {
        ($($name:tt),*) => { $(if std::is_x86_feature_detected!($name) { found.push($name); })* };
    }
    look!(
        "sse4.2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512bf16",
        "avx512vnni"
    );
    found
}

#[cfg(not(target_arch = "x86_64"))]
fn instruction_sets() -> Vec<&'static str> {
    Vec::new()
}

/// Opens the GPU of a number, as training and serving want it: with one stream, which all threads share, and with the memory
/// of freed tensors kept for the next ones.
///
/// Tensors of two handles do not mix: open a GPU once.
///
/// ```no_run
/// let device = dd_kernels::open_gpu(0)?;
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// When this build has no feature `cuda`, there is no such GPU, or its driver refuses.
pub fn open_gpu(number: usize) -> candle_core::Result<Device> {
    let device = Device::new_cuda_with_stream(number)?;
    #[cfg(feature = "cuda")]
    crate::cuda::memory::keep_freed(device.as_cuda_device()?).map_err(candle_core::Error::wrap)?;
    Ok(device)
}

fn gpu() -> Result<(), String> {
    if cfg!(feature = "cuda") {
        return open_gpu(0).map(|_| ()).map_err(|error| error.to_string());
    }
    if cfg!(feature = "metal") {
        let opened = Device::new_metal(0);
        return opened.map(|_| ()).map_err(|error| error.to_string());
    }
    Err("this build has no support for one (features cuda, metal)".to_string())
}
