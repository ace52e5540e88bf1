//! Counter-based random numbers: a value is a function of (key, position), nothing else.
//!
//! A [`Key`] names a stream. Streams are derived by [`Key::with`] and [`Key::named`], so that the noise of a record
//! depends on (seed, epoch, record, purpose) and on no order of evaluation, worker or batch. The mixing function is the
//! finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The name of a stream of random numbers.
///
/// ```
/// use dd_kernels::rng::Key;
/// let noise = Key::from_seed(7).named("noise").with(3); // seed 7, record 3
/// assert_eq!(noise.uniform(0), Key::from_seed(7).named("noise").with(3).uniform(0));
/// assert_ne!(noise.uniform(0), noise.uniform(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The root stream of a run.
    pub fn from_seed(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN_GAMMA)))
    }

    /// What the CUDA kernels go on from.
    pub(crate) fn state(self) -> u64 {
        self.0
    }

    /// The sub-stream with a number: an epoch, a step, a record.
    #[must_use]
    pub fn with(self, number: u64) -> Self {
        Self(mix(self.0
            ^ mix(number
                .wrapping_mul(GOLDEN_GAMMA)
                .wrapping_add(0xD1B5_4A32_D192_ED03))))
    }

    /// The sub-stream with a name: a purpose, a parameter.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        // FNV-1a, 64 bit: <http://www.isthe.com/chongo/tech/comp/fnv/>.
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        self.with(hash)
    }

    /// 64 random bits at a position of the stream.
    #[inline(always)]
    pub fn bits(self, position: u64) -> u64 {
        mix(self
            .0
            .wrapping_add(position.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA)))
    }

    /// Uniform in `[0, 1)` with 53 bits.
    pub fn uniform(self, position: u64) -> f64 {
        (self.bits(position) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller's transform of two uniforms).
    pub fn normal(self, position: u64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(2 * position)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(2 * position + 1)).cos()
    }

    /// Uniform integer in `0..bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(self, position: u64, bound: usize) -> usize {
        assert!(bound > 0, "bound must be positive");
        ((u128::from(self.bits(position)) * bound as u128) >> 64) as usize
    }

    /// A random order of `0..len` (Fisher and Yates).
    pub fn permutation(self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for i in (1..len).rev() {
            order.swap(i, self.below(i as u64, i + 1));
        }
        order
    }
}

#[inline(always)]
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_has_zero_mean_and_unit_variance() {
        let key = Key::from_seed(1).named("test");
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|i| key.normal(i)).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.015, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn permutation_is_a_permutation() {
        let mut order = Key::from_seed(3).permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn streams_with_different_names_differ() {
        let root = Key::from_seed(0);
        assert_ne!(root.named("a").bits(0), root.named("b").bits(0));
        assert_ne!(root.with(1).with(2).bits(0), root.with(2).with(1).bits(0));
    }
}
