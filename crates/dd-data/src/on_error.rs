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
    /// Number of rows left out, by kind of fault.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// The first ten, with their reasons.
    pub first: Vec<String>,
}

impl SkipReport {
    /// Number of rows left out.
    pub fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }

    /// Accounts for an error: the error itself when it is to stop the run.
    ///
    /// # Errors
    /// The error, when the policy is [`OnError::Stop`] or the error is of the file and not of one row.
    pub fn account(&mut self, error: DataError, policy: OnError) -> Result<(), DataError> {
        if policy == OnError::Stop || !matches!(error, DataError::Row { .. }) {
            return Err(error);
        }
        *self.by_kind.entry(error.kind()).or_default() += 1;
        if self.first.len() < NAMED {
            if policy == OnError::Report {
                tracing::warn!("left out: {error}");
            }
            self.first.push(error.to_string());
        }
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
