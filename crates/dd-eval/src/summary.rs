//! Mean and spread of a few values, usually one per seed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::finite;
use crate::input::{check_finite, mean};
use crate::special::student_t_critical;
use crate::{EvalError, Undefined};

/// Mean and spread of a list of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, `√(Σ (x - x̄)² / (n - 1))`; `None` for a single value.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Summary {
    /// Summarises values, which must be finite and at least one.
    pub fn new(values: &[f64]) -> Result<Self, EvalError> {
        if values.is_empty() {
            return Err(EvalError::undefined("mean", Undefined::NoRows));
        }
        for (index, &value) in values.iter().enumerate() {
            check_finite("value", index, value)?;
        }
        let center = finite("mean", mean(values))?;
        let squares: f64 = values.iter().map(|x| (x - center).powi(2)).sum();
        let std = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
        Ok(Self {
            count: values.len(),
            mean: center,
            std: std.map(|s| finite("standard deviation", s)).transpose()?,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// Standard error of the mean, `s / √n`; `None` for a single value.
    pub fn standard_error(&self) -> Option<f64> {
        self.std.map(|std| std / (self.count as f64).sqrt())
    }

    /// Confidence interval of the mean from Student's t with `n - 1` degrees of freedom: right when the values are
    /// independent and roughly normal. `level` is such as 0.95.
    pub fn confidence_interval(&self, level: f64) -> Result<(f64, f64), EvalError> {
        check_level(level)?;
        let Some(error) = self.standard_error() else {
            let reason = Undefined::TooFew { needed: 2, got: 1 };
            return Err(EvalError::undefined("confidence interval", reason));
        };
        let reach = student_t_critical(1.0 - level, (self.count - 1) as f64) * error;
        Ok((self.mean - reach, self.mean + reach))
    }

    /// `0.812 ± 0.004` with the given number of decimals; the mean alone for a single value. As [`readable`] has them.
    pub fn to_text(&self, decimals: usize) -> String {
        let is_plain = is_plain(self.mean, decimals);
        let text = |value| written(value, decimals, is_plain);
        match self.std {
            Some(std) => format!("{} ± {}", text(self.mean), text(std)),
            None => text(self.mean),
        }
    }
}

/// A number with so many decimals; with an exponent and two decimals where fewer than two digits or a row of them would be
/// left, as of a concentration of 5.20e-9 mol/l.
///
/// ```
/// assert_eq!(dd_eval::readable(0.71082, 3), "0.711");
/// assert_eq!(dd_eval::readable(5.2e-9, 4), "5.20e-9");
/// assert_eq!(dd_eval::readable(0.0, 4), "0.0000");
/// ```
pub fn readable(value: f64, decimals: usize) -> String {
    written(value, decimals, is_plain(value, decimals))
}

fn is_plain(value: f64, decimals: usize) -> bool {
    let least = 10_f64.powi(1 - decimals as i32);
    value == 0.0 || !value.is_finite() || (least..1e7).contains(&value.abs())
}

fn written(value: f64, decimals: usize, is_plain: bool) -> String {
    if is_plain || value == 0.0 {
        format!("{value:.decimals$}")
    } else {
        format!("{value:.2e}")
    }
}

pub(crate) fn check_level(level: f64) -> Result<(), EvalError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(EvalError::Setting {
        name: "level",
        value: level,
        expected: "between 0 and 1",
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(4);
        write!(f, "{} (n = {})", self.to_text(decimals), self.count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn three_values_by_hand() {
        let s = Summary::new(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((s.mean, s.std, s.min, s.max), (2.0, Some(1.0), 1.0, 3.0));
        // t(0.975, 2) = 4.302652729911275.
        let (low, high) = s.confidence_interval(0.95).unwrap();
        assert!((high - 2.0 - 4.302_652_729_911_275 / 3.0_f64.sqrt()).abs() < 1e-9);
        assert!((low + high - 4.0).abs() < 1e-12);
        assert_eq!(format!("{s:.2}"), "2.00 ± 1.00 (n = 3)");
    }

    #[test]
    fn one_value_has_no_spread() {
        let s = Summary::new(&[0.5]).unwrap();
        assert_eq!((s.std, s.to_text(3)), (None, "0.500".to_string()));
        assert!(s.confidence_interval(0.95).is_err());
        assert!(Summary::new(&[]).is_err() && Summary::new(&[f64::NAN]).is_err());
        assert!(
            Summary::new(&[1.0, 2.0])
                .unwrap()
                .confidence_interval(1.0)
                .is_err()
        );
    }
}
