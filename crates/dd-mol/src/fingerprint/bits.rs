//! A row of bits and what is asked of it.

/// A fingerprint: a fixed number of bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BitFingerprint {
    words: Vec<u64>,
    len: usize,
}

impl BitFingerprint {
    /// All bits 0.
    ///
    /// # Panics
    /// When `len` is 0.
    pub(super) fn new(len: usize) -> Self {
        assert!(len > 0, "a fingerprint has at least one bit");
        Self {
            words: vec![0; len.div_ceil(64)],
            len,
        }
    }

    pub(super) fn set(&mut self, bit: usize) {
        self.words[bit / 64] |= 1 << (bit % 64);
    }

    /// Number of bits, set or not; at least 1.
    #[allow(clippy::len_without_is_empty, reason = "there is always a bit")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bits in words of 64, the first bit lowest; what is over in the last word is 0.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Whether a bit is set.
    ///
    /// # Panics
    /// When `bit` is not below [`Self::len`].
    pub fn get(&self, bit: usize) -> bool {
        assert!(bit < self.len, "bit {bit} of {}", self.len);
        self.words[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// The positions of the bits that are set, ascending.
    pub fn bits(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let words = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
            words
                .take_while(|rest| *rest != 0)
                .map(move |rest| 64 * at + rest.trailing_zeros() as usize)
        })
    }

    /// Number of bits that are set.
    pub fn count_ones(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Tanimoto similarity: bits set in both over bits set in either, 0 to 1. Two
    /// fingerprints without a bit have 0, as in RDKit.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn tanimoto(&self, other: &Self) -> f64 {
        assert_eq!(self.len, other.len, "fingerprints of different lengths");
        let (mut both, mut either) = (0, 0);
        for (a, b) in self.words.iter().zip(&other.words) {
            both += (a & b).count_ones();
            either += (a | b).count_ones();
        }
        f64::from(both) / f64::from(either.max(1))
    }

    /// Writes the bits as 0.0 and 1.0 into a row of features.
    ///
    /// # Panics
    /// When the row is not [`Self::len`] long.
    pub fn write_to(&self, row: &mut [f32]) {
        assert_eq!(self.len, row.len(), "a row of another length");
        row.fill(0.0);
        for bit in self.bits() {
            row[bit] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(len: usize, bits: &[usize]) -> BitFingerprint {
        let mut fingerprint = BitFingerprint::new(len);
        for &bit in bits {
            fingerprint.set(bit);
        }
        fingerprint
    }

    #[test]
    fn bits_ascend_over_words() {
        let fingerprint = of(130, &[129, 0, 63, 64, 0]);
        assert_eq!(fingerprint.bits().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(fingerprint.count_ones(), 4);
        assert!(fingerprint.get(129) && !fingerprint.get(128));
        let mut row = vec![7.0; 130];
        fingerprint.write_to(&mut row);
        assert_eq!(row.iter().sum::<f32>(), 4.0);
        assert_eq!(row[64], 1.0);
    }

    #[test]
    fn tanimoto_is_the_share_in_common() {
        let (a, b) = (of(100, &[1, 2, 70]), of(100, &[2, 70, 71, 72]));
        assert_eq!(a.tanimoto(&b), 0.4);
        assert_eq!(a.tanimoto(&a), 1.0);
        assert_eq!(of(9, &[]).tanimoto(&of(9, &[])), 0.0);
    }
}
