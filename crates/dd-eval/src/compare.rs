//! Contenders against a baseline on the same seeds: difference, tests, effect sizes, Holm's correction.

use serde::{Deserialize, Serialize};

use crate::{EvalError, Metric, Summary, holm, paired};

/// One contender against the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The contender.
    pub contender: String,
    /// Seeds on which both have a value.
    pub pairs: usize,
    /// Difference, contender minus baseline, with its spread.
    pub difference: Summary,
    /// True when the mean difference is in the metric's better direction.
    pub better: bool,
    /// Paired t-test, where it is defined.
    pub t_p: Option<f64>,
    /// Wilcoxon signed-rank test, where it is defined.
    pub wilcoxon_p: Option<f64>,
    /// The t-test's p-value after Holm's correction over all contenders with one.
    pub t_p_holm: Option<f64>,
    /// Cohen's d of the differences.
    pub cohen_d: Option<f64>,
    /// Rank-biserial correlation of the differences.
    pub rank_biserial: Option<f64>,
}

/// Compares each contender with the baseline. Values are per seed; `None` is a seed without a value, and only seeds on
/// which both sides have one are paired. A contender without such a seed is left out.
pub fn compare_to_baseline(
    metric: Metric,
    baseline: &[Option<f64>],
    contenders: &[(String, Vec<Option<f64>>)],
) -> Result<Vec<Comparison>, EvalError> {
    let mut comparisons = Vec::new();
    for (name, values) in contenders {
        if values.len() != baseline.len() {
            return Err(EvalError::Length {
                what: "values of a contender",
                expected: baseline.len(),
                got: values.len(),
            });
        }
        let (first, second): (Vec<f64>, Vec<f64>) = values
            .iter()
            .zip(baseline)
            .filter_map(|(a, b)| Some(((*a)?, (*b)?)))
            .unzip();
        if !first.is_empty() {
            comparisons.push(compare(metric, name, &first, &second)?);
        }
    }
    let tested: Vec<f64> = comparisons.iter().filter_map(|c| c.t_p).collect();
    let mut adjusted = holm(&tested)?.into_iter();
    for comparison in comparisons.iter_mut().filter(|c| c.t_p.is_some()) {
        comparison.t_p_holm = adjusted.next();
    }
    Ok(comparisons)
}

fn compare(
    metric: Metric,
    name: &str,
    first: &[f64],
    second: &[f64],
) -> Result<Comparison, EvalError> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let difference = Summary::new(&differences)?;
    let ranks = defined(paired::wilcoxon(first, second))?;
    Ok(Comparison {
        contender: name.to_string(),
        pairs: first.len(),
        better: metric.is_better(difference.mean, 0.0),
        difference,
        t_p: defined(paired::t_test(first, second))?.map(|test| test.p),
        wilcoxon_p: ranks.map(|test| test.p),
        t_p_holm: None,
        cohen_d: defined(paired::cohen_d(first, second))?,
        rank_biserial: ranks.map(|test| test.rank_biserial),
    })
}

/// `None` for a quantity without a value; faulty input stays an error.
fn defined<T>(result: Result<T, EvalError>) -> Result<Option<T>, EvalError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(EvalError::Undefined { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_common_seeds_are_paired_and_smaller_errors_are_better() {
        let baseline = [Some(1.0), Some(1.0), Some(1.0), None];
        let contenders = [
            (
                "a".to_string(),
                vec![Some(0.9), Some(0.8), Some(0.7), Some(0.1)],
            ),
            ("b".to_string(), vec![None, Some(1.5), None, None]),
        ];
        let got = compare_to_baseline(Metric::Mae, &baseline, &contenders).unwrap();
        assert_eq!((got[0].pairs, got[0].better), (3, true));
        assert!((got[0].difference.mean + 0.2).abs() < 1e-12);
        assert_eq!(got[0].wilcoxon_p, Some(0.25));
        assert_eq!(got[0].rank_biserial, Some(-1.0));
        assert_eq!(got[0].t_p, got[0].t_p_holm);
        assert_eq!((got[1].pairs, got[1].better, got[1].t_p), (1, false, None));
        let without = [contenders[1].clone(), ("c".to_string(), vec![None; 4])];
        let got = compare_to_baseline(Metric::Mae, &baseline, &without).unwrap();
        assert_eq!(got.len(), 1);
        assert!(compare_to_baseline(Metric::Mae, &[None], &[("c".to_string(), vec![])]).is_err());
    }
}
