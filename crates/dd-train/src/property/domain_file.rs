//! A domain on disk: `applicability.json` for what is read by people, `applicability.safetensors` for the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_nn::{TensorFile, save_tensors};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::domain::{CEILING, Domain, FINGERPRINT, TrainingMolecule};
use super::versioned::{Versioned, read, wrong};
use crate::error::Result;
use crate::folder::write_json;

const TEXT: &str = "applicability.json";
const NUMBERS: &str = "applicability.safetensors";
const SCHEMA: u32 = 1;
const RULE: &str = "in_domain: no unseen element, embedding_distance_percentile at most the ceiling, nearest_similarity at \
                    least the floor";
/// Largest number that half precision holds, with room.
const HALF_LIMIT: f32 = 6e4;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    schema: u32,
    rule: String,
    percentile_ceiling: f64,
    similarity_floor: f64,
    elements: Vec<u8>,
    molecules: Vec<TrainingMolecule>,
}

impl Versioned for Text {
    const SCHEMAS: &'static [u32] = &[SCHEMA];

    fn schema(&self) -> u32 {
        self.schema
    }
}

/// Embeddings as they are stored: in half precision where it holds them.
pub(super) fn rounded(embeddings: &Array2<f32>) -> Result<Array2<f32>> {
    let tensor = stored(embeddings)?.to_dtype(DType::F32)?;
    let values = tensor.flatten_all()?.to_vec1()?;
    Ok(Array2::from_shape_vec(embeddings.dim(), values).expect("rounding keeps the shape"))
}

fn stored(embeddings: &Array2<f32>) -> Result<Tensor> {
    let values: Vec<f32> = embeddings.iter().copied().collect();
    let fits = values.iter().all(|value| value.abs() < HALF_LIMIT);
    let tensor = Tensor::from_vec(values, embeddings.dim(), &Device::Cpu)?;
    Ok(if fits {
        tensor.to_dtype(DType::F16)?
    } else {
        tensor
    })
}

impl Domain {
    /// Writes both files into a folder.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let bytes: Vec<u8> = self.words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let fingerprints = (self.len(), FINGERPRINT.bits / 8);
        let distances = self.distances.clone();
        let tensors = BTreeMap::from([
            (
                "fingerprints".to_string(),
                Tensor::from_vec(bytes, fingerprints, &Device::Cpu)?,
            ),
            ("embeddings".to_string(), stored(&self.embeddings)?),
            (
                "distances".to_string(),
                Tensor::from_vec(distances, self.distances.len(), &Device::Cpu)?,
            ),
        ]);
        save_tensors(folder.join(NUMBERS), &tensors, &BTreeMap::new())?;
        write_json(
            &folder.join(TEXT),
            &Text {
                schema: SCHEMA,
                rule: RULE.to_string(),
                percentile_ceiling: CEILING,
                similarity_floor: self.similarity_floor,
                elements: self.elements.iter().copied().collect(),
                molecules: self.molecules.clone(),
            },
        )
    }

    /// Reads what [`Domain::save`] wrote; none when the folder holds no domain.
    ///
    /// # Errors
    /// When a file is damaged, or the two do not belong together.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(TEXT);
        let Some(text) = read::<Text>(&path)? else {
            return Ok(None);
        };
        let file = TensorFile::open(folder.join(NUMBERS))?;
        let tensor = |name: &str| file.read(name, &Device::Cpu);
        let (count, bytes) = (text.molecules.len(), FINGERPRINT.bits / 8);
        let fingerprints = tensor("fingerprints")?;
        let embeddings = tensor("embeddings")?.to_dtype(DType::F32)?;
        let (rows, width) = embeddings.dims2()?;
        if fingerprints.dims() != [count, bytes] || rows != count || count == 0 {
            let reason = format!(
                "{count} molecules, but {:?} fingerprints and {rows} embeddings in {NUMBERS}",
                fingerprints.dims()
            );
            return Err(wrong(&path, reason));
        }
        let distances: Vec<f32> = tensor("distances")?.to_dtype(DType::F32)?.to_vec1()?;
        let values: Vec<f32> = embeddings.flatten_all()?.to_vec1()?;
        if !values
            .iter()
            .chain(&distances)
            .all(|number| number.is_finite())
        {
            return Err(wrong(
                &path,
                format!("{NUMBERS} has numbers that are not finite"),
            ));
        }
        let bytes: Vec<u8> = fingerprints.flatten_all()?.to_vec1()?;
        let words = bytes
            .chunks_exact(8)
            .map(|chunk| u64::from_le_bytes(chunk.try_into().expect("chunks of eight bytes")));
        let mut domain = Self::new(
            text.molecules,
            words.collect(),
            Array2::from_shape_vec((rows, width), values).expect("as many values as the shape"),
            text.elements.into_iter().collect(),
        );
        domain.distances = distances;
        domain.similarity_floor = text.similarity_floor;
        Ok(Some(domain))
    }
}
