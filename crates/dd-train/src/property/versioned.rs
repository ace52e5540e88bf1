//! Files of JSON beside the models that say which schema they follow.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Result, TrainError};

/// What such a file holds.
pub(super) trait Versioned: DeserializeOwned {
    /// The schemas that can be read; the last is the one that is written.
    const SCHEMAS: &'static [u32];

    /// The schema that the file says it follows.
    fn schema(&self) -> u32;
}

/// Reads a file; none when there is none.
///
/// # Errors
/// When it cannot be read, is no such JSON, or follows another schema.
pub(super) fn read<T: Versioned>(path: &Path) -> Result<Option<T>> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
    let read: T = serde_json::from_str(&text).map_err(|error| wrong(path, error.to_string()))?;
    if T::SCHEMAS.contains(&read.schema()) {
        return Ok(Some(read));
    }
    let expected: Vec<String> = T::SCHEMAS.iter().map(ToString::to_string).collect();
    let (expected, got) = (expected.join(" or "), read.schema());
    Err(wrong(
        path,
        format!("schema: expected {expected}, got {got}"),
    ))
}

/// The error that a file is not what it should be.
pub(super) fn wrong(path: &Path, reason: String) -> TrainError {
    TrainError::Folder {
        path: path.to_path_buf(),
        reason,
    }
}
