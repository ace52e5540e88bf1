//! Golden cases of kind `metrics`: expected values of scikit-learn and scipy against `dd-eval`.
//!
//! One row per case and quantity. `null` stands for a quantity without a value, which `dd-eval` must report as undefined.
//! Scikit-learn replaces some ratios without a denominator by 0 (precision, recall, F1, MCC) and forces R² to be finite;
//! those fields are compared with the functions of `dd-eval` that follow the same conventions. A kind of case or a field
//! that is not known gives a row that misses.

mod fields;

use std::path::Path;

use dd_eval::EvalError;
use serde_json::{Map, Value};

use self::fields::{binary, normal, number, per_task, several};
use crate::{ParityError, Row};

/// Bound on the difference relative to the largest expected magnitude; both sides compute in double precision.
const TOLERANCE: f64 = 1e-11;

/// What `dd-eval` says about one field: numbers (`None` where a single entry is undefined), or why there is no value.
type Got = Result<Vec<Option<f64>>, EvalError>;

/// The answer for each field of one case; `None` for a field that is not known.
type Lookup = Box<dyn Fn(&str) -> Option<Got>>;

/// Checks every case of one file.
///
/// # Errors
/// When the file cannot be read or an input field is absent.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let text = std::fs::read_to_string(case).map_err(|e| ParityError::read(case, e))?;
    let json: Value = serde_json::from_str(&text).map_err(|e| ParityError::read(case, e))?;
    let cases = json.get("cases").and_then(Value::as_array);
    let mut rows = Vec::new();
    for item in cases.ok_or_else(|| missing(case, "/cases"))? {
        let input = Input { path: case, item };
        let name = input.text("name")?;
        let got: Lookup = match input.text("kind")?.as_str() {
            "binary" => {
                let (y, score) = (input.numbers("y")?, input.numbers("score")?);
                Box::new(move |field| binary(field, &y, &score))
            }
            "regression" => {
                let (y, prediction) = (input.numbers("y")?, input.numbers("pred")?);
                Box::new(move |field| number(field, &y, &prediction))
            }
            "gaussian" => {
                let (y, mean) = (input.numbers("y")?, input.numbers("mean")?);
                let sd = input.numbers("sd")?;
                Box::new(move |field| normal(field, &y, &mean, &sd))
            }
            "multitask" => {
                let (y, score) = (input.numbers("y")?, input.numbers("score")?);
                let tasks = input.tasks()?;
                Box::new(move |field| several(field, &y, &score, tasks))
            }
            "regression_multitask" => {
                let (y, prediction) = (input.numbers("y")?, input.numbers("pred")?);
                let tasks = input.tasks()?;
                Box::new(move |field| per_task(field, &y, &prediction, tasks))
            }
            other => {
                rows.push(Row::exact(
                    &name,
                    format!("unknown kind of case '{other}'"),
                    false,
                ));
                continue;
            }
        };
        let expected = item.get("expected").and_then(Value::as_object);
        walk(
            &name,
            "",
            expected.ok_or_else(|| missing(case, "expected"))?,
            &got,
            &mut rows,
        );
    }
    Ok(rows)
}

/// Follows nested objects and lists of objects down to values; each value is one row.
fn walk(
    case: &str,
    prefix: &str,
    fields: &Map<String, Value>,
    got: &dyn Fn(&str) -> Option<Got>,
    rows: &mut Vec<Row>,
) {
    for (key, value) in fields {
        let field = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => walk(case, &format!("{field}/"), inner, got, rows),
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                for (index, item) in items.iter().enumerate() {
                    let inner = item.as_object().cloned().unwrap_or_default();
                    walk(case, &format!("{field}/{index}/"), &inner, got, rows);
                }
            }
            Value::String(_) if key == "rule" => {}
            _ => rows.push(match got(&field) {
                Some(got) => compare(case, &field, value, got),
                None => Row::exact(case, format!("unknown field '{field}'"), false),
            }),
        }
    }
}

fn compare(case: &str, field: &str, expected: &Value, got: Got) -> Row {
    let got = match got {
        Ok(got) => got,
        Err(error) => {
            let agree = expected.is_null() && error.undefined_reason().is_some();
            return Row::exact(case, field, agree).with_note(error.to_string());
        }
    };
    let mut wanted = Vec::new();
    flatten(expected, &mut wanted);
    let places = |list: &[Option<f64>]| list.iter().map(Option::is_some).collect::<Vec<_>>();
    if expected.is_null() || places(&got) != places(&wanted) {
        return Row::exact(case, field, false).with_note("defined where the other is not");
    }
    let got: Vec<f64> = got.into_iter().flatten().collect();
    let wanted: Vec<f64> = wanted.into_iter().flatten().collect();
    if wanted.iter().all(|value| *value == 0.0) {
        return Row::absolute(case, field, &got, &wanted, TOLERANCE);
    }
    Row::relative(case, field, &got, &wanted, TOLERANCE)
}

fn flatten(value: &Value, out: &mut Vec<Option<f64>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
        Value::Bool(flag) => out.push(Some(f64::from(u8::from(*flag)))),
        other => out.push(other.as_f64()),
    }
}

/// The inputs of one case.
struct Input<'a> {
    path: &'a Path,
    item: &'a Value,
}

impl Input<'_> {
    /// A field by name; a remark after a blank, as in `y (null = missing)`, is not part of the name.
    fn field(&self, name: &str) -> Result<&Value, ParityError> {
        let fields = self.item.as_object();
        let found = fields.and_then(|all| {
            all.iter()
                .find(|(key, _)| key.split(' ').next() == Some(name))
        });
        found
            .map(|(_, value)| value)
            .ok_or_else(|| missing(self.path, name))
    }

    fn text(&self, name: &str) -> Result<String, ParityError> {
        let text = self.field(name)?.as_str();
        text.map(String::from)
            .ok_or_else(|| missing(self.path, name))
    }

    /// All numbers of a list or table in row-major order; `null` becomes `NaN`.
    fn numbers(&self, name: &str) -> Result<Vec<f64>, ParityError> {
        let mut out = Vec::new();
        flatten(self.field(name)?, &mut out);
        Ok(out
            .into_iter()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect())
    }

    fn tasks(&self) -> Result<usize, ParityError> {
        let row = self.field("y")?.get(0).and_then(Value::as_array);
        row.map(Vec::len).ok_or_else(|| missing(self.path, "y/0"))
    }
}

fn missing(path: &Path, pointer: &str) -> ParityError {
    ParityError::MissingField {
        path: path.to_path_buf(),
        pointer: pointer.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn misses(cases: &str) -> Vec<String> {
        let folder =
            std::env::temp_dir().join(format!("dd-metrics-{}-{}", std::process::id(), cases.len()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("some.json");
        std::fs::write(&path, format!("{{\"cases\": [{cases}]}}")).unwrap();
        let rows = check(&path).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        rows.into_iter()
            .filter(|row| !row.ok)
            .map(|row| row.quantity)
            .collect()
    }

    #[test]
    fn right_wrong_and_unknown() {
        let case = |kind: &str, expected: &str| {
            format!(
                r#"{{"name": "c", "kind": "{kind}", "y": [1, 0, 0], "score": [0.9, 0.2, 0.1], "expected": {expected}}}"#
            )
        };
        assert!(
            misses(&case(
                "binary",
                r#"{"roc_auc": 1.0, "probabilistic": {"at_0.5": {"mcc": 1.0}}}"#
            ))
            .is_empty()
        );
        assert_eq!(misses(&case("binary", r#"{"roc_auc": 0.9}"#)), ["roc_auc"]);
        assert_eq!(misses(&case("binary", r#"{"roc_auc": null}"#)), ["roc_auc"]);
        assert_eq!(
            misses(&case("binary", r#"{"gini": 1.0}"#)),
            ["unknown field 'gini'"]
        );
        assert_eq!(
            misses(&case("survival", "{}")),
            ["unknown kind of case 'survival'"]
        );
    }
}
