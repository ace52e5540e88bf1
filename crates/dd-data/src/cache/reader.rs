//! Reading a cache that nobody vouches for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{Description, ENTRY, FOOT, MAGIC, MAX_DESCRIPTION, record};
use crate::error::{DataError, Result};
use crate::example::{Example, ExampleSize, ExampleSource};

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    description: Description,
    entries: Vec<Entry>,
    file: Mutex<File>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    length: u32,
    size: ExampleSize,
    check: [u8; 8],
}

impl Cache {
    /// Opens a cache and checks its head and index.
    ///
    /// # Errors
    /// When the file cannot be read, is no cache, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let wrong = |reason: &str| DataError::Cache {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        };
        let system = |error| DataError::file(path, error);
        let mut file = File::open(path).map_err(system)?;
        let size = file.metadata().map_err(system)?.len();
        let head_size = (MAGIC.len() + 4) as u64;
        if size < head_size + FOOT as u64 {
            return Err(wrong("the file is too short"));
        }
        let mut head = read_at(&mut file, 0, head_size as usize).map_err(system)?;
        let foot = read_at(&mut file, size - FOOT as u64, FOOT).map_err(system)?;
        if !head.starts_with(MAGIC) {
            return Err(wrong("it does not begin with DDCACHE2"));
        }
        if !foot.ends_with(MAGIC) {
            return Err(wrong("it does not end with DDCACHE2; was it cut?"));
        }
        let description_length = u32_at(&head, 8) as usize;
        let (index_offset, count) = (u64_at(&foot, 0), u64_at(&foot, 8));
        let index_end = size - FOOT as u64;
        let index_size = count.checked_mul(ENTRY as u64);
        let fits = index_size.and_then(|bytes| bytes.checked_add(index_offset)) == Some(index_end);
        let records_from = head_size + description_length as u64;
        if description_length > MAX_DESCRIPTION || !fits || records_from > index_offset {
            return Err(wrong("its parts do not fit the file"));
        }
        head.extend(read_at(&mut file, head_size, description_length).map_err(system)?);
        // The index lies inside the file, so this allocates no more than the file has.
        let index_size = (index_end - index_offset) as usize;
        let index = read_at(&mut file, index_offset, index_size).map_err(system)?;
        let digest = Sha256::new()
            .chain_update(&head)
            .chain_update(&index)
            .finalize();
        if digest[..] != foot[16..48] {
            return Err(wrong("the checksum of head and index does not agree"));
        }
        let description = serde_json::from_slice(&head[head_size as usize..])
            .map_err(|error| wrong(&format!("description: {error}")))?;
        let entries: Vec<Entry> = index.chunks_exact(ENTRY).map(Entry::read).collect();
        let inside = |entry: &Entry| {
            let end = entry.offset.checked_add(u64::from(entry.length));
            entry.offset >= records_from && end.is_some_and(|end| end <= index_offset)
        };
        if !entries.iter().all(inside) {
            return Err(wrong("a record lies outside its part of the file"));
        }
        Ok(Self {
            path: path.to_path_buf(),
            description,
            entries,
            file: Mutex::new(file),
        })
    }

    /// How the features were made.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

impl ExampleSource for Cache {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn size(&self, index: usize) -> ExampleSize {
        self.entries
            .get(index)
            .map(|entry| entry.size)
            .unwrap_or_default()
    }

    fn get(&self, index: usize) -> Result<Example> {
        let len = self.entries.len();
        let entry = self.entries.get(index);
        let entry = entry.ok_or(DataError::NoSuchRecord { index, len })?;
        let bytes = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            read_at(&mut file, entry.offset, entry.length as usize)
        };
        let bytes = bytes.map_err(|error| DataError::file(&self.path, error))?;
        let intact = Sha256::digest(&bytes)[..8] == entry.check;
        let example = intact.then(|| record::decode(&bytes)).flatten();
        let example = example.filter(|example| example.size() == entry.size);
        example.ok_or_else(|| DataError::Cache {
            path: self.path.clone(),
            reason: format!("record {index} is damaged"),
        })
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Self {
        let mut check = [0; 8];
        check.copy_from_slice(&bytes[24..32]);
        Self {
            offset: u64_at(bytes, 0),
            length: u32_at(bytes, 8),
            size: ExampleSize {
                nodes: u32_at(bytes, 12),
                edges: u32_at(bytes, 16),
                atoms: u32_at(bytes, 20),
            },
            check,
        }
    }
}

fn read_at(file: &mut File, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
