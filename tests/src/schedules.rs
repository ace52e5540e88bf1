//! Golden cases of kind `schedules`: learning rates, step by step.

use std::path::Path;

use dd_train::{Schedule, ScheduleConfig};
use serde_json::Value;

use crate::{ParityError, Row};

/// The closed forms differ from the recursion of the original by rounding only: 2e-14 on the longest published run.
const TOLERANCE: f64 = 1e-12;

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or names a schedule that is not known.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let text = std::fs::read_to_string(case).map_err(|e| ParityError::read(case, e))?;
    let json: Value = serde_json::from_str(&text).map_err(|e| ParityError::read(case, e))?;
    let families = json.as_object().ok_or_else(|| unknown(case))?;
    let mut rows = Vec::new();
    for (family, variants) in families {
        let variants = variants.as_object().ok_or_else(|| unknown(case))?;
        for (variant, facts) in variants.iter().filter(|(name, _)| *name != "rule") {
            rows.push(compare(case, &format!("{family}.{variant}"), facts)?);
        }
    }
    Ok(rows)
}

fn compare(case: &Path, quantity: &str, facts: &Value) -> Result<Row, ParityError> {
    let number = |name: &str| {
        field(case, facts, name)?
            .as_f64()
            .ok_or_else(|| unknown(case))
    };
    let integer = |name: &str| {
        field(case, facts, name)?
            .as_u64()
            .ok_or_else(|| unknown(case))
    };
    let config = if facts.get("T").is_some() {
        ScheduleConfig::WarmupCosine {
            warmup: integer("warmup")?,
            period: integer("T")?,
        }
    } else {
        ScheduleConfig::Polynomial {
            warmup: integer("warmup")?,
            total: integer("total")?,
            end: number("end")?,
            power: number("power")?,
        }
    };
    let schedule = Schedule::new(number("lr")?, config).map_err(|e| ParityError::read(case, e))?;
    let expected = rates(case, facts)?;
    if expected.is_empty() {
        return Err(unknown(case));
    }
    let got: Vec<f64> = expected
        .iter()
        .map(|(step, _)| schedule.lr(*step))
        .collect();
    // Rates span many orders of magnitude, so each is compared with itself; zeros must be zeros.
    let ratio = |(got, (_, expected)): (&f64, &(u64, f64))| {
        if *expected == 0.0 {
            *got
        } else {
            got / expected - 1.0
        }
    };
    let errors: Vec<f64> = got.iter().zip(&expected).map(ratio).collect();
    let zeros = vec![0.0; errors.len()];
    let name = case.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Row::absolute(
        &name,
        format!("{quantity} relative error"),
        &errors,
        &zeros,
        TOLERANCE,
    )
    .with_note(format!("{} steps", errors.len())))
}

/// Pairs of step and rate: a list that starts at step 0, or an object keyed by step.
fn rates(case: &Path, facts: &Value) -> Result<Vec<(u64, f64)>, ParityError> {
    let pair =
        |step: Option<u64>, rate: &Value| step.zip(rate.as_f64()).ok_or_else(|| unknown(case));
    let list = facts.get("lr_used").and_then(Value::as_array);
    let map = facts.get("lr_used_at").and_then(Value::as_object);
    let listed = (0..).zip(list.into_iter().flatten());
    let listed = listed.map(|(step, rate)| pair(Some(step), rate));
    let keyed = map.into_iter().flatten();
    let keyed = keyed.map(|(step, rate)| pair(step.parse().ok(), rate));
    listed.chain(keyed).collect()
}

fn field<'a>(case: &Path, facts: &'a Value, name: &str) -> Result<&'a Value, ParityError> {
    facts.get(name).ok_or_else(|| ParityError::MissingField {
        path: case.to_path_buf(),
        pointer: name.to_string(),
    })
}

fn unknown(case: &Path) -> ParityError {
    ParityError::UnknownKind {
        path: case.to_path_buf(),
    }
}
