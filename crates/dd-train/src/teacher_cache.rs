//! What a frozen teacher says of every conformer, computed once: in memory, or in a file that many runs share.
//!
//! Layout of the file, little-endian: `DDTEACH2`, width (u32), element size (u32), molecules (u64), fingerprint (32 bytes);
//! for each molecule its record, its first row and its number of atoms (3 x u64); then the rows, for each molecule its graph's
//! and its atoms'; then for each molecule the beginning of the SHA-256 of its rows (u64), which is looked at whenever they are read. The fingerprint is the SHA-256 of the teacher's configuration and tensors and of all conformers, so that a
//! file made by another teacher or from other data is refused. The numbers are kept as the teacher gave them: a run with a cache equals one without.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::Denoiser3d;
use dd_graph::{PointBatch, PointCloud};
use dd_nn::{Mode, ParamStore, Representation, write_atomically};
use sha2::{Digest, Sha256};

use crate::digest::{Content, add_tensors, bytes_of};
use crate::error::{Result, TrainError};

const MAGIC: &[u8; 8] = b"DDTEACH2";
const HEAD: usize = 8 + 4 + 4 + 8 + 32;
const ENTRY: usize = 24;

/// The teacher's representations of the conformers that it was shown beforehand.
pub struct TeacherCache {
    width: usize,
    dtype: DType,
    /// Rows of each record: its graph's first.
    places: HashMap<u64, Range<u64>>,
    /// Checksum of each record's rows, of those in a file.
    checks: HashMap<u64, u64>,
    rows: Rows,
}

enum Rows {
    Memory(Vec<u8>),
    File {
        file: Mutex<File>,
        path: PathBuf,
        start: u64,
    },
}

/// A teacher and all that decides what it says.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    /// The network.
    pub network: &'a dyn Denoiser3d,
    /// Its parameters.
    pub store: &'a ParamStore,
    /// Its configuration, as text: cutoffs and heads are in no tensor.
    pub description: &'a str,
}

impl TeacherCache {
    /// Shows the teacher all conformers, `batches` of them at a time, and keeps what it gives in memory:
    /// `(1 + atoms) * width` numbers for each.
    ///
    /// # Errors
    /// When two conformers have one record number, or the teacher fails or is in half precision.
    pub fn in_memory(
        teacher: Speaker<'_>,
        clouds: &[PointCloud],
        batches: &[Vec<usize>],
    ) -> Result<Self> {
        check(teacher, clouds)?;
        let mut bytes = Vec::new();
        let places = layout(clouds, batches).collect();
        speak(teacher, clouds, batches, |rows| {
            bytes.extend_from_slice(rows);
            Ok(())
        })?;
        Ok(Self {
            width: teacher.network.width(),
            dtype: teacher.store.dtype(),
            places,
            checks: HashMap::new(),
            rows: Rows::Memory(bytes),
        })
    }

    /// The same in the file `path`: read when it is there and of this teacher and these conformers, made when it is not.
    ///
    /// # Errors
    /// As [`TeacherCache::in_memory`]; when the file is of another teacher or of other conformers, is damaged, or
    /// cannot be read or written.
    pub fn in_file(
        path: &Path,
        teacher: Speaker<'_>,
        clouds: &[PointCloud],
        batches: &[Vec<usize>],
    ) -> Result<Self> {
        check(teacher, clouds)?;
        let print = fingerprint(teacher, clouds)?;
        if !path.exists() {
            let (width, size) = (
                teacher.network.width(),
                teacher.store.dtype().size_in_bytes(),
            );
            let mut failure = None;
            let written = write_atomically(path, |out| {
                out.write_all(MAGIC)?;
                out.write_all(&(width as u32).to_le_bytes())?;
                out.write_all(&(size as u32).to_le_bytes())?;
                out.write_all(&(clouds.len() as u64).to_le_bytes())?;
                out.write_all(&print)?;
                for (record, rows) in layout(clouds, batches) {
                    for number in [record, rows.start, rows.end - rows.start - 1] {
                        out.write_all(&number.to_le_bytes())?;
                    }
                }
                let mut checks = Vec::with_capacity(8 * clouds.len());
                let spoken = speak(teacher, clouds, batches, |rows| {
                    checks.extend(checksum(rows).to_le_bytes());
                    out.write_all(rows).map_err(TrainError::io(path))
                });
                spoken.map_err(|error| {
                    let text = error.to_string();
                    failure = Some(error);
                    std::io::Error::other(text)
                })?;
                out.write_all(&checks)
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            written?;
        }
        Self::read(path, teacher, &print)
    }

    fn read(path: &Path, teacher: Speaker<'_>, print: &[u8; 32]) -> Result<Self> {
        let system = |error| TrainError::io(path)(error);
        let wrong = |reason: String| TrainError::Folder {
            path: path.to_path_buf(),
            reason,
        };
        let mut file = File::open(path).map_err(system)?;
        let size = file.metadata().map_err(system)?.len();
        let mut head = [0; HEAD];
        if size < HEAD as u64 {
            return Err(wrong(
                "it holds no answers of a teacher; name another file".into(),
            ));
        }
        file.read_exact(&mut head).map_err(system)?;
        let (width, dtype) = (teacher.network.width(), teacher.store.dtype());
        let molecules = u64_at(&head, 16);
        if &head[..8] != MAGIC {
            return Err(wrong(
                "it holds no answers of a teacher; name another file".into(),
            ));
        }
        if head[24..] != print[..] {
            return Err(wrong("it was made by another teacher or from other conformers; delete it or name another file".into()));
        }
        let index_size = molecules
            .checked_mul(ENTRY as u64)
            .filter(|&bytes| bytes < size);
        let index_size = index_size.ok_or_else(|| wrong("it is cut".into()))?;
        let mut index = vec![0; index_size as usize];
        file.read_exact(&mut index).map_err(system)?;
        let mut places = HashMap::with_capacity(molecules as usize);
        let mut num_rows = 0;
        for entry in index.chunks_exact(ENTRY) {
            let [record, first, atoms] = [0, 8, 16].map(|at| u64_at(entry, at));
            if first != num_rows {
                return Err(wrong("its index is damaged".into()));
            }
            num_rows = first.saturating_add(atoms).saturating_add(1);
            places.insert(record, first..num_rows);
        }
        let start = HEAD as u64 + index_size;
        let row_bytes = (width * dtype.size_in_bytes()) as u64;
        let end = num_rows
            .checked_mul(row_bytes)
            .and_then(|rows| rows.checked_add(start));
        if end.and_then(|end| end.checked_add(8 * molecules)) != Some(size) {
            return Err(wrong("it is cut".into()));
        }
        file.seek(SeekFrom::Start(size - 8 * molecules))
            .map_err(system)?;
        let mut checks = vec![0; 8 * molecules as usize];
        file.read_exact(&mut checks).map_err(system)?;
        let records = index.chunks_exact(ENTRY).map(|entry| u64_at(entry, 0));
        let checks = checks.chunks_exact(8).map(|check| u64_at(check, 0));
        Ok(Self {
            width,
            dtype,
            places,
            checks: records.zip(checks).collect(),
            rows: Rows::File {
                file: Mutex::new(file),
                path: path.to_path_buf(),
                start,
            },
        })
    }

    /// What was kept of all these records, or nothing when one is absent.
    pub(crate) fn get(&self, records: &[u64], device: &Device) -> Result<Option<Representation>> {
        let places: Option<Vec<_>> = records.iter().map(|r| self.places.get(r)).collect();
        let Some(places) = places else {
            return Ok(None);
        };
        let row_bytes = self.width * self.dtype.size_in_bytes();
        let (mut graphs, mut nodes) = (Vec::new(), Vec::new());
        for (record, rows) in records.iter().zip(places) {
            let bytes = self.rows.read(rows.clone(), row_bytes)?;
            if let (Some(check), Rows::File { path, .. }) = (self.checks.get(record), &self.rows)
                && checksum(&bytes) != *check
            {
                return Err(TrainError::Folder {
                    path: path.clone(),
                    reason: format!("the answers for record {record} are damaged; delete the file"),
                });
            }
            graphs.extend_from_slice(&bytes[..row_bytes]);
            nodes.extend_from_slice(&bytes[row_bytes..]);
        }
        let tensor = |bytes: &[u8]| {
            let shape = (bytes.len() / row_bytes, self.width);
            Tensor::from_raw_buffer(bytes, self.dtype, &[shape.0, shape.1], device)
        };
        Ok(Some(Representation {
            nodes: tensor(&nodes)?,
            graphs: tensor(&graphs)?,
        }))
    }
}

impl Rows {
    fn read(&self, rows: Range<u64>, row_bytes: usize) -> Result<Vec<u8>> {
        let begin = rows.start as usize * row_bytes;
        let length = (rows.end - rows.start) as usize * row_bytes;
        match self {
            Self::Memory(bytes) => Ok(bytes[begin..begin + length].to_vec()),
            Self::File { file, path, start } => {
                let mut bytes = vec![0; length];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(start + begin as u64))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(TrainError::io(path))?;
                Ok(bytes)
            }
        }
    }
}

/// Answers are kept by record: training and validation data must be numbered apart. They are kept in single or double
/// precision.
fn check(teacher: Speaker<'_>, clouds: &[PointCloud]) -> Result<()> {
    if !matches!(teacher.store.dtype(), DType::F32 | DType::F64) {
        return Err(TrainError::config(
            "teacher",
            "answers are kept of teachers in single or double precision",
        ));
    }
    let mut known = HashSet::with_capacity(clouds.len());
    match clouds.iter().find(|cloud| !known.insert(cloud.record)) {
        None => Ok(()),
        Some(cloud) => Err(TrainError::Record {
            index: cloud.record as usize,
            reason:
                "two conformers of the run have this number, by which a teacher's answers are kept"
                    .into(),
        }),
    }
}

/// The record and the rows of each molecule, in the order in which the teacher is asked.
fn layout<'a>(
    clouds: &'a [PointCloud],
    batches: &'a [Vec<usize>],
) -> impl Iterator<Item = (u64, Range<u64>)> + 'a {
    let order = batches.iter().flatten();
    order.scan(0, |next, &index| {
        let cloud = &clouds[index];
        let rows = *next..*next + 1 + cloud.num_atoms() as u64;
        *next = rows.end;
        Some((cloud.record, rows))
    })
}

/// Asks the teacher about every batch, and hands over the bytes of the rows of each molecule.
fn speak(
    teacher: Speaker<'_>,
    clouds: &[PointCloud],
    batches: &[Vec<usize>],
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    for indices in batches {
        let batch: Vec<&PointCloud> = indices.iter().map(|&index| &clouds[index]).collect();
        let points = PointBatch::collate(&batch, teacher.store.dtype(), teacher.store.device())?;
        let seen = teacher.network.forward(&points, Mode::Eval)?.representation;
        for (molecule, atoms) in points.atoms.ranges().enumerate() {
            let mut rows = bytes_of(&seen.graphs.narrow(0, molecule, 1)?)?;
            rows.extend(bytes_of(&seen.nodes.narrow(
                0,
                atoms.start,
                atoms.len(),
            )?)?);
            take(&rows)?;
        }
    }
    Ok(())
}

fn fingerprint(teacher: Speaker<'_>, clouds: &[PointCloud]) -> Result<[u8; 32]> {
    let mut digest = Sha256::new().chain_update(teacher.description);
    add_tensors(&mut digest, teacher.store)?;
    for cloud in clouds {
        cloud.add_to(&mut digest);
    }
    Ok(digest.finalize().into())
}

fn checksum(rows: &[u8]) -> u64 {
    u64_at(&Sha256::digest(rows), 0)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
