//! Writes files whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use serde::Serialize;

use crate::error::{NnError, Result};

/// A file that is written and flushed under a temporary name, waiting to take its own.
///
/// Several can be staged and then committed together, so that a crash while the bytes are written leaves all of the old
/// files in place. Dropped without [`Staged::commit`], it disappears.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl Staged {
    /// Writes the content, in the folder of `path`.
    ///
    /// # Errors
    /// When the folder cannot be written to, the name is that of a folder, a device or a pipe, or `write` fails.
    pub fn write(
        path: impl AsRef<Path>,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<Self> {
        // A link stays one: what it leads to is written.
        let path = path.as_ref();
        let place = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if place.exists() && !place.is_file() {
            let reason = std::io::Error::other("it is no regular file");
            return Err(NnError::io(path)(reason));
        }
        let staged = Self {
            temporary: temporary_name(&place),
            path: place,
            committed: false,
        };
        let written = (|| {
            let mut out = BufWriter::with_capacity(1 << 20, File::create(&staged.temporary)?);
            write(&mut out)?;
            let file = out
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()
        })();
        written.map_err(NnError::io(path))?;
        Ok(staged)
    }

    /// Gives the file its name, in place of what had it before.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn commit(mut self) -> Result<()> {
        fs::rename(&self.temporary, &self.path)
            .and_then(|()| sync_folder(&self.path))
            .map_err(NnError::io(&self.path))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // What is left of a failed attempt; its absence is no second error.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `path` by way of a temporary file in the same folder, which is flushed to the disk and then takes the name:
/// whoever reads `path`, after a crash too, finds the old content or the new.
///
/// # Errors
/// When the folder cannot be written to, or `write` fails.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    Staged::write(path, write)?.commit()
}

/// Writes tensors (f32, f64, f16, bf16, i64, u32 or u8) and free text as a safetensors file, atomically.
///
/// Equal content gives equal bytes: tensors by name, metadata by key, in alphabetical order.
///
/// # Errors
/// When the file cannot be written or an element type has no place in the format.
pub fn save_tensors(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    stage_tensors(path, tensors, metadata)?.commit()
}

/// [`save_tensors`] up to the last moment: the file waits for [`Staged::commit`].
///
/// # Errors
/// As [`save_tensors`].
pub fn stage_tensors(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<Staged> {
    let path = path.as_ref();
    let header = header(path, tensors, metadata)?;
    let mut failed = None;
    let written = Staged::write(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for tensor in tensors.values() {
            match bytes(tensor) {
                Ok(bytes) => out.write_all(&bytes)?,
                Err(error) => {
                    failed = Some(error);
                    return Err(std::io::Error::other("a tensor could not be read"));
                }
            }
        }
        Ok(())
    });
    match failed {
        Some(error) => Err(error.into()),
        None => written,
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'a str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// The JSON header, padded to a multiple of 8 bytes.
fn header(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let json = |value: std::result::Result<String, serde_json::Error>| {
        value.map_err(|error| NnError::Format {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })
    };
    let mut parts = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        parts.push(format!(
            "\"__metadata__\":{}",
            json(serde_json::to_string(metadata))?
        ));
    }
    let mut start = 0;
    for (name, tensor) in tensors {
        let dtype = dtype_name(tensor.dtype()).ok_or_else(|| NnError::ElementType {
            source_name: path.display().to_string(),
            name: name.clone(),
            dtype: tensor.dtype().as_str().to_string(),
        })?;
        let end = start + tensor.elem_count() * tensor.dtype().size_in_bytes();
        let entry = Entry {
            dtype,
            shape: tensor.dims(),
            data_offsets: [start, end],
        };
        let (name, entry) = (
            json(serde_json::to_string(name))?,
            json(serde_json::to_string(&entry))?,
        );
        parts.push(format!("{name}:{entry}"));
        start = end;
    }
    let mut header = format!("{{{}}}", parts.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

fn dtype_name(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::U8 => "U8",
        DType::U32 => "U32",
        DType::I64 => "I64",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::F32 => "F32",
        DType::F64 => "F64",
        _ => return None,
    })
}

/// Little-endian bytes in row-major order.
fn bytes(tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(tensor.elem_count() * tensor.dtype().size_in_bytes());
    tensor.write_bytes(&mut out)?;
    Ok(out)
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Makes the new name itself durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
