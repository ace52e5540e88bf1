//! What every feature column means. A schema prints itself as a table, so that no document can drift from the code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Meaning of all columns of a featurizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSchema {
    /// Name of the feature set.
    pub name: String,
    /// Columns of a node (or point).
    pub node_columns: Vec<FeatureColumn>,
    /// Columns of a directed edge; empty when there are no edges.
    pub edge_columns: Vec<FeatureColumn>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureColumn {
    /// Name of the feature.
    pub name: String,
    /// Values that it takes.
    pub kind: ColumnKind,
}

/// Values that a column takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ColumnKind {
    /// A category: the value is the position in `labels`.
    Category {
        /// Meaning of each value.
        labels: Vec<String>,
        /// True when the last label takes everything that the others do not name.
        has_misc: bool,
    },
    /// A real number.
    Real {
        /// Its unit.
        unit: String,
    },
}

impl FeatureColumn {
    /// A category with a last label `misc` for everything else.
    pub fn open<S: ToString>(name: &str, labels: impl IntoIterator<Item = S>) -> Self {
        let mut column = Self::closed(name, labels);
        if let ColumnKind::Category { labels, has_misc } = &mut column.kind {
            labels.push("misc".into());
            *has_misc = true;
        }
        column
    }

    /// A category that has no other values than the labels.
    pub fn closed<S: ToString>(name: &str, labels: impl IntoIterator<Item = S>) -> Self {
        Self {
            name: name.into(),
            kind: ColumnKind::Category {
                labels: labels.into_iter().map(|label| label.to_string()).collect(),
                has_misc: false,
            },
        }
    }

    /// A real number with a unit.
    pub fn real(name: &str, unit: &str) -> Self {
        Self {
            name: name.into(),
            kind: ColumnKind::Real { unit: unit.into() },
        }
    }

    /// Number of values of a category; `None` for a real number.
    pub fn num_values(&self) -> Option<usize> {
        match &self.kind {
            ColumnKind::Category { labels, .. } => Some(labels.len()),
            ColumnKind::Real { .. } => None,
        }
    }

    /// Meaning of one value of a category.
    pub fn label(&self, value: u16) -> Option<&str> {
        match &self.kind {
            ColumnKind::Category { labels, .. } => {
                labels.get(usize::from(value)).map(String::as_str)
            }
            ColumnKind::Real { .. } => None,
        }
    }
}

impl FeatureSchema {
    /// Number of values of each categorical node column: the rows that embedding tables need.
    pub fn node_sizes(&self) -> Vec<usize> {
        self.node_columns
            .iter()
            .filter_map(FeatureColumn::num_values)
            .collect()
    }

    /// Number of values of each categorical edge column.
    pub fn edge_sizes(&self) -> Vec<usize> {
        self.edge_columns
            .iter()
            .filter_map(FeatureColumn::num_values)
            .collect()
    }
}

impl fmt::Display for FeatureSchema {
    /// A Markdown table, one row per column.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} | Column | Feature | Size | Values |", self.name)?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for (part, columns) in [("node", &self.node_columns), ("edge", &self.edge_columns)] {
            for (index, column) in columns.iter().enumerate() {
                write!(f, "| {part} | {index} | {} | ", column.name)?;
                match &column.kind {
                    ColumnKind::Category { labels, .. } => {
                        writeln!(f, "{} | {} |", labels.len(), listing(labels))?;
                    }
                    ColumnKind::Real { unit } => writeln!(f, "1 | real, in {unit} |")?,
                }
            }
        }
        Ok(())
    }
}

/// The labels, with runs of consecutive integers written as `first..last`.
fn listing(labels: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut start = 0;
    while start < labels.len() {
        let mut end = start;
        while end + 1 < labels.len() && follows(&labels[end], &labels[end + 1]) {
            end += 1;
        }
        if end > start + 1 {
            parts.push(format!("{}..{}", labels[start], labels[end]));
        } else {
            parts.extend(labels[start..=end].iter().cloned());
        }
        start = end + 1;
    }
    parts.join(", ")
}

fn follows(label: &str, next: &str) -> bool {
    match (label.parse::<i32>(), next.parse::<i32>()) {
        (Ok(a), Ok(b)) => b == a + 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_runs_of_integers_as_ranges() {
        let schema = FeatureSchema {
            name: "example".into(),
            node_columns: vec![
                FeatureColumn::open("formal charge", -2..=2),
                FeatureColumn::real("position", "angstrom"),
            ],
            edge_columns: vec![FeatureColumn::closed("conjugated", ["false", "true"])],
        };
        let text = schema.to_string();
        assert!(text.contains("| node | 0 | formal charge | 6 | -2..2, misc |"));
        assert!(text.contains("| node | 1 | position | 1 | real, in angstrom |"));
        assert!(text.contains("| edge | 0 | conjugated | 2 | false, true |"));
        assert_eq!(schema.node_sizes(), [6]);
        assert_eq!(schema.node_columns[0].label(5), Some("misc"));
    }
}
