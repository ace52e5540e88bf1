//! What pairing an archive with a table found.

use std::collections::BTreeMap;
use std::fmt;

use super::matching::Agreement;

/// Rows named in full for each class; the others are counted.
const NAMED: usize = 10;

/// How many molecules were matched, and how well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairReport {
    /// Number of molecules of each class.
    pub matched: BTreeMap<Agreement, u64>,
    /// The first ten rows of each class but the best.
    pub rows: BTreeMap<Agreement, Vec<u64>>,
    /// Rows of the table after the last record of the archive.
    pub surplus_rows: u64,
}

impl PairReport {
    pub(super) fn count(&mut self, row: u64, agreement: Agreement) {
        *self.matched.entry(agreement).or_default() += 1;
        if agreement != Agreement::Full {
            let rows = self.rows.entry(agreement).or_default();
            if rows.len() < NAMED {
                rows.push(row);
            }
        }
    }

    /// Number of molecules matched.
    pub fn total(&self) -> u64 {
        self.matched.values().sum()
    }
}

impl fmt::Display for PairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} geometries matched", self.total())?;
        for class in Agreement::ALL {
            let count = self.matched.get(&class).copied().unwrap_or_default();
            if class == Agreement::Full || count == 0 {
                continue;
            }
            let rows = self.rows.get(&class).into_iter().flatten();
            let rows: Vec<String> = rows.map(u64::to_string).collect();
            let more = if count as usize > rows.len() {
                ", ..."
            } else {
                ""
            };
            write!(
                f,
                "; {count} in {} only (rows {}{more})",
                class.name(),
                rows.join(", ")
            )?;
        }
        match self.surplus_rows {
            0 => Ok(()),
            rows => write!(f, "; {rows} rows of the table after the last geometry"),
        }
    }
}
