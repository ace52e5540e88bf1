//! What a split looks like: sizes, label balance, rows used twice or never, scaffolds that leak between parts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::balance::{LabelBalance, all_classes, balance};

/// One part of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartStatistics {
    /// Name of the part, such as `train`.
    pub name: String,
    /// Rows in it.
    pub rows: usize,
    /// Share of all rows of the data.
    pub share: f64,
    /// Distinct scaffolds in it; `None` when no scaffolds were given.
    pub scaffolds: Option<usize>,
    /// Label balance, per task.
    pub labels: Vec<LabelBalance>,
}

/// What two parts have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// One part.
    pub first: String,
    /// The other.
    pub second: String,
    /// Rows in both; 0 in a correct split.
    pub rows: usize,
    /// Scaffolds in both; 0 in a scaffold split. `None` when no scaffolds were given.
    pub scaffolds: Option<usize>,
    /// Rows of the second part whose scaffold occurs in the first.
    pub rows_of_second_with_scaffold_of_first: Option<usize>,
}

/// Statistics of a split of `rows` rows into named parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitStatistics {
    /// Rows of the data.
    pub rows: usize,
    /// The parts, in the order given.
    pub parts: Vec<PartStatistics>,
    /// Every pair of parts.
    pub overlaps: Vec<Overlap>,
    /// Rows in no part.
    pub unused: usize,
    /// Mentions of a row beyond its first within one part.
    pub repeated: usize,
}

impl SplitStatistics {
    /// Looks at a split.
    ///
    /// * `parts`: name and row numbers of each part;
    /// * `labels`: row-major table with `tasks` columns, `NaN` = missing; may be empty when `tasks` is 0;
    /// * `scaffolds`: one id per row, equal ids meaning the same scaffold.
    pub fn new(
        rows: usize,
        parts: &[(&str, &[usize])],
        labels: &[f64],
        tasks: usize,
        scaffolds: Option<&[usize]>,
    ) -> Result<Self, EvalError> {
        check_length("labels", labels.len(), rows.saturating_mul(tasks))?;
        if let Some(ids) = scaffolds {
            check_length("scaffold ids", ids.len(), rows)?;
        }
        let mut used = vec![false; rows];
        for (name, part) in parts {
            for &row in *part {
                *used.get_mut(row).ok_or_else(|| EvalError::RowOutOfRange {
                    part: (*name).to_string(),
                    row,
                    rows,
                })? = true;
            }
        }
        let kinds: Vec<bool> = (0..tasks)
            .map(|task| all_classes(labels, tasks, task))
            .collect();
        let ids = |part: &[usize]| -> Option<BTreeSet<usize>> {
            scaffolds.map(|ids| part.iter().map(|&row| ids[row]).collect())
        };
        let describe = |(name, part): &(&str, &[usize])| {
            let balance = |task: usize| {
                let values = part.iter().map(|&row| labels[row * tasks + task]);
                balance(values.collect(), kinds[task])
            };
            Ok(PartStatistics {
                name: (*name).to_string(),
                rows: part.len(),
                share: part.len() as f64 / rows.max(1) as f64,
                scaffolds: ids(part).map(|set| set.len()),
                labels: (0..tasks).map(balance).collect::<Result<_, EvalError>>()?,
            })
        };
        let mut overlaps = Vec::new();
        for (k, first) in parts.iter().enumerate() {
            for second in &parts[k + 1..] {
                overlaps.push(overlap(first, second, scaffolds));
            }
        }
        let distinct = |part: &[usize]| part.iter().collect::<BTreeSet<_>>().len();
        Ok(Self {
            rows,
            parts: parts
                .iter()
                .map(describe)
                .collect::<Result<_, EvalError>>()?,
            overlaps,
            unused: used.iter().filter(|used| !**used).count(),
            repeated: parts
                .iter()
                .map(|(_, part)| part.len() - distinct(part))
                .sum(),
        })
    }

    /// True when every row is in exactly one part.
    pub fn is_partition(&self) -> bool {
        self.unused == 0 && self.repeated == 0 && self.overlaps.iter().all(|o| o.rows == 0)
    }

    /// True when scaffolds were given and no two parts share one.
    pub fn separates_scaffolds(&self) -> bool {
        self.parts.iter().all(|part| part.scaffolds.is_some())
            && self.overlaps.iter().all(|o| o.scaffolds == Some(0))
    }
}

fn check_length(what: &'static str, got: usize, expected: usize) -> Result<(), EvalError> {
    if got == expected {
        return Ok(());
    }
    Err(EvalError::Length {
        what,
        expected,
        got,
    })
}

fn overlap(
    first: &(&str, &[usize]),
    second: &(&str, &[usize]),
    scaffolds: Option<&[usize]>,
) -> Overlap {
    let rows = |part: &[usize]| part.iter().copied().collect::<BTreeSet<usize>>();
    let (a, b) = (rows(first.1), rows(second.1));
    let shared = scaffolds.map(|ids| {
        let set = |part: &[usize]| {
            part.iter()
                .map(|&row| ids[row])
                .collect::<BTreeSet<usize>>()
        };
        let (a, b) = (set(first.1), set(second.1));
        let touched = second
            .1
            .iter()
            .filter(|&&row| a.contains(&ids[row]))
            .count();
        (a.intersection(&b).count(), touched)
    });
    Overlap {
        first: first.0.to_string(),
        second: second.0.to_string(),
        rows: a.intersection(&b).count(),
        scaffolds: shared.map(|(scaffolds, _)| scaffolds),
        rows_of_second_with_scaffold_of_first: shared.map(|(_, rows)| rows),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_scaffold_split() {
        let labels = [1.0, 0.5, 0.0, f64::NAN, 1.0, 2.5];
        let parts: [(&str, &[usize]); 2] = [("train", &[0, 1]), ("test", &[2])];
        let s = SplitStatistics::new(3, &parts, &labels, 2, Some(&[7, 7, 9])).unwrap();
        assert!(s.is_partition() && s.separates_scaffolds());
        let classes = LabelBalance::Classes {
            positives: 1,
            negatives: 1,
            missing: 0,
        };
        assert_eq!(s.parts[0].labels[0], classes);
        assert!(matches!(
            s.parts[0].labels[1],
            LabelBalance::Numbers { missing: 1, .. }
        ));
        assert_eq!((s.parts[1].rows, s.parts[0].scaffolds), (1, Some(1)));
    }

    #[test]
    fn leaks_are_counted() {
        let parts: [(&str, &[usize]); 2] = [("a", &[0, 1, 1]), ("b", &[1, 2, 3])];
        let s = SplitStatistics::new(5, &parts, &[], 0, Some(&[0, 1, 0, 2, 3])).unwrap();
        assert_eq!((s.unused, s.repeated, s.overlaps[0].rows), (1, 1, 1));
        assert_eq!(s.overlaps[0].scaffolds, Some(2));
        assert_eq!(s.overlaps[0].rows_of_second_with_scaffold_of_first, Some(2));
        assert!(!s.is_partition() && !s.separates_scaffolds());
    }

    #[test]
    fn faulty_input_is_named() {
        let error = SplitStatistics::new(2, &[("a", &[2])], &[], 0, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "part 'a' names row 2, but there are 2 rows"
        );
        assert!(SplitStatistics::new(2, &[], &[0.0], 1, None).is_err());
        let none = SplitStatistics::new(1, &[("a", &[0])], &[], 0, None).unwrap();
        assert!(!none.separates_scaffolds());
    }
}
