//! The generator behind the forests: SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, 2014),
//! the same numbers on every machine.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// Stream number `stream` of a seed. Streams of neighbouring seeds and numbers start far
    /// apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut seeds = Self(seed);
        let start = seeds.next() ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        Self(Self(start).next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is positive. The bias is below `end / 2⁶⁴`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers() {
        // The first outputs of the reference implementation for seed 1234567.
        let mut stream = SplitMix64(1_234_567);
        assert_eq!(stream.next(), 6_457_827_717_110_365_317);
        assert_eq!(stream.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_below_an_end_are_even() {
        let mut stream = SplitMix64::new(3, 5);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_600..10_400).contains(count)),
            "{counts:?}"
        );
    }
}
