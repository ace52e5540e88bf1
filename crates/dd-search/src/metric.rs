//! How far two vectors are from each other.

use serde::{Deserialize, Serialize};

/// Lanes that are summed apart, so that the compiler can keep them in vector registers. The order of the sum is fixed.
const LANES: usize = 16;

/// A distance between vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// `1 - cos(x, y)`, from 0 to 2: direction alone counts.
    Cosine,
    /// `|x - y|`.
    Euclidean,
}

/// Largest square of a length whose distances can be told: that of the difference of two is four times as large at most.
const MOST: f32 = f32::MAX / 4.0;

impl Metric {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
        }
    }

    /// Why a vector can neither stand in an index nor be asked for; none for one that can.
    pub fn refuses(self, vector: &[f32]) -> Option<&'static str> {
        if vector.iter().any(|x| !x.is_finite()) {
            Some("is not finite")
        } else if self == Self::Euclidean && sum(vector, vector, |a, b| a * b) > MOST {
            Some("is too long for distances in single precision")
        } else if self == Self::Cosine && vector.iter().all(|&x| x == 0.0) {
            Some("is zero: it has no cosine with any other")
        } else {
            None
        }
    }

    /// A number that orders pairs as their distance does, and costs less.
    pub(crate) fn key(self, x: &[f32], y: &[f32]) -> f32 {
        match self {
            // The vectors of an index and its queries have length 1, so this is 1 - x . y, whose steps of 6e-8 near 1 would
            // hide which of near neighbours is nearest.
            Self::Cosine => 0.5 * sum(x, y, |a, b| (a - b) * (a - b)),
            Self::Euclidean => sum(x, y, |a, b| (a - b) * (a - b)),
        }
    }

    /// The distance of a key.
    pub(crate) fn distance(self, key: f32) -> f32 {
        match self {
            Self::Cosine => key,
            Self::Euclidean => key.sqrt(),
        }
    }

    /// Brings a vector to the length that [`Self::key`] expects; false when it has none.
    pub(crate) fn prepare(self, vector: &mut [f32]) -> bool {
        if self == Self::Euclidean {
            return true;
        }
        // In double precision no finite single number overflows.
        let norm = vector
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>()
            .sqrt();
        if norm == 0.0 {
            return false;
        }
        for x in vector {
            *x = (f64::from(*x) / norm) as f32;
        }
        true
    }
}

fn sum(x: &[f32], y: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest = xs.remainder().iter().zip(ys.remainder());
    let rest: f32 = rest.map(|(&a, &b)| term(a, b)).sum();
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_formula() {
        let (mut x, mut y): (Vec<f32>, Vec<f32>) = (0..21)
            .map(|i| ((i as f32).sin(), (i as f32 * 0.7).cos()))
            .unzip();
        let exact = |x: &[f32], y: &[f32], f: fn(f64, f64) -> f64| -> f64 {
            let pairs = x.iter().zip(y);
            pairs.map(|(&a, &b)| f(f64::from(a), f64::from(b))).sum()
        };
        let euclidean = exact(&x, &y, |a, b| (a - b).powi(2)).sqrt();
        let cosine = 1.0
            - exact(&x, &y, |a, b| a * b)
                / (exact(&x, &x, |a, b| a * b) * exact(&y, &y, |a, b| a * b)).sqrt();
        for (metric, expected) in [(Metric::Euclidean, euclidean), (Metric::Cosine, cosine)] {
            assert!(metric.prepare(&mut x) && metric.prepare(&mut y));
            let got = metric.distance(metric.key(&x, &y));
            assert!((f64::from(got) - expected).abs() < 1e-6, "{metric:?}");
        }
    }

    #[test]
    fn vectors_without_a_distance_are_refused() {
        for (vector, cosine, euclidean) in [
            ([0.0, f32::MIN_POSITIVE], false, false),
            ([0.0, 0.0], true, false),
            ([1e19, 1e19], false, true),
            ([f32::NAN, 1.0], true, true),
        ] {
            assert_eq!(Metric::Cosine.refuses(&vector).is_some(), cosine);
            assert_eq!(Metric::Euclidean.refuses(&vector).is_some(), euclidean);
        }
    }

    #[test]
    fn huge_vectors_have_a_direction_and_zero_has_none() {
        let mut huge = [f32::MAX, f32::MAX];
        assert!(Metric::Cosine.prepare(&mut huge));
        assert!((huge[0] - 0.5_f32.sqrt()).abs() < 1e-6);
        assert!(!Metric::Cosine.prepare(&mut [0.0, 0.0]));
    }
}
