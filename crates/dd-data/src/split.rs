//! Train, validation and test sets: random, by scaffold, or from a file.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use dd_kernels::rng::Key;
use dd_mol::{Molecule, murcko_scaffold_smiles};
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result, RowFault};
use crate::source::open;

/// Record numbers of the three parts, in the order of the splitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// For fitting.
    pub train: Vec<usize>,
    /// For choosing.
    pub valid: Vec<usize>,
    /// For reporting.
    pub test: Vec<usize>,
}

/// Shares of training, validation and test set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
pub struct Fractions([f64; 3]);

impl Fractions {
    /// 80, 10 and 10 per cent, the usual shares of MoleculeNet.
    pub const MOLECULE_NET: Self = Self([0.8, 0.1, 0.1]);
}

impl TryFrom<[f64; 3]> for Fractions {
    type Error = DataError;

    fn try_from(shares: [f64; 3]) -> Result<Self> {
        let are_shares = shares.iter().all(|share| (0.0..=1.0).contains(share));
        if are_shares && shares[0] > 0.0 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 {
            Ok(Self(shares))
        } else {
            Err(DataError::Fractions(shares))
        }
    }
}

impl From<Fractions> for [f64; 3] {
    fn from(fractions: Fractions) -> Self {
        fractions.0
    }
}

/// Which rows the cut-offs of a scaffold split count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedRows {
    /// All rows, those without a molecule among them, as DeepChem does. A blank line is a row here, and none of pandas, with
    /// which DeepChem reads: leave blank lines out of a table whose split is to be that of DeepChem.
    All,
    /// Only rows with a molecule: the unreadable ones are dropped first.
    Readable,
}

impl Split {
    /// Records in random order, cut at the fractions (rounded down).
    ///
    /// ```
    /// use dd_data::{Fractions, Split};
    /// let split = Split::random(10, Fractions::MOLECULE_NET, 7);
    /// assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (8, 1, 1));
    /// ```
    pub fn random(num_records: usize, fractions: Fractions, seed: u64) -> Self {
        let mut order = Key::from_seed(seed).named("split").permutation(num_records);
        let [train, valid, _] = fractions.0;
        // The small term keeps 0.8 + 0.1 of ten records at nine.
        let cut = |share: f64| ((share * num_records as f64 + 1e-9) as usize).min(num_records);
        let test = order.split_off(cut(train + valid));
        let valid = order.split_off(cut(train).min(order.len()));
        Self {
            train: order,
            valid,
            test,
        }
    }

    /// The scaffold split of DeepChem (`deepchem/splits/splitters.py`, `ScaffoldSplitter`; Wu et al., "MoleculeNet", 2018).
    ///
    /// `scaffolds[i]` is the scaffold of record `i`, `None` for a record without a molecule, which goes into no part.
    /// Records of one scaffold stay together. Groups come by falling (size, first record); each goes to the first part that
    /// it fits: training, validation, test.
    pub fn by_scaffold(
        scaffolds: &[Option<String>],
        fractions: Fractions,
        counted: CountedRows,
    ) -> Self {
        let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
        for (record, scaffold) in scaffolds.iter().enumerate() {
            if let Some(scaffold) = scaffold {
                groups.entry(scaffold).or_default().push(record);
            }
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.len(), group[0])));
        let total = match counted {
            CountedRows::All => scaffolds.len(),
            CountedRows::Readable => groups.iter().map(Vec::len).sum(),
        } as f64;
        let train_cutoff = fractions.0[0] * total;
        let valid_cutoff = (fractions.0[0] + fractions.0[1]) * total;
        let mut split = Self {
            train: Vec::new(),
            valid: Vec::new(),
            test: Vec::new(),
        };
        for group in groups {
            let with_train = (split.train.len() + group.len()) as f64;
            let part = if with_train <= train_cutoff {
                &mut split.train
            } else if with_train + split.valid.len() as f64 <= valid_cutoff {
                &mut split.valid
            } else {
                &mut split.test
            };
            part.extend(group);
        }
        split
    }

    /// Reads the lists `train`, `valid` and `test` of record numbers from a JSON file (`.gz` too).
    ///
    /// # Errors
    /// When the file is no such split, a number is beyond `num_records`, or a record is in two parts.
    pub fn from_json(path: &Path, num_records: usize) -> Result<Self> {
        let wrong = |reason: String| DataError::Split {
            path: path.to_path_buf(),
            reason,
        };
        let text = text_of(path)?;
        let split: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        split.checked(num_records).map_err(wrong)
    }

    /// Reads three files with one record number a line.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn from_index_files(files: [&Path; 3], num_records: usize) -> Result<Self> {
        let [train, valid, test] = files.map(|path| -> Result<Vec<usize>> {
            let text = text_of(path)?;
            let numbers = text.split_ascii_whitespace().map(|word| {
                word.parse().map_err(|_| DataError::Split {
                    path: path.to_path_buf(),
                    reason: format!("expected a record number, got {word:?}"),
                })
            });
            numbers.collect()
        });
        let split = Self {
            train: train?,
            valid: valid?,
            test: test?,
        };
        split
            .checked(num_records)
            .map_err(|reason| DataError::Split {
                path: files[0].to_path_buf(),
                reason,
            })
    }

    fn checked(self, num_records: usize) -> std::result::Result<Self, String> {
        let mut seen = vec![false; num_records];
        for &record in self.train.iter().chain(&self.valid).chain(&self.test) {
            match seen.get_mut(record) {
                None => {
                    return Err(format!(
                        "record {record} does not exist, there are {num_records}"
                    ));
                }
                Some(true) => return Err(format!("record {record} is listed twice")),
                Some(slot) => *slot = true,
            }
        }
        Ok(self)
    }
}

/// Largest split file that is read.
const MAX_SPLIT_BYTES: u64 = 1 << 30;

fn text_of(path: &Path) -> Result<String> {
    let mut text = String::new();
    open(path)?
        .take(MAX_SPLIT_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| DataError::file(path, error))?;
    if text.len() as u64 <= MAX_SPLIT_BYTES {
        return Ok(text);
    }
    Err(DataError::Split {
        path: path.to_path_buf(),
        reason: format!("it has more than {MAX_SPLIT_BYTES} bytes"),
    })
}

/// The scaffold that a split groups by: Bemis and Murcko's, as a canonical SMILES.
///
/// # Errors
/// When the scaffold is no molecule.
pub fn scaffold_of(molecule: &Molecule, chirality: bool) -> std::result::Result<String, RowFault> {
    murcko_scaffold_smiles(molecule, chirality)
        .map_err(|error| RowFault::new(error.kind(), format!("scaffold: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaffolds(names: &[&str]) -> Vec<Option<String>> {
        let named = |name: &&str| (*name != "?").then(|| name.to_string());
        names.iter().map(named).collect()
    }

    #[test]
    fn larger_groups_come_first_and_ties_fall_to_the_later_one() {
        let names = scaffolds(&["a", "b", "b", "c", "c", "d", "e", "e", "e", "f"]);
        let split = Split::by_scaffold(&names, Fractions::MOLECULE_NET, CountedRows::All);
        assert_eq!(split.train, [6, 7, 8, 3, 4, 1, 2, 9]);
        assert_eq!((split.valid, split.test), (vec![5], vec![0]));
    }

    #[test]
    fn unreadable_rows_are_in_no_part() {
        let names = scaffolds(&["a", "?", "b", "?", "c", "d", "e", "f", "g", "h"]);
        let all = Split::by_scaffold(&names, Fractions::MOLECULE_NET, CountedRows::All);
        assert_eq!(
            (all.train.len(), all.valid.len(), all.test.len()),
            (8, 0, 0)
        );
        let readable = Split::by_scaffold(&names, Fractions::MOLECULE_NET, CountedRows::Readable);
        assert_eq!(readable.train.len(), 6);
    }

    #[test]
    fn random_parts_are_disjoint_and_complete() {
        let split = Split::random(101, Fractions::MOLECULE_NET, 3);
        let parts = [&split.train, &split.valid, &split.test];
        let mut all: Vec<usize> = parts.into_iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..101).collect::<Vec<_>>());
        assert_ne!(split, Split::random(101, Fractions::MOLECULE_NET, 4));
        assert!(Fractions::try_from([0.5, 0.2, 0.1]).is_err());
        assert!(Fractions::try_from([f64::NAN, 0.5, 0.5]).is_err());
    }
}
