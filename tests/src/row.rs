//! One line of the parity table.

/// A comparison of one quantity of one case with the original.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the case.
    pub case: String,
    /// What was compared, and in which precision.
    pub quantity: String,
    /// Largest absolute difference.
    pub max_abs: f64,
    /// Largest difference relative to the largest magnitude of the expected values.
    pub max_rel: f64,
    /// Bound on `max_rel` (or on `max_abs` where the row says so).
    pub tolerance: f64,
    /// Whether the bound holds.
    pub ok: bool,
    /// Anything a reader should know: counts, classes of differences.
    pub note: String,
}

impl Row {
    /// Compares two lists; passes when the largest difference is at most `tolerance` times the largest expected
    /// magnitude. Lists of different length or with values that are not finite fail; two empty ones agree.
    pub fn relative(
        case: &str,
        quantity: impl Into<String>,
        got: &[f64],
        expected: &[f64],
        tolerance: f64,
    ) -> Self {
        let (max_abs, max_rel) = compare(got, expected);
        let ok = max_rel <= tolerance;
        Self::new(case, quantity, max_abs, max_rel, tolerance, ok)
    }

    /// Compares two lists; passes when the largest difference is at most `tolerance`.
    pub fn absolute(
        case: &str,
        quantity: impl Into<String>,
        got: &[f64],
        expected: &[f64],
        tolerance: f64,
    ) -> Self {
        let (max_abs, max_rel) = compare(got, expected);
        let ok = max_abs <= tolerance;
        Self::new(case, quantity, max_abs, max_rel, tolerance, ok)
    }

    /// A yes-or-no comparison.
    pub fn exact(case: &str, quantity: impl Into<String>, equal: bool) -> Self {
        let error = if equal { 0.0 } else { f64::INFINITY };
        Self::new(case, quantity, error, error, 0.0, equal)
    }

    /// A share of items that agree, which must reach `required`.
    pub fn share(
        case: &str,
        quantity: impl Into<String>,
        agree: usize,
        total: usize,
        required: f64,
    ) -> Self {
        let share = if total == 0 {
            0.0
        } else {
            agree as f64 / total as f64
        };
        let row = Self::new(
            case,
            quantity,
            1.0 - share,
            1.0 - share,
            1.0 - required,
            total > 0 && share >= required,
        );
        row.with_note(format!("{agree} of {total} equal"))
    }

    /// Adds a remark.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn new(
        case: &str,
        quantity: impl Into<String>,
        max_abs: f64,
        max_rel: f64,
        tolerance: f64,
        ok: bool,
    ) -> Self {
        let ok = ok && !max_abs.is_nan();
        Self {
            case: case.to_string(),
            quantity: quantity.into(),
            max_abs,
            max_rel,
            tolerance,
            ok,
            note: String::new(),
        }
    }
}

/// Largest difference, absolute and relative to the largest expected magnitude; infinite when the lists cannot be
/// compared.
fn compare(got: &[f64], expected: &[f64]) -> (f64, f64) {
    if got.len() != expected.len() || got.iter().chain(expected).any(|x| !x.is_finite()) {
        return (f64::INFINITY, f64::INFINITY);
    }
    let largest = |values: &mut dyn Iterator<Item = f64>| values.map(f64::abs).fold(0.0, f64::max);
    let max_abs = largest(&mut got.iter().zip(expected).map(|(g, e)| g - e));
    let scale = largest(&mut expected.iter().copied());
    let max_rel = if max_abs == 0.0 {
        0.0
    } else {
        max_abs / scale.max(f64::MIN_POSITIVE)
    };
    (max_abs, max_rel)
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.ok { "ok  " } else { "MISS" };
        write!(
            f,
            "{verdict} {:<26} {:<52} abs {:>9.2e}  rel {:>9.2e}  tol {:>8.1e}",
            self.case, self.quantity, self.max_abs, self.max_rel, self.tolerance
        )?;
        if self.note.is_empty() {
            Ok(())
        } else {
            write!(f, "  {}", self.note)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_compared_fail() {
        assert!(!Row::relative("c", "length", &[1.0], &[1.0, 2.0], 1.0).ok);
        assert!(!Row::absolute("c", "nan", &[f64::NAN], &[1.0], 1e9).ok);
        assert!(!Row::absolute("c", "nan expected", &[1.0], &[f64::NAN], 1e9).ok);
        assert!(!Row::relative("c", "nothing", &[], &[1.0], 1.0).ok);
        assert!(!Row::share("c", "nothing compared", 0, 0, 0.5).ok);
    }

    #[test]
    fn relative_uses_the_largest_expected_magnitude() {
        assert!(Row::relative("c", "q", &[100.0, 0.001], &[100.0, 0.0], 2e-5).ok);
        assert!(!Row::relative("c", "q", &[100.0, 0.001], &[100.0, 0.0], 5e-6).ok);
    }
}
