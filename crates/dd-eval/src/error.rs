//! Errors: bad input on one side, quantities that have no value on the other.

/// What can go wrong when a quantity is computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// Two inputs that belong together have different lengths.
    #[error("{what}: expected {expected} values, got {got}")]
    Length {
        /// The input that does not fit.
        what: &'static str,
        /// Length of the other.
        expected: usize,
        /// Its own length.
        got: usize,
    },
    /// A label of a classification task that is neither 0 nor 1 (nor missing).
    #[error("label {index} is {value}; a class label is 0, 1 or missing (NaN)")]
    NotBinary {
        /// Position in the input.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// An infinite or undefined number where a finite one is needed.
    #[error("{what} {index} is {value}; it must be finite")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Position in the input.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A prediction outside the interval 0 to 1 given to a metric of probabilities.
    #[error("prediction {index} is {value}; {metric} needs probabilities between 0 and 1")]
    NotProbability {
        /// The metric.
        metric: &'static str,
        /// Position in the input.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A standard deviation, or another scale, that is not positive.
    #[error("standard deviation {index} is {value}; it must be positive")]
    NotPositive {
        /// Position in the input.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// The quantity has no value on these rows.
    #[error("{quantity} is undefined: {reason}")]
    Undefined {
        /// Name of the quantity.
        quantity: &'static str,
        /// Why.
        reason: Undefined,
    },
    /// A metric name that is not known.
    #[error("unknown metric '{name}'; known are {known}")]
    UnknownMetric {
        /// The name given.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A setting outside its range, such as a confidence level of 2.
    #[error("{name} is {value}; it must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range allowed.
        expected: &'static str,
    },
    /// A contender that is not in a table.
    #[error("no contender '{name}'; there are {known}")]
    UnknownContender {
        /// The name given.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A row index in a split that the data do not have.
    #[error("part '{part}' names row {row}, but there are {rows} rows")]
    RowOutOfRange {
        /// The part of the split.
        part: String,
        /// The index.
        row: usize,
        /// Rows of the data.
        rows: usize,
    },
}

/// Why a quantity has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undefined {
    /// No row has a label.
    #[error("no row has a label")]
    NoRows,
    /// No row is positive.
    #[error("no positive row")]
    NoPositives,
    /// No row is negative.
    #[error("no negative row")]
    NoNegatives,
    /// Nothing was predicted positive.
    #[error("nothing was predicted positive")]
    NoPredictedPositives,
    /// A ratio whose denominator is zero, such as a correlation of decisions that are all alike.
    #[error("labels or decisions are all alike")]
    OneClassOnly,
    /// All labels are equal.
    #[error("all labels are equal")]
    ConstantLabels,
    /// All predictions are equal.
    #[error("all predictions are equal")]
    ConstantPredictions,
    /// All paired differences are equal, so that they have no spread.
    #[error("all differences are equal")]
    ConstantDifferences,
    /// All paired differences are zero.
    #[error("all differences are zero")]
    NoDifferences,
    /// Too few rows.
    #[error("needs at least {needed} rows, got {got}")]
    TooFew {
        /// Rows needed.
        needed: usize,
        /// Rows given.
        got: usize,
    },
    /// No task of several has a value.
    #[error("no task has a value")]
    NoTask,
    /// No bootstrap resample has a value.
    #[error("no resample has a value")]
    NoResample,
    /// The arithmetic overflowed: the inputs are too large.
    #[error("the arithmetic overflowed")]
    Overflow,
}

impl EvalError {
    /// An undefined quantity.
    pub(crate) fn undefined(quantity: &'static str, reason: Undefined) -> Self {
        Self::Undefined { quantity, reason }
    }

    /// The reason when the quantity is undefined, `None` when the input is at fault.
    pub fn undefined_reason(&self) -> Option<Undefined> {
        match self {
            Self::Undefined { reason, .. } => Some(*reason),
            _ => None,
        }
    }
}

/// Passes a finite value on; anything else is an overflow.
pub(crate) fn finite(quantity: &'static str, value: f64) -> Result<f64, EvalError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(EvalError::undefined(quantity, Undefined::Overflow))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_and_why() {
        let error = EvalError::undefined("roc_auc", Undefined::NoNegatives);
        assert_eq!(error.to_string(), "roc_auc is undefined: no negative row");
        assert_eq!(error.undefined_reason(), Some(Undefined::NoNegatives));
        let error = EvalError::Length {
            what: "predictions",
            expected: 3,
            got: 2,
        };
        assert_eq!(error.to_string(), "predictions: expected 3 values, got 2");
        assert_eq!(error.undefined_reason(), None);
    }

    #[test]
    fn overflow_is_typed() {
        assert_eq!(finite("mse", 2.0), Ok(2.0));
        assert!(finite("mse", f64::INFINITY).is_err());
        assert!(finite("mse", f64::NAN).is_err());
    }
}
