//! Runs launches in a child process that imitates a GPU, so that the kernels' arithmetic, their launches and their
//! gradients are tested where there is no GPU. It is off until a test turns it on.
//!
//! A launch is written to the child's standard input, and read back from its standard output, in little-endian numbers:
//!
//! ```text
//! request  length of the name u64, name; blocks, threads, shared bytes, number of arguments: u64 each;
//!          per argument: kind u64 (0 read, 1 write, 2 scalar), length u64, bytes
//! answer   status u64; status 0: the bytes of each written argument; otherwise a message: length u64, bytes
//! ```

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use candle_core::cpu_backend::CpuDevice;
use candle_core::{CpuStorage, DType, Storage};
use half::bf16;

use super::launch::{Argument, Gpu, Launch};

/// The running emulator.
static EMULATOR: OnceLock<Mutex<Emulator>> = OnceLock::new();

struct Emulator {
    requests: ChildStdin,
    answers: ChildStdout,
    _child: Child,
}

/// True once [`turn_on`] has started a program.
pub(crate) fn is_on() -> bool {
    EMULATOR.get().is_some()
}

/// Starts the program that `build` makes, unless one runs; from now on, operations on CPU tensors run the CUDA kernels
/// in it.
pub(crate) fn turn_on(build: impl FnOnce() -> PathBuf) -> std::io::Result<()> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_on() {
        return Ok(());
    }
    let mut child = Command::new(build())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (requests, answers) = (child.stdin.take(), child.stdout.take());
    let (Some(requests), Some(answers)) = (requests, answers) else {
        return Err(std::io::Error::other("the emulator has no pipes"));
    };
    let emulator = Emulator {
        requests,
        answers,
        _child: child,
    };
    let _ = EMULATOR.set(Mutex::new(emulator)); // empty until now
    Ok(())
}

impl Gpu for CpuStorage {
    fn of(storage: &Storage) -> Option<&Self> {
        match storage {
            Storage::Cpu(storage) => Some(storage),
            _ => None,
        }
    }

    /// NaN everywhere, so that a number that no kernel writes is seen.
    fn uninitialised(_: &CpuDevice, dtype: DType, len: usize) -> candle_core::Result<Self> {
        match dtype {
            DType::F32 => Ok(Self::F32(vec![f32::NAN; len])),
            DType::F64 => Ok(Self::F64(vec![f64::NAN; len])),
            DType::BF16 => Ok(Self::BF16(vec![bf16::NAN; len])),
            dtype => candle_core::bail!("no emulated kernels for {dtype:?}"),
        }
    }

    fn launch(_: &CpuDevice, launch: Launch<'_, Self>) -> candle_core::Result<()> {
        if launch.blocks == 0 {
            return Ok(());
        }
        let Some(emulator) = EMULATOR.get() else {
            candle_core::bail!("{}: the emulator is not running", launch.kernel);
        };
        let mut emulator = emulator.lock().unwrap_or_else(PoisonError::into_inner);
        emulator.run(launch).map_err(candle_core::Error::wrap)
    }
}

impl Emulator {
    fn run(&mut self, launch: Launch<'_, CpuStorage>) -> std::io::Result<()> {
        let name = format!("{}_{}", launch.kernel, launch.number.name());
        let mut request = Vec::new();
        let word = |request: &mut Vec<u8>, x: usize| request.extend((x as u64).to_le_bytes());
        word(&mut request, name.len());
        request.extend(name.as_bytes());
        let sizes = [
            launch.blocks,
            launch.threads,
            launch.shared_bytes,
            launch.arguments.len(),
        ];
        for size in sizes {
            word(&mut request, size);
        }
        let mut written = Vec::new();
        for argument in launch.arguments {
            let (kind, bytes) = match argument {
                Argument::Read(view) => {
                    (0, bytes_of(view.storage, view.start..view.start + view.len))
                }
                Argument::Write(storage) => {
                    let bytes = bytes_of(storage, 0..usize::MAX);
                    written.push(storage);
                    (1, bytes)
                }
                Argument::Size(size) => {
                    let size = u32::try_from(size).map_err(std::io::Error::other)?;
                    (2, size.to_le_bytes().to_vec())
                }
                Argument::Word(word) => (2, word.to_le_bytes().to_vec()),
                Argument::Real(real) => (2, real.to_le_bytes().to_vec()),
                Argument::Null => (2, 0_u64.to_le_bytes().to_vec()),
            };
            word(&mut request, kind);
            word(&mut request, bytes.len());
            request.extend(bytes);
        }
        self.requests.write_all(&request)?;
        self.requests.flush()?;
        if self.read_word()? != 0 {
            let mut message = vec![0; self.read_word()?];
            self.answers.read_exact(&mut message)?;
            let message = String::from_utf8_lossy(&message);
            return Err(std::io::Error::other(format!("{name}: {message}")));
        }
        for storage in written {
            let mut bytes = bytes_of(storage, 0..usize::MAX);
            self.answers.read_exact(&mut bytes)?;
            overwrite(storage, &bytes);
        }
        Ok(())
    }

    fn read_word(&mut self) -> std::io::Result<usize> {
        let mut word = [0; 8];
        self.answers.read_exact(&mut word)?;
        Ok(u64::from_le_bytes(word) as usize)
    }
}

/// Little-endian bytes of a range, cut at the end of the storage.
fn bytes_of(storage: &CpuStorage, range: std::ops::Range<usize>) -> Vec<u8> {
    macro_rules! bytes {
        ($numbers:expr) => {
            $numbers[range.start..range.end.min($numbers.len())]
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect()
        };
    }
    match storage {
        CpuStorage::U8(x) => bytes!(x),
        CpuStorage::U32(x) => bytes!(x),
        CpuStorage::I64(x) => bytes!(x),
        CpuStorage::BF16(x) => bytes!(x),
        CpuStorage::F32(x) => bytes!(x),
        CpuStorage::F64(x) => bytes!(x),
        _ => Vec::new(),
    }
}

/// Replaces all numbers.
fn overwrite(storage: &mut CpuStorage, bytes: &[u8]) {
    fn fill<T, const N: usize>(numbers: &mut [T], bytes: &[u8], from: impl Fn([u8; N]) -> T) {
        let (chunks, _) = bytes.as_chunks::<N>();
        for (number, &chunk) in numbers.iter_mut().zip(chunks) {
            *number = from(chunk);
        }
    }
    match storage {
        CpuStorage::BF16(x) => fill(x, bytes, bf16::from_le_bytes),
        CpuStorage::F32(x) => fill(x, bytes, f32::from_le_bytes),
        CpuStorage::F64(x) => fill(x, bytes, f64::from_le_bytes),
        _ => unreachable!("kernels write floating-point numbers"),
    }
}
