//! Errors: rows that cannot be learnt from, and settings outside their range.

/// What can go wrong when a baseline is fitted or asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// Features and labels have different numbers of rows.
    #[error("{rows} rows of features, {labels} labels")]
    Rows {
        /// Rows of features.
        rows: usize,
        /// Labels.
        labels: usize,
    },
    /// A model asked with rows of another width than it was fitted on, or fitted on none.
    #[error("{got} features per row, expected {expected}")]
    Width {
        /// Features per row that the model knows; at least 1 when it is fitted.
        expected: usize,
        /// Features per row given.
        got: usize,
    },
    /// A feature that is infinite or no number.
    #[error("feature {column} of row {row} is {value}; it must be finite")]
    Feature {
        /// Row of the features as given.
        row: usize,
        /// Column.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// An infinite label.
    #[error("label {row} is {value}; it must be finite, or NaN where it is missing")]
    Label {
        /// Row of the labels as given.
        row: usize,
        /// The value found.
        value: f32,
    },
    /// A label of a classifier that is neither 0 nor 1 nor missing.
    #[error("label {row} is {value}; a class label is 0, 1 or missing (NaN)")]
    NotBinary {
        /// Row of the labels as given.
        row: usize,
        /// The value found.
        value: f32,
    },
    /// Fewer labelled rows than the model needs.
    #[error("{got} labelled rows; at least {needed} are needed")]
    TooFew {
        /// Labelled rows needed.
        needed: usize,
        /// Labelled rows given.
        got: usize,
    },
    /// A classifier whose labels are all 0 or all 1.
    #[error("all labels are {label}; a classifier needs both classes")]
    OneClass {
        /// The only label.
        label: f32,
    },
    /// A setting outside its range.
    #[error("{name} is {value}; it must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range allowed.
        expected: &'static str,
    },
    /// The equations are singular in double precision; a larger penalty helps.
    #[error("the equations are singular at a penalty of {penalty}; take a larger one")]
    Singular {
        /// The penalty.
        penalty: f64,
    },
    /// The tolerance was not reached.
    #[error(
        "after {iterations} iterations the gradient is {gradient}, above the tolerance of {tolerance}"
    )]
    NotConverged {
        /// Iterations made.
        iterations: usize,
        /// Largest component of the gradient, in the units of the tolerance.
        gradient: f64,
        /// The tolerance.
        tolerance: f64,
    },
}
