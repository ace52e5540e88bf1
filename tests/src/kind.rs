//! Which check a golden case belongs to, told from its content and not from its name.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    ParityError, Row, distill, et, features, laplacian, metrics, neighbours, schedules, splits,
    steps, tokengt,
};

/// The check of one kind of case.
pub type Check = fn(&Path) -> Result<Vec<Row>, ParityError>;

/// All cases below `folder`, in alphabetical order: every `.json`, the feature tables (`.jsonl.gz`), the splits
/// (`.json.gz`), and any `.safetensors` without a description (which no check will know).
///
/// # Errors
/// When a folder cannot be listed.
pub fn cases_below(folder: &Path) -> Result<Vec<PathBuf>, ParityError> {
    let mut cases = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| ParityError::read(&folder, e))? {
            let path = entry.map_err(|e| ParityError::read(&folder, e))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_case(&path) {
                cases.push(path);
            }
        }
    }
    cases.sort();
    Ok(cases)
}

fn is_case(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let orphan = name.ends_with(".safetensors") && !path.with_extension("json").exists();
    orphan
        || [".json", ".json.gz", ".jsonl.gz"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The check for a case, or `None` for a description that accompanies other files (`features.json`, inputs of
/// throughput measurements, lists of differences between RDKit releases).
///
/// # Errors
/// When the kind is not known.
pub fn check_for(case: &Path) -> Result<Option<Check>, ParityError> {
    let name = case
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if name.ends_with(".jsonl.gz") {
        return Ok(Some(features::check));
    }
    if name.ends_with(".safetensors") {
        return Err(ParityError::UnknownKind {
            path: case.to_path_buf(),
        });
    }
    let json = read_json(case)?;
    let has = |field: &str| json.get(field).is_some();
    let what = json.get("what").and_then(Value::as_str).unwrap_or_default();
    let check: Check = if has("splits") {
        splits::check
    } else if has("cases") {
        metrics::check
    } else if has("et") && has("tokengt") {
        schedules::check
    } else if has("teacher_config") {
        distill::check
    } else if has("lr_used") {
        steps::check
    } else if has("max32_lowest_source_index") {
        neighbours::check
    } else if what.contains("Laplacian") && !has("config") {
        laplacian::check
    } else if json.pointer("/config/encoder_embed_dim").is_some() && has("losses") {
        tokengt::check
    } else if json.pointer("/config/num_rbf").is_some() && has("losses") {
        et::check
    } else if has("atom_feature_dims") || has("compared_with_rdkit") || what.contains("throughput")
    {
        return Ok(None);
    } else {
        return Err(ParityError::UnknownKind {
            path: case.to_path_buf(),
        });
    };
    Ok(Some(check))
}

fn read_json(path: &Path) -> Result<Value, ParityError> {
    let bytes = std::fs::read(path).map_err(|e| ParityError::read(path, e))?;
    let text = if path.to_string_lossy().ends_with(".gz") {
        let mut text = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::MultiGzDecoder::new(bytes.as_slice()),
            &mut text,
        )
        .map_err(|e| ParityError::read(path, e))?;
        text
    } else {
        bytes
    };
    serde_json::from_slice(&text).map_err(|e| ParityError::read(path, e))
}
