//! Bootstrap confidence intervals with a seeded generator of their own.
//!
//! B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13 (percentile interval).

use serde::{Deserialize, Serialize};

use crate::calibration::quantile;
use crate::summary::check_level;
use crate::{EvalError, Metric, Undefined};

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of resamples; 1,000 or more for an interval.
    pub resamples: usize,
    /// Probability inside the interval, such as 0.95.
    pub level: f64,
    /// Seed; the same seed gives the same interval everywhere.
    pub seed: u64,
}

/// A percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Value on the rows as they are.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples on which the quantity had a value.
    pub defined: usize,
    /// Resamples on which it was undefined (drawn without a positive, say); they are left out of the interval.
    pub undefined: usize,
}

impl Bootstrap {
    /// Interval of any quantity of `rows` rows, given as a function of row numbers (repeated rows are repeated).
    ///
    /// Undefined resamples are counted; an error of another kind stops.
    pub fn interval(
        &self,
        rows: usize,
        quantity: impl Fn(&[usize]) -> Result<f64, EvalError>,
    ) -> Result<Interval, EvalError> {
        check_level(self.level)?;
        if rows == 0 {
            return Err(EvalError::undefined("bootstrap", Undefined::NoRows));
        }
        let mut sample: Vec<usize> = (0..rows).collect();
        let value = quantity(&sample)?;
        let mut generator = SplitMix64(self.seed);
        let mut values = Vec::new();
        for _ in 0..self.resamples {
            for row in &mut sample {
                *row = generator.below(rows);
            }
            match quantity(&sample) {
                Ok(value) => values.push(value),
                Err(EvalError::Undefined { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if values.is_empty() {
            return Err(EvalError::undefined("bootstrap", Undefined::NoResample));
        }
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Ok(Interval {
            value,
            low: quantile(&values, tail),
            high: quantile(&values, 1.0 - tail),
            defined: values.len(),
            undefined: self.resamples - values.len(),
        })
    }

    /// Interval of a metric over the rows of one task.
    pub fn metric(
        &self,
        metric: Metric,
        labels: &[f64],
        predictions: &[f64],
    ) -> Result<Interval, EvalError> {
        metric.evaluate(labels, predictions)?;
        self.interval(labels.len(), |rows| {
            metric.evaluate(&pick(labels, rows), &pick(predictions, rows))
        })
    }

    /// Interval of the difference `metric(first) - metric(second)` of two models on the same rows, resampled together.
    pub fn difference(
        &self,
        metric: Metric,
        labels: &[f64],
        first: &[f64],
        second: &[f64],
    ) -> Result<Interval, EvalError> {
        metric.evaluate(labels, first)?;
        metric.evaluate(labels, second)?;
        self.interval(labels.len(), |rows| {
            let labels = pick(labels, rows);
            let value = |p: &[f64]| metric.evaluate(&labels, &pick(p, rows));
            Ok(value(first)? - value(second)?)
        })
    }
}

fn pick(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&row| values[row]).collect()
}

/// Splitmix64: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, by multiplication (D. Lemire, ACM Trans. Model. Comput. Simul. 29 (2019) 3); the bias is
    /// below `limit / 2⁶⁴`.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SETTINGS: Bootstrap = Bootstrap {
        resamples: 2000,
        level: 0.95,
        seed: 7,
    };

    #[test]
    fn generator_matches_the_published_sequence() {
        // First outputs of splitmix64 for seed 1234567 (reference implementation of S. Vigna).
        let mut generator = SplitMix64(1_234_567);
        assert_eq!(generator.next(), 6_457_827_717_110_365_317);
        assert_eq!(generator.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn interval_of_a_mean_is_about_two_standard_errors() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let mean = |rows: &[usize]| Ok(pick(&values, rows).iter().sum::<f64>() / rows.len() as f64);
        let interval = SETTINGS.interval(100, mean).unwrap();
        let expected = 1.96 * 28.87 / 10.0;
        assert_eq!(interval.value, 49.5);
        assert!((interval.high - 49.5 - expected).abs() < 0.6);
        assert!((49.5 - interval.low - expected).abs() < 0.6);
        assert_eq!(SETTINGS.interval(100, mean).unwrap(), interval);
    }

    #[test]
    fn undefined_resamples_are_counted() {
        let interval = SETTINGS
            .metric(Metric::RocAuc, &[1.0, 0.0, 0.0], &[0.9, 0.2, 0.1])
            .unwrap();
        assert_eq!(interval.defined + interval.undefined, 2000);
        // Without the positive (8/27) or with it alone (1/27).
        assert!(
            (500..850).contains(&interval.undefined),
            "{}",
            interval.undefined
        );
        assert_eq!((interval.low, interval.high), (1.0, 1.0));
    }

    #[test]
    fn a_model_does_not_differ_from_itself() {
        let (y, p) = ([1.0, 2.0, 3.0], [1.5, 2.5, 2.0]);
        let interval = SETTINGS.difference(Metric::Mae, &y, &p, &p).unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 0.0));
        let wrong = Bootstrap {
            level: 1.5,
            ..SETTINGS
        };
        assert!(wrong.metric(Metric::Mae, &y, &p).is_err());
        assert!(SETTINGS.difference(Metric::Mae, &y, &p, &[]).is_err());
    }
}
