//! Which column holds the molecules.

use dd_mol::smiles;

use super::Survey;
use super::cell::number;
use crate::error::{DataError, Result};

/// Names of such columns, letters and digits in lower case, the likeliest first.
const NAMES: [&str; 11] = [
    "smiles",
    "canonicalsmiles",
    "isomericsmiles",
    "cansmiles",
    "smi",
    "smile",
    "smilesstring",
    "mol",
    "molecule",
    "structure",
    "compound",
];
/// Cells that are tried as SMILES.
const TRIED: usize = 200;
/// Least share of the tried cells that must be molecules.
const LEAST_SHARE: f64 = 0.5;

/// The column with the molecules, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmilesColumn {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The column whose name says that it holds SMILES, the likeliest name first.
pub(crate) fn named_smiles(columns: &[String]) -> Option<usize> {
    by_name(columns).next()
}

fn by_name(columns: &[String]) -> impl Iterator<Item = usize> + '_ {
    NAMES.iter().flat_map(move |name| {
        let is_named = move |(_, column): &(usize, &String)| plain(column) == *name;
        columns
            .iter()
            .enumerate()
            .filter(is_named)
            .map(|(at, _)| at)
    })
}

fn plain(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

impl Survey {
    /// The column with the molecules: the one `asked` for; or one whose name says so and whose cells are molecules; or the
    /// one with the most cells that are.
    ///
    /// # Errors
    /// When the column asked for is not there, or no column holds molecules.
    pub fn smiles_column(&self, asked: Option<&str>) -> Result<SmilesColumn> {
        let column = |place: usize, reason: String| SmilesColumn {
            name: self.columns()[place].clone(),
            reason,
        };
        if let Some(name) = asked {
            return Ok(column(self.column(name)?, "as asked".into()));
        }
        let none = || DataError::NoSmiles {
            path: self.path().to_path_buf(),
            available: self.columns().to_vec(),
        };
        if self.num_rows() == 0 {
            return Err(DataError::Header {
                path: self.path().to_path_buf(),
                reason: "there are no rows behind it".into(),
            });
        }
        if let [one] = self.columns()
            && one.contains('\t')
        {
            return Err(none());
        }
        let named = by_name(self.columns());
        let mut named = named.filter(|&place| self.share(place).is_some_and(|s| s >= LEAST_SHARE));
        if let Some(place) = named.next() {
            return Ok(column(place, "by its name".into()));
        }
        let shares = (0..self.columns().len()).filter_map(|at| Some((at, self.share(at)?)));
        let best = shares.reduce(|best, other| if other.1 > best.1 { other } else { best });
        match best {
            Some((place, share)) if share >= LEAST_SHARE => {
                let percent = (100.0 * share).round();
                let reason = format!("{percent} % of its first {TRIED} cells are SMILES");
                Ok(column(place, reason))
            }
            _ => Err(none()),
        }
    }

    /// Share of a column's first cells that are molecules; none for a column of nothing.
    fn share(&self, column: usize) -> Option<f64> {
        let cells = self.cells(column).filter(|text| !text.is_empty());
        let (mut tried, mut good) = (0, 0);
        for text in cells.take(TRIED) {
            tried += 1;
            let is_molecule = || smiles::parse(text).is_ok_and(|m| m.num_atoms() > 0);
            good += usize::from(number(text).is_none() && is_molecule());
        }
        (tried > 0).then(|| f64::from(good as u32) / f64::from(tried))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::survey;

    #[test]
    fn names_come_first_and_cells_decide() {
        let check = |text: &str, expected: &str| {
            let found = survey(text).smiles_column(None).map(|found| found.name);
            assert_eq!(found.ok().as_deref(), Some(expected), "{text}");
        };
        check("id,Canonical_SMILES,y\na,CCO,1\n", "Canonical_SMILES");
        check("mol,SMILES\nm1,CCO\n", "SMILES");
        check("mol,y\nCCO,1\n", "mol");
        check("Molecule,what\nMol 17,CCO\nMol 18,CCN\n", "what");
        check("name,y,drug\nfoo,1,c1ccccc1\nbar,2,CC\n", "drug");
    }

    #[test]
    fn a_table_without_molecules_says_so() {
        let error = survey("a,b\nx9,1\nz9,2\n").smiles_column(None).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("a, b") && message.contains("--smiles-column"),
            "{message}"
        );
        assert!(survey("a\nCC\n").smiles_column(Some("b")).is_err());
    }
}
