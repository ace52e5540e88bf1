//! Correction for several comparisons.

use crate::EvalError;

/// Holm's step-down adjustment: p-values that may be compared with the level of the whole family, in the order given.
///
/// With the p-values sorted ascending, `p̃₍ₖ₎ = max_{j ≤ k} min(1, (m - j + 1) p₍ⱼ₎)`. Controls the chance of any false
/// claim whatever the dependence between the tests. S. Holm, Scand. J. Stat. 6 (1979) 65.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, EvalError> {
    for &value in p_values {
        if !(0.0..=1.0).contains(&value) {
            return Err(EvalError::Setting {
                name: "p-value",
                value,
                expected: "between 0 and 1",
            });
        }
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (place, &test) in order.iter().enumerate() {
        let factor = (p_values.len() - place) as f64;
        largest = largest.max((factor * p_values[test]).min(1.0));
        adjusted[test] = largest;
    }
    Ok(adjusted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_tests_by_hand() {
        // Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (raised to 0.06), 0.5 x 1.
        let adjusted = holm(&[0.5, 0.01, 0.03, 0.02]).unwrap();
        for (a, b) in adjusted.iter().zip([0.5, 0.04, 0.06, 0.06]) {
            assert!((a - b).abs() < 1e-15);
        }
        assert_eq!(holm(&[0.8, 0.9]).unwrap(), [1.0, 1.0]);
        assert_eq!(holm(&[]).unwrap(), Vec::<f64>::new());
        assert!(holm(&[f64::NAN]).is_err() && holm(&[1.1]).is_err());
    }

    proptest! {
        #[test]
        fn between_raw_and_bonferroni(p in proptest::collection::vec(0.0..=1.0_f64, 1..12)) {
            let adjusted = holm(&p).unwrap();
            for (raw, holm) in p.iter().zip(&adjusted) {
                prop_assert!(raw <= holm && *holm <= (raw * p.len() as f64).min(1.0).max(adjusted_floor(&p, *raw)));
            }
        }
    }

    /// Holm can exceed a test's own Bonferroni value only by the running maximum of smaller p-values.
    fn adjusted_floor(p: &[f64], raw: f64) -> f64 {
        let m = p.len() as f64;
        p.iter()
            .filter(|q| **q <= raw)
            .map(|q| (q * m).min(1.0))
            .fold(0.0, f64::max)
    }
}
