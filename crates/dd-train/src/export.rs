//! Models in half precision, to be given away.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_encoder2d::ModelFolder;
use dd_encoder2d::names::SCALER_PREFIX;
use dd_nn::{TensorFile, save_tensors, write_atomically};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::folder::{CONFIG_FILE, MODEL_FILE, no_other_model, no_run};

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
    let shipped = folder.to_str().and_then(dd_models::find);
    let (config, file) = match (folder.exists(), shipped) {
        (false, Some(model)) => (
            model.config.as_bytes().to_vec(),
            TensorFile::embedded(model.name, model.weights)?,
        ),
        _ => {
            let config = folder.join(CONFIG_FILE);
            if !config.exists() {
                // Says where was looked, and what the folder is.
                ModelFolder::open(folder)?;
            }
            let text = fs::read(&config).map_err(TrainError::io(&config))?;
            (text, TensorFile::open(folder.join(MODEL_FILE))?)
        }
    };
    no_other_model(output, &String::from_utf8_lossy(&config))?;
    let mut tensors = BTreeMap::new();
    for name in file.entries().keys() {
        let tensor = file.read(name, &Device::Cpu)?;
        // Labels have units of their own: their mean and deviation keep what they say.
        let is_scaler = name.split('.').next() == Some(SCALER_PREFIX);
        let kept = if is_scaler {
            tensor
        } else {
            narrowed(tensor, dtype)?
        };
        tensors.insert(name.clone(), kept);
    }
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
        let (from, to) = (place.join("from"), place.join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::write(from.join(CONFIG_FILE), "{}").unwrap();
        let tensor = |x: f32| Tensor::new(&[x], &Device::Cpu).unwrap();
        let tensors = [
            ("encoder.weight", 0.1),
            ("encoder.large", 1e30),
            ("scaler.mean", 12345.6),
        ];
        let tensors: BTreeMap<String, Tensor> = tensors
            .map(|(name, x)| (name.to_string(), tensor(x)))
            .into();
        save_tensors(from.join(MODEL_FILE), &tensors, &BTreeMap::new()).unwrap();
        export(&from, &to, DType::F16).unwrap();
        let file = TensorFile::open(to.join(MODEL_FILE)).unwrap();
        let dtype = |name: &str| file.read(name, &Device::Cpu).unwrap().dtype();
        assert_eq!(dtype("encoder.weight"), DType::F16);
        assert_eq!(dtype("encoder.large"), DType::F32);
        assert_eq!(dtype("scaler.mean"), DType::F32);
        fs::remove_dir_all(&place).unwrap();
    }
}
