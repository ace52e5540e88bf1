//! Writing a cache: records as they come, the index at the end.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Description, ENTRY, MAGIC, MAX_DESCRIPTION, record};
use crate::error::{DataError, Result};
use crate::example::Example;

/// Writes a cache record by record; nothing is at the destination before [`CacheWriter::finish`].
pub struct CacheWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
    digest: Sha256,
    index: Vec<u8>,
    offset: u64,
}

impl CacheWriter {
    /// Begins a cache that will stand at `path`.
    ///
    /// # Errors
    /// When the folder cannot be written to or the description is too large.
    pub fn create(path: &Path, description: &Description) -> Result<Self> {
        let json = serde_json::to_vec(description).map_err(|error| DataError::Cache {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })?;
        if json.len() > MAX_DESCRIPTION {
            return Err(DataError::Cache {
                path: path.to_path_buf(),
                reason: format!(
                    "the description has {} bytes, more than {MAX_DESCRIPTION}",
                    json.len()
                ),
            });
        }
        let mut head = MAGIC.to_vec();
        head.extend((json.len() as u32).to_le_bytes());
        head.extend(json);
        let mut name = path.as_os_str().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = PathBuf::from(name);
        let file = File::create(&temporary).map_err(|error| DataError::file(&temporary, error))?;
        let mut writer = Self {
            path: path.to_path_buf(),
            temporary,
            file: Some(BufWriter::new(file)),
            digest: Sha256::new(),
            index: Vec::new(),
            offset: 0,
        };
        writer.digest.update(&head);
        writer.write(&head)?;
        Ok(writer)
    }

    /// Adds an example.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, example: &Example) -> Result<()> {
        let bytes = record::encode(example);
        let length = u32::try_from(bytes.len()).map_err(|_| DataError::Cache {
            path: self.path.clone(),
            reason: format!(
                "row {} needs {} bytes, more than a record may have",
                example.row,
                bytes.len()
            ),
        })?;
        let size = example.size();
        self.index.extend(self.offset.to_le_bytes());
        for number in [length, size.nodes, size.edges, size.atoms] {
            self.index.extend(number.to_le_bytes());
        }
        self.index.extend_from_slice(&Sha256::digest(&bytes)[..8]);
        self.write(&bytes)
    }

    /// Writes the index, makes the file durable and gives it its name. Returns the number of records.
    ///
    /// # Errors
    /// When it cannot be written or renamed.
    pub fn finish(mut self) -> Result<u64> {
        let count = (self.index.len() / ENTRY) as u64;
        let mut foot = self.offset.to_le_bytes().to_vec();
        foot.extend(count.to_le_bytes());
        let index = std::mem::take(&mut self.index);
        self.digest.update(&index);
        foot.extend_from_slice(&std::mem::take(&mut self.digest).finalize());
        foot.extend_from_slice(MAGIC);
        self.write(&index)?;
        self.write(&foot)?;
        let durable = self.file.take().map_or(Ok(()), |file| {
            let file = file
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()
        });
        durable.map_err(|error| DataError::file(&self.temporary, error))?;
        fs::rename(&self.temporary, &self.path)
            .map_err(|error| DataError::file(&self.path, error))?;
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)
                .map_err(|error| DataError::file(&self.temporary, error))?;
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for CacheWriter {
    fn drop(&mut self) {
        // After `finish` the temporary file has another name, and there is nothing to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}
