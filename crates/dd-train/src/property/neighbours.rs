//! The most similar of many fingerprints.
//!
//! For every bit it is noted who has it. The bits in common with a question are then counted along its few bits, which is
//! exact and takes some ten microseconds for ten thousand molecules.

use dd_mol::fingerprint::BitFingerprint;

/// Fingerprints of one length, ready to be asked for the nearest.
#[derive(Debug, Clone)]
pub(super) struct FingerprintIndex {
    /// Who has each bit, ascending.
    holders: Vec<Vec<u32>>,
    /// Bits set in each fingerprint.
    ones: Vec<u32>,
}

impl FingerprintIndex {
    /// An index of fingerprints as rows of words of 64 bits, all of the same number.
    pub(super) fn new<'a>(rows: impl Iterator<Item = &'a [u64]>, bits: usize) -> Self {
        let mut index = Self {
            holders: vec![Vec::new(); bits],
            ones: Vec::new(),
        };
        for (row, words) in rows.enumerate() {
            let mut ones = 0;
            for (at, &word) in words.iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    let bit = 64 * at + rest.trailing_zeros() as usize;
                    index.holders[bit].push(row as u32);
                    rest &= rest - 1;
                    ones += 1;
                }
            }
            index.ones.push(ones);
        }
        index
    }

    /// The fingerprint with the largest Tanimoto similarity, the first of equals, and that similarity; `except` is passed
    /// over. None when nothing is left.
    pub(super) fn nearest(
        &self,
        question: &BitFingerprint,
        except: Option<usize>,
    ) -> Option<(usize, f64)> {
        let mut common = vec![0_u16; self.ones.len()];
        let mut asked = 0;
        for bit in question.bits() {
            asked += 1;
            for &row in self.holders.get(bit).into_iter().flatten() {
                common[row as usize] += 1;
            }
        }
        let mut best: Option<(usize, f64)> = None;
        for (row, (&both, &ones)) in common.iter().zip(&self.ones).enumerate() {
            if Some(row) == except {
                continue;
            }
            let either = (asked + ones - u32::from(both)).max(1);
            let similarity = f64::from(both) / f64::from(either);
            if best.is_none_or(|(_, most)| similarity > most) {
                best = Some((row, similarity));
            }
        }
        best
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dd_mol::fingerprint::{MorganConfig, morgan};

    use super::*;

    #[test]
    fn the_nearest_is_that_of_all_comparisons() {
        let table = dd_data::embedded::small_organics_smiles(&[]).unwrap();
        let prints: Vec<BitFingerprint> = (0..300)
            .map(|row| {
                let molecule = dd_mol::smiles::parse(table.smiles(row).unwrap()).unwrap();
                morgan(&molecule, &MorganConfig::ECFP4)
            })
            .collect();
        let index = FingerprintIndex::new(prints.iter().map(BitFingerprint::words), 2048);
        for (at, question) in prints.iter().enumerate().step_by(7) {
            assert_eq!(index.nearest(question, None).unwrap().1, 1.0);
            let (row, similarity) = index.nearest(question, Some(at)).unwrap();
            let others = prints.iter().enumerate().filter(|(row, _)| *row != at);
            let best = others
                .map(|(_, other)| question.tanimoto(other))
                .fold(0.0, f64::max);
            assert_eq!(similarity, best);
            assert_eq!(prints[row].tanimoto(question), best);
        }
        assert!(
            FingerprintIndex::new(std::iter::empty(), 2048)
                .nearest(&prints[0], None)
                .is_none()
        );
    }
}
