//! An open PyTorch file.

use std::collections::BTreeMap;

use crate::error::{Result, TorchError};
use crate::left_out::left_out;
use crate::legacy::{self, Storages};
use crate::pickle::{Pickle, View, read};
use crate::settings::settings;
use crate::state_dict::state_dict;
use crate::tensor::{TensorInfo, check, rows};
use crate::zip::Archive;

/// The two formats of PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A zip archive, since PyTorch 1.6.
    Zip,
    /// Pickles and raw storages one after another.
    Legacy,
}

/// The tensors and settings of a PyTorch file.
///
/// ```
/// fn show(bytes: Vec<u8>) -> dd_torch::Result<()> {
///     let file = dd_torch::TorchFile::parse(bytes)?;
///     for (name, info) in file.tensors() {
///         println!("{name}: {} {:?}", info.element.name(), info.shape);
///         assert!(file.read(name).is_some());
///     }
///     Ok(())
/// }
/// assert!(show(b"PK\x03\x04, and no archive".to_vec()).is_err());
/// ```
#[derive(Debug)]
pub struct TorchFile {
    bytes: Vec<u8>,
    format: Format,
    storages: Storages,
    views: BTreeMap<String, View>,
    tensors: BTreeMap<String, TensorInfo>,
    settings: BTreeMap<String, String>,
    left_out: BTreeMap<String, String>,
}

impl TorchFile {
    /// How many first bytes [`TorchFile::is_one`] needs.
    pub const HEAD: usize = 24;

    /// Whether a file that begins with these bytes is one of PyTorch's, or at least a zip archive.
    pub fn is_one(head: &[u8]) -> bool {
        Archive::is_one(head) || legacy::is_one(head)
    }

    /// Reads a whole file.
    ///
    /// The state dict is what the file holds, or what it has under `state_dict`, `model_state_dict`, `model` or `module`;
    /// nested dictionaries, and modules that were saved whole, are joined by dots.
    ///
    /// # Errors
    /// When the file is of neither format, is damaged, or a tensor of the state dict does not lie in its storage.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        let (format, objects, storages) = if Archive::is_one(&bytes) {
            let (objects, storages) = archive(&bytes)?;
            (Format::Zip, objects, storages)
        } else if legacy::is_one(&bytes) {
            let (objects, storages) = legacy::parse(&bytes)?;
            (Format::Legacy, objects, storages)
        } else {
            return Err(TorchError::NotTorch);
        };
        let state_dict = state_dict(&objects.values, objects.root)?;
        let left_out = left_out(&objects.values, objects.root, &state_dict);
        let views = state_dict.tensors;
        let mut tensors = BTreeMap::new();
        for (name, view) in &views {
            let key = view.storage.key.as_ref();
            let place = storages.get(key).ok_or_else(|| TorchError::Storage {
                key: key.into(),
                reason: format!("tensor {name} needs it, but it is not in the file"),
            })?;
            let claimed = view.storage.element.map_or(1, crate::Element::size) as u64;
            let claimed = view.storage.count.checked_mul(claimed);
            if claimed.is_none_or(|claimed| claimed > place.len() as u64) {
                return Err(TorchError::Storage {
                    key: key.into(),
                    reason: format!(
                        "it claims {} numbers and has {} bytes",
                        view.storage.count,
                        place.len()
                    ),
                });
            }
            tensors.insert(name.clone(), check(name, view, place.len())?);
        }
        Ok(Self {
            format,
            settings: settings(&objects.values, objects.root),
            storages,
            left_out,
            views,
            tensors,
            bytes,
        })
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The tensors of the state dict, by name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// What the file says beside its state dict, as text by path: Lightning's `hyper_parameters.depth`. A class is
    /// its name. Lists are left out, and what is nested more than 8 deep.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Tensors of the file that are not among [`TorchFile::tensors`], by where they are, with the reason: a second state
    /// dict, those in lists or below keys that are no text, sparse and quantised ones.
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    /// The numbers of one tensor in row-major order, little-endian; `None` when there is no such tensor.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let view = self.views.get(name)?;
        let place = self.storages.get(view.storage.key.as_ref())?;
        Some(rows(view, &self.bytes[place.clone()]))
    }
}

/// The objects and the storages of an archive: `NAME/data.pkl` and `NAME/data/KEY`.
fn archive(bytes: &[u8]) -> Result<(Pickle, Storages)> {
    let archive = Archive::parse(bytes)?;
    let pickles: Vec<&str> = archive
        .names()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .collect();
    let [folder] = pickles[..] else {
        let reason = match pickles.len() {
            0 => "no entry is called data.pkl: not an archive of PyTorch",
            _ => "several entries are called data.pkl",
        };
        return Err(TorchError::Archive(reason.into()));
    };
    if archive.get(&format!("{folder}constants.pkl")).is_some() {
        let reason = "this is a compiled TorchScript module; save its state_dict() instead";
        return Err(TorchError::Archive(reason.into()));
    }
    let entry = |name: &str| archive.get(&format!("{folder}{name}"));
    if entry("byteorder").is_some_and(|range| bytes[range].starts_with(b"big")) {
        let reason = "the numbers are big-endian, which is not read";
        return Err(TorchError::Archive(reason.into()));
    }
    let pickle = entry("data.pkl").expect("its name was found above");
    let objects = read(&bytes[pickle], 0, "data.pkl")?;
    let data = format!("{folder}data/");
    let storage = |name: &str| Some((name.strip_prefix(&data)?.to_string(), archive.get(name)?));
    let storages = archive.names().filter_map(storage).collect();
    Ok((objects, storages))
}
