//! Properties of metrics: direction, kind of label, unit.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger values are better.
    Maximize,
    /// Smaller values are better.
    Minimize,
}

/// What a metric expects as labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// 0 or 1.
    Class,
    /// Any number.
    Number,
}

/// How the unit of a metric follows from the unit of the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A pure number.
    None,
    /// The label's own unit.
    Label,
    /// The square of the label's unit.
    LabelSquared,
    /// Natural units of information.
    Nats,
}
