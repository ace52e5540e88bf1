//! Loads a [`ParamStore`] from named tensors, strictly, and says what happened to each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::checkpoint::Checkpoint;
use crate::error::{NnError, Result};
use crate::names::{Mapped, NameMap, is_below};
use crate::store::ParamStore;
use crate::tensor_file::TensorFile;

/// What to do with infinite values and with what is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonFinite {
    /// Refuse the file.
    Reject,
    /// Load them.
    Allow,
}

/// How to load. [`LoadOptions::strict`] is the rule.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// From the file's names to the store's.
    pub names: NameMap,
    /// What may be absent from the file and keeps its initial value, as (name or prefix, reason). Everything else that
    /// is absent is an error.
    pub may_be_missing: Vec<(String, String)>,
    /// Values that are not finite.
    pub non_finite: NonFinite,
}

impl LoadOptions {
    /// Every parameter and buffer must be in the file with its own name and shape, and nothing else; all values finite.
    pub fn strict() -> Self {
        Self {
            names: NameMap::identity(),
            may_be_missing: Vec::new(),
            non_finite: NonFinite::Reject,
        }
    }

    /// Maps names first.
    #[must_use]
    pub fn with_names(mut self, names: NameMap) -> Self {
        self.names = names;
        self
    }

    /// Lets `name`, and what stands below it, keep its initial value when the file lacks it.
    #[must_use]
    pub fn may_miss(mut self, name: &str, reason: &str) -> Self {
        self.may_be_missing.push((name.into(), reason.into()));
        self
    }
}

/// A tensor of the right name and the wrong shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MisShaped {
    /// Name of the parameter.
    pub name: String,
    /// Shape of the parameter.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub got: Vec<usize>,
}

/// What became of every tensor of a file and of every parameter of a store. Names are in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters and buffers that took a value.
    pub loaded: Vec<String>,
    /// Parameters and buffers that the file lacks.
    pub missing: Vec<String>,
    /// Parameters and buffers that the file lacks by permission, with the reason.
    pub kept: Vec<(String, String)>,
    /// Tensors of the file that the store lacks.
    pub unexpected: Vec<String>,
    /// Tensors of the file left out by a rule, with the reason.
    pub ignored: Vec<(String, String)>,
    /// Tensors that do not have the parameter's shape.
    pub mis_shaped: Vec<MisShaped>,
}

impl LoadReport {
    /// True when nothing is missing, unexpected or mis-shaped.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mis_shaped.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} loaded, {} kept, {} ignored, {} missing, {} unexpected, {} mis-shaped",
            self.loaded.len(),
            self.kept.len(),
            self.ignored.len(),
            self.missing.len(),
            self.unexpected.len(),
            self.mis_shaped.len()
        )?;
        for name in &self.missing {
            write!(f, "\n  missing: {name}")?;
        }
        for name in &self.unexpected {
            write!(f, "\n  unexpected: {name}")?;
        }
        for MisShaped {
            name,
            expected,
            got,
        } in &self.mis_shaped
        {
            write!(
                f,
                "\n  mis-shaped: {name}: expected {expected:?}, got {got:?}"
            )?;
        }
        Ok(())
    }
}

/// Loads a safetensors file. The store changes only when everything fits: on an error it is as before.
///
/// Other floating-point types become the store's, and what is too large for it is not finite; integers become no
/// floating-point parameter. Memory is taken only for tensors whose name and shape the store expects, so a hostile file
/// cannot ask for more than the model itself.
///
/// # Errors
/// When the file cannot be read, is not a valid safetensors file, or does not fit the store under `options`.
pub fn load_safetensors(
    store: &ParamStore,
    path: impl AsRef<Path>,
    options: &LoadOptions,
) -> Result<LoadReport> {
    load_file(store, &TensorFile::open(path)?, options)
}

/// Loads an open safetensors file, under the same rules.
///
/// # Errors
/// As [`load_safetensors`].
pub fn load_file(
    store: &ParamStore,
    file: &TensorFile,
    options: &LoadOptions,
) -> Result<LoadReport> {
    let shapes = file.entries().iter();
    let shapes = shapes.map(|(name, info)| (name.as_str(), info.shape.clone()));
    let source = file.path().display().to_string();
    load(store, &source, &shapes.collect(), options, |name| {
        file.read(name, &Device::Cpu)
    })
}

/// Loads an open file of weights of any format, under the same rules.
///
/// # Errors
/// As [`load_safetensors`].
pub fn load_checkpoint(
    store: &ParamStore,
    file: &Checkpoint,
    options: &LoadOptions,
) -> Result<LoadReport> {
    let shapes = file.entries().iter();
    let shapes = shapes.map(|(name, entry)| (name.as_str(), entry.shape.clone()));
    let source = file.path().display().to_string();
    load(store, &source, &shapes.collect(), options, |name| {
        file.read(name)
    })
}

/// Loads tensors that are already in memory, under the same rules. `source_name` stands in messages.
///
/// # Errors
/// When the tensors do not fit the store under `options`.
pub fn load_tensors(
    store: &ParamStore,
    source_name: &str,
    tensors: &BTreeMap<String, Tensor>,
    options: &LoadOptions,
) -> Result<LoadReport> {
    let shapes = tensors.iter();
    let shapes = shapes.map(|(name, tensor)| (name.as_str(), tensor.dims().to_vec()));
    load(store, source_name, &shapes.collect(), options, |name| {
        Ok(tensors[name].clone())
    })
}

fn load(
    store: &ParamStore,
    source_name: &str,
    shapes: &BTreeMap<&str, Vec<usize>>,
    options: &LoadOptions,
    read: impl Fn(&str) -> Result<Tensor>,
) -> Result<LoadReport> {
    let expected = store.tensors();
    let mut report = LoadReport::default();
    let mut chosen: BTreeMap<String, &str> = BTreeMap::new();
    for (&name, shape) in shapes {
        let target = match options.names.map(name) {
            Mapped::Ignored(reason) => {
                report.ignored.push((name.into(), reason.into()));
                continue;
            }
            Mapped::Name(target) => target,
        };
        if let Some(first) = chosen.get(&target) {
            return Err(NnError::NameCollision {
                first: (*first).into(),
                second: name.into(),
                target,
            });
        }
        match expected.get(&target) {
            None => report.unexpected.push(name.into()),
            Some(tensor) if tensor.dims() != shape => report.mis_shaped.push(MisShaped {
                name: target.clone(),
                expected: tensor.dims().to_vec(),
                got: shape.clone(),
            }),
            Some(_) => report.loaded.push(target.clone()),
        }
        chosen.insert(target, name);
    }
    for name in expected.keys().filter(|name| !chosen.contains_key(*name)) {
        match permission(&options.may_be_missing, name) {
            Some(reason) => report.kept.push((name.clone(), reason.into())),
            None => report.missing.push(name.clone()),
        }
    }
    report.loaded.sort();
    if !report.is_clean() {
        return Err(NnError::Mismatch {
            source_name: source_name.into(),
            report: Box::new(report),
        });
    }
    let mut values = Vec::with_capacity(report.loaded.len());
    for target in &report.loaded {
        let value = converted(
            source_name,
            target,
            &read(chosen[target])?,
            &expected[target],
        )?;
        if options.non_finite == NonFinite::Reject {
            check_finite(source_name, target, &value)?;
        }
        values.push(value);
    }
    for (target, value) in report.loaded.iter().zip(&values) {
        store.assign(target, value)?;
    }
    Ok(report)
}

fn permission<'a>(may_be_missing: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut permissions = may_be_missing.iter();
    let allowed = permissions.find(|(prefix, _)| name == prefix || is_below(name, prefix));
    allowed.map(|(_, reason)| reason.as_str())
}

/// A value in the element type of the tensor that takes it: what does not fit there must not pass as finite.
fn converted(source_name: &str, name: &str, value: &Tensor, like: &Tensor) -> Result<Tensor> {
    if like.dtype().is_float() && !value.dtype().is_float() {
        return Err(NnError::ElementType {
            source_name: source_name.into(),
            name: name.into(),
            dtype: format!("{}, not a floating-point type", value.dtype().as_str()),
        });
    }
    Ok(value.to_dtype(like.dtype())?)
}

fn check_finite(source_name: &str, name: &str, value: &Tensor) -> Result<()> {
    if !value.dtype().is_float() {
        return Ok(());
    }
    let values = value
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    let mut bad = (0..values.len()).filter(|&i| !values[i].is_finite());
    let Some(position) = bad.next() else {
        return Ok(());
    };
    Err(NnError::NonFinite {
        source_name: source_name.into(),
        name: name.into(),
        count: 1 + bad.count(),
        position,
    })
}
