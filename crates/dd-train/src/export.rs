//! Models in half precision, to be given away.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::ModelFolder;
use dd_encoder2d::names::SCALER_PREFIX;
use dd_nn::{ParamStore, TensorFile, save_tensors, write_atomically};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::folder::{CONFIG_FILE, MODEL_FILE, no_other_model, no_run};
use crate::teacher::{Teacher, TeacherConfig};

/// The file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// Copies configuration and weights of a student or a teacher, from its folder or one that ships by its name, numbers in
/// `dtype`, without what only training needs. Counters, the scale of the labels, and tensors with a number too large for the
/// element type stay as they are; numbers that are too small for it become zero.
///
/// # Errors
/// When the folder is incomplete or damaged, or `output` holds a run or another model, or cannot be written to.
pub fn export(folder: &Path, output: &Path, dtype: DType) -> Result<Exported> {
    no_run(output)?;
    check(folder)?;
    let shipped = folder.to_str().and_then(dd_models::find);
    let (config, file) = match (folder.exists(), shipped) {
        (false, Some(model)) => (
            model.config.as_bytes().to_vec(),
            TensorFile::embedded(model.name, model.weights)?,
        ),
        _ => {
            let config = folder.join(CONFIG_FILE);
            let text = fs::read(&config).map_err(TrainError::io(&config))?;
            (text, TensorFile::open(folder.join(MODEL_FILE))?)
        }
    };
    no_other_model(output, &String::from_utf8_lossy(&config))?;
    let tensors = all_narrowed(&file, dtype)?;
    fs::create_dir_all(output).map_err(TrainError::io(output))?;
    let weights = output.join(MODEL_FILE);
    save_tensors(&weights, &tensors, &BTreeMap::new())?;
    write_atomically(output.join(CONFIG_FILE), |out| out.write_all(&config))?;
    let bytes = fs::read(&weights).map_err(TrainError::io(&weights))?;
    Ok(Exported {
        bytes: bytes.len() as u64,
        sha256: hex(&Sha256::digest(&bytes)),
    })
}

/// Reads the model once as whoever it is given to will.
fn check(folder: &Path) -> Result<()> {
    let config = fs::read_to_string(folder.join(CONFIG_FILE));
    let is_shipped_teacher = !folder.exists() && Teacher::config_of(folder).is_ok();
    if is_shipped_teacher || config.is_ok_and(|text| TeacherConfig::is_meant_by(&text)) {
        return Teacher::load(folder, &Device::Cpu).map(drop);
    }
    let folder = ModelFolder::open(folder)?;
    let store =
        ParamStore::new(0, DType::F32, &Device::Cpu).at_most(folder.tensors()?.most_parameters());
    if folder.config().head.is_some() {
        folder.config().build_predictor(&store)?;
        folder.load(&store)?;
    } else {
        folder.config().build_encoder(&store.root())?;
        folder.load_encoder(&store)?;
    }
    Ok(())
}

fn all_narrowed(file: &TensorFile, dtype: DType) -> Result<BTreeMap<String, Tensor>> {
    let narrow = |name: &String| {
        let tensor = file.read(name, &Device::Cpu)?;
        // Labels have units of their own: their mean and deviation keep what they say.
        let is_scaler = name.split('.').next() == Some(SCALER_PREFIX);
        let kept = if is_scaler {
            tensor
        } else {
            narrowed(tensor, dtype)?
        };
        Ok((name.clone(), kept))
    };
    file.entries().keys().map(narrow).collect()
}

fn narrowed(tensor: Tensor, dtype: DType) -> Result<Tensor> {
    if !tensor.dtype().is_float() {
        return Ok(tensor);
    }
    let narrow = tensor.to_dtype(dtype)?;
    let back = narrow
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    let fits = back.iter().all(|number| number.is_finite());
    Ok(if fits { narrow } else { tensor })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_halved_and_the_scale_of_labels_is_not() {
        let place = std::env::temp_dir().join(format!("dd-train-export-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let file = place.join(MODEL_FILE);
        let tensor = |x: f32| Tensor::new(&[x], &Device::Cpu).unwrap();
        let tensors = [
            ("encoder.weight", 0.1),
            ("encoder.large", 1e30),
            ("scaler.mean", 12345.6),
        ];
        let tensors: BTreeMap<String, Tensor> = tensors
            .map(|(name, x)| (name.to_string(), tensor(x)))
            .into();
        save_tensors(&file, &tensors, &BTreeMap::new()).unwrap();
        let narrowed = all_narrowed(&TensorFile::open(&file).unwrap(), DType::F16).unwrap();
        let dtype = |name: &str| narrowed[name].dtype();
        assert_eq!(dtype("encoder.weight"), DType::F16);
        assert_eq!(dtype("encoder.large"), DType::F32);
        assert_eq!(dtype("scaler.mean"), DType::F32);
        fs::remove_dir_all(&place).unwrap();
    }
}
