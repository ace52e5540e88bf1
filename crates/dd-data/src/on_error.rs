//! What happens to rows that have no answer, and the account of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// How many skipped rows are named one by one.
const NAMED: usize = 10;

/// What a broken row does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// It ends the run.
    Stop,
    /// It is left out and counted.
    Skip,
    /// It is left out, counted, and named among the first ten.
    Report,
}

/// The rows that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkipReport {
    by_kind: BTreeMap<&'static str, u64>,
    first: Vec<String>,
}

impl SkipReport {
    /// Number of rows left out.
    pub fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }

    /// Number of rows left out, by kind of fault.
    pub fn by_kind(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_kind
    }

    /// The first ten, with their reasons.
    pub fn first(&self) -> &[String] {
        &self.first
    }

    /// Counts a row, and names it when it is among the first ten.
    pub fn count(&mut self, kind: &'static str, reason: impl FnOnce() -> String) {
        *self.by_kind.entry(kind).or_default() += 1;
        if self.first.len() < NAMED {
            self.first.push(reason());
        }
    }

    /// Takes in the rows of another report, behind its own.
    pub fn merge(&mut self, other: Self) {
        for (kind, count) in other.by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
        self.first.extend(other.first);
        self.first.truncate(NAMED);
    }

    /// Accounts for an error: the error itself when it is to stop the run.
    ///
    /// # Errors
    /// The error, when the policy is [`OnError::Stop`] or the error is of the file and not of one row.
    pub fn account(&mut self, error: DataError, policy: OnError) -> Result<(), DataError> {
        if policy == OnError::Stop || !matches!(error, DataError::Row { .. }) {
            return Err(error);
        }
        self.count(error.kind(), || {
            if policy == OnError::Report {
                tracing::warn!("left out: {error}");
            }
            error.to_string()
        });
        Ok(())
    }

    /// Tells the totals, when any row was left out.
    pub fn log(&self) {
        if self.total() > 0 {
            let kinds = self
                .by_kind
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            tracing::warn!("{} rows left out: {kinds}", self.total());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_rows_are_named_however_many_reports_come_together() {
        let mut all = SkipReport::default();
        for part in 0..3 {
            let mut report = SkipReport::default();
            for row in 0..7 {
                report.count("odd", || format!("row {row} of part {part}"));
            }
            all.merge(report);
        }
        assert_eq!((all.total(), all.by_kind()["odd"]), (21, 21));
        assert_eq!(
            (all.first().len(), &*all.first()[9]),
            (10, "row 2 of part 1")
        );
    }
}
