//! Reading a golden case: a `.safetensors` file with a `.json` beside it.
//!
//! Names follow the convention of the generator: `input.*`, `state.*`, `buffer.*` and results of a float32 and a float64
//! run of the original under `f32.*` and `f64.*`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{ParityError, Row};

/// One golden case: its tensors and its description.
pub struct Golden {
    /// File name without extension.
    pub name: String,
    /// The description.
    pub json: Value,
    path: PathBuf,
    bytes: Vec<u8>,
    read: RefCell<BTreeSet<String>>,
}

impl Golden {
    /// Reads `path` (the `.json` or the `.safetensors` of a case).
    ///
    /// # Errors
    /// When either file is absent or malformed.
    pub fn open(path: &Path) -> Result<Self, ParityError> {
        let json_path = path.with_extension("json");
        let tensor_path = path.with_extension("safetensors");
        let text =
            std::fs::read_to_string(&json_path).map_err(|e| ParityError::read(&json_path, e))?;
        let json = serde_json::from_str(&text).map_err(|e| ParityError::read(&json_path, e))?;
        let bytes = std::fs::read(&tensor_path).map_err(|e| ParityError::read(&tensor_path, e))?;
        SafeTensors::deserialize(&bytes).map_err(|e| ParityError::read(&tensor_path, e))?;
        let name = path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(Self {
            name,
            json,
            path: tensor_path,
            bytes,
            read: RefCell::default(),
        })
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("the file was checked when it was opened")
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .tensors()
            .names()
            .into_iter()
            .map(ToString::to_string)
            .collect();
        names.sort();
        names
    }

    /// Names below a prefix such as `"f64.grad."`, with the prefix cut off, sorted.
    pub fn names_below(&self, prefix: &str) -> Vec<String> {
        self.names()
            .iter()
            .filter_map(|name| name.strip_prefix(prefix).map(ToString::to_string))
            .collect()
    }

    /// True when the case holds a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors().tensor(name).is_ok()
    }

    /// A tensor converted to `dtype` (integers may be read as u32 or i64).
    ///
    /// # Errors
    /// When it is absent.
    pub fn tensor(&self, name: &str, dtype: DType) -> Result<Tensor, ParityError> {
        let all = self.tensors();
        let view = all.tensor(name).map_err(|_| ParityError::MissingTensor {
            path: self.path.clone(),
            name: name.to_string(),
        })?;
        self.read.borrow_mut().insert(name.to_string());
        let source = DType::try_from(view.dtype())?;
        let tensor = Tensor::from_raw_buffer(view.data(), source, view.shape(), &Device::Cpu)?;
        Ok(tensor.to_dtype(dtype)?)
    }

    /// Whether every tensor of the case was read, but for those that begin with one of `ignored` and float32 results of
    /// which the better float64 twin was read.
    pub fn nothing_unread(&self, ignored: &[&str]) -> Row {
        let read = self.read.borrow();
        let has_twin = |name: &str| {
            let twin = name.strip_prefix("f32.").map(|name| format!("f64.{name}"));
            twin.is_some_and(|twin| read.contains(&twin))
        };
        let mut unread = self.names();
        unread.retain(|name| {
            let is_ignored = ignored.iter().any(|prefix| name.starts_with(prefix));
            !(is_ignored || read.contains(name) || has_twin(name))
        });
        Row::exact(&self.name, "tensors left unread", unread.is_empty())
            .with_note(unread.join(", "))
    }

    /// All elements of a tensor as f64, in row-major order.
    ///
    /// # Errors
    /// When it is absent.
    pub fn values(&self, name: &str) -> Result<Vec<f64>, ParityError> {
        Ok(self.tensor(name, DType::F64)?.flatten_all()?.to_vec1()?)
    }

    /// All elements of an integer tensor.
    ///
    /// # Errors
    /// When it is absent.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>, ParityError> {
        Ok(self.tensor(name, DType::I64)?.flatten_all()?.to_vec1()?)
    }

    /// Shape of a tensor.
    ///
    /// # Errors
    /// When it is absent.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, ParityError> {
        let all = self.tensors();
        let view = all.tensor(name).map_err(|_| ParityError::MissingTensor {
            path: self.path.clone(),
            name: name.to_string(),
        })?;
        Ok(view.shape().to_vec())
    }

    /// A value of the description by JSON pointer, such as `"/config/num_layers"`.
    ///
    /// # Errors
    /// When it is absent.
    pub fn field(&self, pointer: &str) -> Result<&Value, ParityError> {
        self.json
            .pointer(pointer)
            .ok_or_else(|| ParityError::MissingField {
                path: self.path.with_extension("json"),
                pointer: pointer.to_string(),
            })
    }

    /// The reference's own float32 against float64 difference for a quantity, where the description states one.
    pub fn reference_error(&self, quantity: &str) -> Option<f64> {
        self.json
            .get("f32_versus_f64")?
            .get(quantity)?
            .get("max_abs")?
            .as_f64()
    }
}
