//! Reads safetensors files tensor by tensor, trusting nothing in them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, Metadata};

use crate::error::{NnError, Result};

/// Longest header that is read: room for about 100,000 tensors. A longer one is not a model of ours, and parsing it
/// could take many times its size in memory.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// An open safetensors file whose header has been checked against its size.
///
/// Opening allocates for the header only, at most 16 MiB of text; [`TensorFile::read`] for the one tensor it returns,
/// whose bytes are known to be in the file.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    source: Mutex<Box<dyn Source>>,
    data_start: u64,
    entries: BTreeMap<String, TensorInfo>,
    metadata: BTreeMap<String, String>,
}

/// What a file's bytes are read from: the disk or the program itself.
trait Source: Read + Seek + Send + Debug {}

impl<T: Read + Seek + Send + Debug> Source for T {}

/// Shape, element type and place of a tensor in a file.
#[derive(Debug, Clone)]
pub struct TensorInfo {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Element type in the file's own words: `F32`, `BF16`.
    pub dtype: String,
    element: Option<DType>,
    offset: u64,
    num_bytes: usize,
}

impl TensorFile {
    /// Opens a file and checks its header: lengths, offsets without gap or overlap, sizes without overflow.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a whole safetensors file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(NnError::io(path))?;
        let size = file.metadata().map_err(NnError::io(path))?.len();
        Self::of(path, Box::new(file), size)
    }

    /// A file that is part of the program. `name` stands for its path in messages.
    ///
    /// # Errors
    /// As [`TensorFile::open`].
    pub fn embedded(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Self::of(
            Path::new(name),
            Box::new(Cursor::new(bytes)),
            bytes.len() as u64,
        )
    }

    fn of(path: &Path, mut file: Box<dyn Source>, size: u64) -> Result<Self> {
        let wrong = |reason: String| NnError::Format {
            path: path.to_path_buf(),
            reason,
        };
        if size < 8 {
            return Err(wrong(format!(
                "the file has {size} bytes, fewer than the 8 of a length"
            )));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(NnError::io(path))?;
        let length = u64::from_le_bytes(length);
        if length > size - 8 {
            return Err(wrong(format!(
                "the header claims {length} bytes, but only {} follow",
                size - 8
            )));
        }
        if length > MAX_HEADER_BYTES {
            return Err(wrong(format!(
                "the header has {length} bytes, more than the limit of {MAX_HEADER_BYTES}"
            )));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(NnError::io(path))?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|error| wrong(error.to_string()))?;
        let (expected, got) = (header.data_len() as u64, size - 8 - length);
        if expected != got {
            return Err(wrong(format!(
                "the header describes {expected} bytes of data, the file holds {got}"
            )));
        }
        let entries = header.tensors().into_iter().map(|(name, info)| {
            let (start, end) = info.data_offsets;
            let entry = TensorInfo {
                shape: info.shape.clone(),
                dtype: info.dtype.to_string(),
                element: element_type(info.dtype),
                offset: start as u64,
                num_bytes: end - start,
            };
            (name, entry)
        });
        Ok(Self {
            path: path.to_path_buf(),
            data_start: 8 + length,
            entries: entries.collect(),
            metadata: header
                .metadata()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            source: Mutex::new(file),
        })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The most numbers that a network may have which this file is to fill: a bound for
    /// [`ParamStore::at_most`](crate::ParamStore::at_most). It leaves room for a network that the file does not fit, so that
    /// loading can name all that is missing.
    pub fn most_parameters(&self) -> usize {
        const ROOM: usize = 1 << 24;
        let sizes = { self.entries.values() }.map(|entry| entry.shape.iter().product::<usize>());
        sizes.sum::<usize>().saturating_mul(2).max(ROOM)
    }

    /// Every tensor, by name in alphabetical order.
    pub fn entries(&self) -> &BTreeMap<String, TensorInfo> {
        &self.entries
    }

    /// The free text of the header.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// One tensor, in the element type of the file.
    ///
    /// # Errors
    /// When there is no such tensor, its element type is not supported, or the file has changed under our hands.
    pub fn read(&self, name: &str, device: &Device) -> Result<Tensor> {
        let entry = self.entries.get(name).ok_or_else(|| NnError::NoTensor {
            path: self.path.clone(),
            name: name.to_string(),
        })?;
        let element = entry.element.ok_or_else(|| NnError::ElementType {
            source_name: self.path.display().to_string(),
            name: name.to_string(),
            dtype: entry.dtype.clone(),
        })?;
        let mut bytes = vec![0; entry.num_bytes];
        {
            let mut source = self
                .source
                .lock()
                .expect("no thread panics while it reads the file");
            source
                .seek(SeekFrom::Start(self.data_start + entry.offset))
                .map_err(NnError::io(&self.path))?;
            source
                .read_exact(&mut bytes)
                .map_err(NnError::io(&self.path))?;
        }
        Ok(Tensor::from_raw_buffer(
            &bytes,
            element,
            &entry.shape,
            device,
        )?)
    }
}

/// The element types that candle computes with.
fn element_type(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::U8 | Dtype::BOOL => DType::U8,
        Dtype::U32 => DType::U32,
        Dtype::I64 => DType::I64,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        _ => return None,
    })
}
