//! Random orders of atoms.

/// A permutation of `0..n` from a seed.
pub(crate) fn shuffled(n: usize, mut seed: u64) -> Vec<u32> {
    let mut ranks: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        // Knuth's MMIX generator is enough to shuffle with.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ranks.swap(last, (seed >> 33) as usize % (last + 1));
    }
    ranks
}
