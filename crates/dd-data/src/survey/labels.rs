//! Which columns hold labels.

use super::Survey;
use super::cell::{is_missing, number, yes_or_no};
use crate::error::Result;

/// Least share of a column's cells that must be numbers for it to be one of numbers.
const LEAST_SHARE: f64 = 0.9;
/// Mean step of an index from which rows were taken, at most.
const GAPS: f64 = 1.25;
/// Last words of names of identifiers.
const IDENTIFIERS: [&str; 12] = [
    "id", "ids", "idx", "index", "cid", "sid", "cas", "casrn", "inchikey", "key", "row", "unnamed",
];

/// What the cells of a label column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// Numbers.
    Numbers,
    /// 0 and 1, as numbers.
    ZeroOne,
    /// 0 and 1, some or all of them in words (`true`, `no`, `active`, ...).
    Words,
}

/// A column of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: LabelKind,
    /// Cells with a label.
    pub known: usize,
    /// Cells without one.
    pub missing: usize,
    /// Cells that are neither: their rows cannot be used.
    pub broken: usize,
}

/// The columns of labels, and why others are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSurvey {
    /// The columns, in the order of the table, or as asked.
    pub columns: Vec<LabelColumn>,
    /// Names of the others, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// A column that is one of labels, or the reason why not.
type Finding = std::result::Result<LabelColumn, String>;

impl Survey {
    /// The columns of labels: those `asked` for, or, when none is, every column of numbers (or of words for 0 and 1) that is
    /// neither an identifier nor constant.
    ///
    /// A column asked for that holds no labels is among those left out, with the reason.
    ///
    /// # Errors
    /// When a column asked for is not there.
    pub fn label_columns(&self, asked: &[String], smiles_column: &str) -> Result<LabelSurvey> {
        let places: Vec<usize> = if asked.is_empty() {
            let others = 0..self.columns().len();
            others
                .filter(|&at| self.columns()[at] != smiles_column)
                .collect()
        } else {
            let places = asked.iter().map(|name| self.column(name));
            places.collect::<Result<_>>()?
        };
        let mut survey = LabelSurvey::default();
        for place in places {
            let name = &self.columns()[place];
            let finding = if self.column(name).is_ok() {
                self.values(place)
            } else {
                Err("another column has the same name".into())
            };
            let finding = finding.and_then(|column| {
                let reason = asked.is_empty().then(|| self.identifier(place)).flatten();
                reason.map_or(Ok(column), Err)
            });
            match finding {
                Ok(column) => survey.columns.push(column),
                Err(reason) => survey.left_out.push((name.clone(), reason)),
            }
        }
        Ok(survey)
    }

    /// A column by its cells alone.
    fn values(&self, place: usize) -> Finding {
        let (mut numbers, mut words) = (Vec::new(), Vec::new());
        let (mut missing, mut broken) = (0, 0);
        let mut example = "";
        for text in self.cells(place) {
            if is_missing(text) {
                missing += 1;
            } else if let Some(value) = number(text) {
                numbers.push(value);
            } else if let Some(value) = yes_or_no(text) {
                words.push(value);
                example = text;
            } else {
                broken += 1;
                example = text;
            }
        }
        let zero_one = numbers.iter().all(|value| *value == 0.0 || *value == 1.0);
        let kind = match (zero_one, words.is_empty()) {
            (true, true) => LabelKind::ZeroOne,
            (true, false) => LabelKind::Words,
            (false, _) => LabelKind::Numbers,
        };
        if kind == LabelKind::Numbers {
            // Words for 0 and 1 mean nothing among other numbers.
            broken += words.len();
        } else {
            numbers.append(&mut words);
        }
        let known = numbers.len();
        if known == 0 && broken == 0 {
            return Err("empty".into());
        }
        if (known as f64) < LEAST_SHARE * (known + broken) as f64 {
            let shown: String = example.chars().take(30).collect();
            return Err(format!(
                "no numbers in {broken} of {} cells, such as {shown:?}",
                known + broken
            ));
        }
        if numbers.iter().all(|value| *value == numbers[0]) {
            return Err(format!("constant: every label is {}", numbers[0]));
        }
        Ok(LabelColumn {
            name: self.columns()[place].clone(),
            kind,
            known,
            missing,
            broken,
        })
    }

    /// Why a column of numbers looks like an identifier, when it does: its name, or whole numbers that count the rows.
    fn identifier(&self, place: usize) -> Option<String> {
        let name = self.columns()[place].to_lowercase();
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        let last = words.rfind(|word| !word.is_empty() && word.parse::<u64>().is_err());
        let is_identifier = |word: &str| IDENTIFIERS.contains(&word);
        if last.is_none_or(is_identifier) {
            return Some("an identifier by its name".into());
        }
        let numbers: Vec<f64> = self.cells(place).filter_map(number).collect();
        counts_rows(&numbers).then(|| "an index: its numbers count the rows".into())
    }
}

/// Names from a list that was cut at its commas: pieces that together are the name of a column are one name.
pub fn joined_names(pieces: &[String], columns: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let ends = (at + 1..=pieces.len()).rev();
        let mut joined = ends.map(|end| (pieces[at..end].join(","), end));
        let found = joined.find(|(name, _)| columns.contains(name));
        let (name, end) = found.unwrap_or_else(|| (pieces[at].clone(), at + 1));
        names.push(name);
        at = end;
    }
    names
}

/// Whole numbers that rise with the rows, by one but for a few that were taken out.
fn counts_rows(numbers: &[f64]) -> bool {
    let [first, .., last] = numbers else {
        return false;
    };
    let rises = numbers.windows(2).all(|pair| pair[1] > pair[0]);
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    rises && whole && numbers.len() > 2 && last - first <= GAPS * (numbers.len() - 1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::survey;
    use super::*;

    const TABLE: &str = "smiles,mol_id,n,y,active,word,flat,note,mixed\n\
                         C,7,1,0.5,yes,true,3,a b,1\n\
                         CC,9,2,NA,no,1,3,c d,2\n\
                         CCC,4,3,2.5,yes,FALSE,3,,yes\n\
                         CCCC,2,4,,No,0,3,x y,4\n";

    #[test]
    fn numbers_and_words_are_labels_and_identifiers_are_none() {
        let found = survey(TABLE).label_columns(&[], "smiles").unwrap();
        let names: Vec<(&str, LabelKind)> = found
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.kind))
            .collect();
        let expected = [
            ("y", LabelKind::Numbers),
            ("active", LabelKind::Words),
            ("word", LabelKind::Words),
        ];
        assert_eq!(names, expected);
        assert_eq!((found.columns[0].known, found.columns[0].missing), (2, 2));
        let reason = |name: &str| {
            let found = found.left_out.iter().find(|(column, _)| column == name);
            found.unwrap().1.clone()
        };
        assert!(reason("mol_id").contains("name"));
        assert!(reason("n").contains("count"));
        assert!(reason("flat").contains("every label is 3"));
        assert!(reason("note").contains("no numbers"));
        assert!(reason("mixed").contains("1 of 4"));
        // A word is no other label than the same number again.
        let text = "smiles,y\n".to_string() + &"CC,5\n".repeat(30) + "CC,no\n";
        let found = survey(&text).label_columns(&[], "smiles").unwrap();
        assert_eq!(found.left_out[0].1, "constant: every label is 5");
    }

    #[test]
    fn a_name_may_hold_commas() {
        let columns = ["a", "b,c", "d"].map(String::from);
        for (list, names) in [
            ("a,b,c,d", vec!["a", "b,c", "d"]),
            ("b,c", vec!["b,c"]),
            ("c,b", vec!["c", "b"]),
        ] {
            let pieces: Vec<String> = list.split(',').map(String::from).collect();
            assert_eq!(joined_names(&pieces, &columns), names);
        }
    }

    #[test]
    fn names_are_words_of_any_language() {
        let table = "smiles,溶解度,Löslichkeit,2020\nC,5,1,3\nCC,2,7,1\nCCC,3,2,2\n";
        let found = survey(table).label_columns(&[], "smiles").unwrap();
        let names: Vec<&str> = found.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["溶解度", "Löslichkeit"]);
    }

    #[test]
    fn an_index_may_have_gaps() {
        assert!(counts_rows(&[7.0, 8.0, 9.0, 10.0, 12.0]));
        assert!(!counts_rows(&[7.0, 8.0, 9.0, 30.0]));
        assert!(!counts_rows(&[1.0, 2.5, 3.0]) && !counts_rows(&[3.0, 2.0, 4.0]));
    }

    #[test]
    fn what_is_asked_for_is_taken_at_its_word() {
        let asked = ["n".to_string(), "flat".to_string()];
        let found = survey(TABLE).label_columns(&asked, "smiles").unwrap();
        assert_eq!(found.columns[0].name, "n");
        assert_eq!(found.left_out[0].0, "flat");
        assert!(
            survey(TABLE)
                .label_columns(&["z".into()], "smiles")
                .is_err()
        );
    }

    #[test]
    fn columns_of_one_name_are_no_targets() {
        let table = "smiles,y,z,y\nC,1,5,10\nCC,2,6,20\nCCC,3,8,30\n";
        let found = survey(table).label_columns(&[], "smiles").unwrap();
        let names: Vec<&str> = found.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["z"]);
        assert_eq!(found.left_out.len(), 2);
        assert!(found.left_out[0].1.contains("same name"));
        let asked = survey(table).label_columns(&["y".into()], "smiles");
        let message = asked.unwrap_err().to_string();
        assert!(
            message.contains("columns 2 and 4 are both called \"y\""),
            "{message}"
        );
    }

    #[test]
    fn labels_are_read_as_surveyed() {
        use crate::record::Dataset;
        let survey = survey(TABLE);
        let found = survey.label_columns(&[], "smiles").unwrap();
        let dataset = survey.dataset("smiles", &found.columns).unwrap();
        let targets = dataset.get(0).unwrap().targets;
        assert_eq!(targets, [0.5, 1.0, 1.0]);
        let targets = dataset.get(3).unwrap().targets;
        assert!(targets[0].is_nan() && targets[1..] == [0.0, 0.0]);
    }
}
