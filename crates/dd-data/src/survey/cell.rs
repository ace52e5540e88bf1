//! What one cell says.

use super::labels::{LabelColumn, LabelKind};
use crate::error::RowFault;

/// Ways to write that there is no label, in lower case: those of spreadsheets, pandas, R and databases.
const MISSING: [&str; 7] = ["", "nan", "na", "n/a", "#n/a", "null", "none"];
/// Words for 0 and 1, in lower case.
const WORDS: [(&str, f64); 12] = [
    ("false", 0.0),
    ("true", 1.0),
    ("no", 0.0),
    ("yes", 1.0),
    ("n", 0.0),
    ("y", 1.0),
    ("inactive", 0.0),
    ("active", 1.0),
    ("negative", 0.0),
    ("positive", 1.0),
    ("nontoxic", 0.0),
    ("toxic", 1.0),
];

/// Whether a cell says that there is no label: it is empty, or one of `NA`, `NaN`, `N/A`, `#N/A`, `null`, `none`.
pub fn is_missing(text: &str) -> bool {
    let text = text.trim();
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A finite number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// 0 or 1 in a word such as `inactive` or `yes`.
pub fn yes_or_no(text: &str) -> Option<f64> {
    let found = WORDS
        .iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word));
    found.map(|(_, value)| *value)
}

/// The label in a cell; NaN for a missing one.
pub(super) fn value(column: &LabelColumn, text: &str) -> Result<f64, RowFault> {
    if is_missing(text) {
        return Ok(f64::NAN);
    }
    let found = number(text).or_else(|| match column.kind {
        LabelKind::Words => yes_or_no(text),
        LabelKind::Numbers | LabelKind::ZeroOne => None,
    });
    found.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        RowFault::new(
            "label",
            format!("column {:?}: expected a number, got {shown:?}", column.name),
        )
    })
}
