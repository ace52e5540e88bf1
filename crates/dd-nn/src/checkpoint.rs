//! Weights in a file of somebody else: safetensors or PyTorch's formats, told apart by their first bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dd_torch::{Element, TorchFile};

use crate::error::{NnError, Result};
use crate::tensor_file::TensorFile;

/// Largest PyTorch file that is read; it is held in memory as a whole.
const MAX_TORCH_BYTES: u64 = 8 << 30;

/// An open file of weights.
///
/// Nothing in it is executed: a pickle's classes are names here ([`dd_torch`]).
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    source: Source,
    entries: BTreeMap<String, CheckpointEntry>,
    settings: BTreeMap<String, String>,
    left_out: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Source {
    Safetensors(TensorFile),
    Torch(TorchFile),
}

/// Shape and element type of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Element type in the file's own words: `F32`, `float32`.
    pub dtype: String,
}

impl Checkpoint {
    /// Opens a file: of PyTorch when it begins like one, of safetensors else.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a whole, valid file of its format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(NnError::io(path))?;
        let mut head = Vec::with_capacity(TorchFile::HEAD);
        file.by_ref()
            .take(TorchFile::HEAD as u64)
            .read_to_end(&mut head)
            .map_err(NnError::io(path))?;
        if TorchFile::is_one(&head) {
            Self::torch(path, file, head)
        } else {
            Ok(Self::safetensors(TensorFile::open(path)?))
        }
    }

    fn torch(path: &Path, mut file: File, mut bytes: Vec<u8>) -> Result<Self> {
        let size = file.metadata().map_err(NnError::io(path))?.len();
        if size > MAX_TORCH_BYTES {
            return Err(NnError::TooLarge {
                path: path.to_path_buf(),
                size,
                limit: MAX_TORCH_BYTES,
            });
        }
        file.read_to_end(&mut bytes).map_err(NnError::io(path))?;
        let torch = TorchFile::parse(bytes).map_err(|source| NnError::Torch {
            path: path.to_path_buf(),
            source,
        })?;
        let entries = torch.tensors().iter().map(|(name, info)| {
            let entry = CheckpointEntry {
                shape: info.shape.clone(),
                dtype: info.element.name().to_string(),
            };
            (name.clone(), entry)
        });
        Ok(Self {
            path: path.to_path_buf(),
            entries: entries.collect(),
            settings: torch.settings().clone(),
            left_out: torch.left_out().clone(),
            source: Source::Torch(torch),
        })
    }

    fn safetensors(file: TensorFile) -> Self {
        let entries = file.entries().iter().map(|(name, info)| {
            let entry = CheckpointEntry {
                shape: info.shape.clone(),
                dtype: info.dtype.clone(),
            };
            (name.clone(), entry)
        });
        Self {
            path: file.path().to_path_buf(),
            entries: entries.collect(),
            settings: file.metadata().clone(),
            left_out: BTreeMap::new(),
            source: Source::Safetensors(file),
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor, by name in alphabetical order.
    pub fn entries(&self) -> &BTreeMap<String, CheckpointEntry> {
        &self.entries
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// What the file says beside its tensors, as text by path: Lightning's `hyper_parameters.depth`.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Tensors of the file that are not among the entries, by where they are, with the reason.
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    /// One tensor on the CPU. Integers of fewer than 64 bits become 64 wide, truth values bytes.
    ///
    /// # Errors
    /// When there is no such tensor, or its element type is not supported.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let device = Device::Cpu;
        let torch = match &self.source {
            Source::Safetensors(file) => return file.read(name, &device),
            Source::Torch(torch) => torch,
        };
        let no_tensor = || NnError::NoTensor {
            path: self.path.clone(),
            name: name.to_string(),
        };
        let info = torch.tensors().get(name).ok_or_else(no_tensor)?;
        let bytes = torch.read(name).ok_or_else(no_tensor)?;
        let shape = info.shape.as_slice();
        let wide = |values: Vec<i64>| Ok(Tensor::from_vec(values, shape, &device)?);
        let dtype = match info.element {
            Element::F64 => DType::F64,
            Element::F32 => DType::F32,
            Element::F16 => DType::F16,
            Element::BF16 => DType::BF16,
            Element::I64 => DType::I64,
            Element::U32 => DType::U32,
            Element::U8 | Element::Bool => DType::U8,
            Element::I32 => return wide(integers(&bytes, i32::from_le_bytes)),
            Element::I16 => return wide(integers(&bytes, i16::from_le_bytes)),
            Element::I8 => return wide(integers(&bytes, i8::from_le_bytes)),
            other => {
                return Err(NnError::ElementType {
                    source_name: self.path.display().to_string(),
                    name: name.to_string(),
                    dtype: other.name().to_string(),
                });
            }
        };
        Ok(Tensor::from_raw_buffer(&bytes, dtype, shape, &device)?)
    }
}

fn integers<const W: usize, T: Into<i64>>(bytes: &[u8], number: fn([u8; W]) -> T) -> Vec<i64> {
    let chunks = bytes.chunks_exact(W);
    let number = |chunk: &[u8]| number(chunk.try_into().expect("chunks of W bytes")).into();
    chunks.map(number).collect()
}
