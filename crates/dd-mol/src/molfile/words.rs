//! The lines of V3000 tables: continued lines joined, and split into words.

use std::ops::Range;

use super::error::{MolfileError, MolfileErrorKind};
use super::fixed;
use super::lines::{Line, Lines, excerpt};

const PREFIX: &str = "M  V30 ";

/// Working memory for one line at a time.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// A continued line, joined.
    joined: String,
    words: Vec<Range<usize>>,
}

/// One logical line and its words.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) line: Line<'a>,
    words: &'a [Range<usize>],
}

impl Rows {
    /// The next line with its continuations; `expected` names it in the error at the end.
    pub(super) fn next<'a, 't: 'a>(
        &'a mut self,
        lines: &mut Lines<'t>,
        expected: &'static str,
    ) -> Result<Row<'a>, MolfileError> {
        let line = lines.expect(expected)?;
        let mut part = prefixed(&line)?;
        if !part.ends_with('-') {
            return Ok(self.split(line));
        }
        self.joined.clear();
        self.joined.push_str(PREFIX);
        while let Some(head) = part.strip_suffix('-') {
            self.joined.push_str(head);
            part = prefixed(&lines.expect(expected)?)?;
        }
        self.joined.push_str(part);
        let text = self.joined.as_str();
        split(text, PREFIX.len(), &mut self.words);
        let number = line.number;
        Ok(Row {
            line: Line { number, text },
            words: &self.words,
        })
    }

    /// A line as it stands.
    pub(super) fn split<'a>(&'a mut self, line: Line<'a>) -> Row<'a> {
        self.split_from(line, PREFIX.len())
    }

    /// The words of a line from a column on.
    pub(super) fn split_from<'a>(&'a mut self, line: Line<'a>, column: usize) -> Row<'a> {
        split(line.text, column, &mut self.words);
        Row {
            line,
            words: &self.words,
        }
    }
}

/// The text of a line after the prefix of all V3000 lines.
fn prefixed<'a>(line: &Line<'a>) -> Result<&'a str, MolfileError> {
    line.text.strip_prefix(PREFIX).ok_or_else(|| {
        let found = line.shown();
        let expected = "a line that begins with `M  V30`";
        line.fault(MolfileErrorKind::Unexpected { expected, found })
    })
}

/// Splits what stands from a column on at blanks outside of quotes and parentheses.
fn split(text: &str, column: usize, words: &mut Vec<Range<usize>>) {
    words.clear();
    let (mut start, mut quoted, mut depth) = (None, false, 0_u32);
    for (at, &byte) in text.as_bytes().iter().enumerate().skip(column) {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if matches!(byte, b' ' | b'\t') && !quoted && depth == 0 {
            if let Some(start) = start.take() {
                words.push(start..at);
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    if let Some(start) = start {
        words.push(start..text.len());
    }
}

impl<'a> Row<'a> {
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// A word, empty beyond the last.
    pub(super) fn text(&self, word: usize) -> &'a str {
        let columns = self.words.get(word).cloned().unwrap_or_default();
        &self.line.text[columns]
    }

    /// The columns of a word; those of the whole line beyond the last.
    pub(super) fn columns(&self, word: usize) -> Range<usize> {
        let columns = self.words.get(word).cloned();
        columns.unwrap_or(0..self.line.text.len())
    }

    pub(super) fn error(&self, kind: MolfileErrorKind, word: usize) -> MolfileError {
        self.line.error(kind, self.columns(word))
    }

    pub(super) fn starts_with(&self, keyword: &str) -> bool {
        let head = self.line.text[PREFIX.len()..].get(..keyword.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn require(&self, keyword: &'static str) -> Result<(), MolfileError> {
        if self.starts_with(keyword) {
            return Ok(());
        }
        Err(self.line.fault(MolfileErrorKind::Unexpected {
            expected: keyword,
            found: self.line.shown(),
        }))
    }

    pub(super) fn at_least(&self, needed: usize, what: &'static str) -> Result<(), MolfileError> {
        let found = self.words.len();
        if found >= needed {
            return Ok(());
        }
        Err(self.line.fault(MolfileErrorKind::ShortLine {
            what,
            found,
            needed,
        }))
    }

    /// A word as a whole number.
    pub(super) fn number(&self, word: usize, what: &'static str) -> Result<i64, MolfileError> {
        self.whole(self.text(word), self.columns(word), what)
    }

    /// A word as a number of things.
    pub(super) fn count(&self, word: usize, what: &'static str) -> Result<usize, MolfileError> {
        let value = self.number(word, what)?;
        usize::try_from(value).map_err(|_| {
            let range = "0 upwards".to_owned();
            self.error(MolfileErrorKind::Range { what, value, range }, word)
        })
    }

    /// A word as a coordinate.
    pub(super) fn decimal(&self, word: usize) -> Result<f64, MolfileError> {
        self.real(self.text(word), self.columns(word))
    }

    /// Key and value of a word `KEY=VALUE`.
    pub(super) fn assignment(&self, word: usize) -> Result<(&'a str, &'a str), MolfileError> {
        let text = self.text(word);
        let split = text.split_once('=');
        split
            .filter(|(_, value)| !value.contains('='))
            .ok_or_else(|| {
                let (expected, found) = ("KEY=VALUE", excerpt(text));
                self.error(MolfileErrorKind::Unexpected { expected, found }, word)
            })
    }

    /// The value of a word `KEY=VALUE` as a whole number.
    pub(super) fn value_number(
        &self,
        word: usize,
        what: &'static str,
    ) -> Result<i64, MolfileError> {
        let (key, value) = self.assignment(word)?;
        let columns = self.columns(word);
        self.whole(value, columns.start + key.len() + 1..columns.end, what)
    }

    /// The value of a word `KEY=VALUE` as a number.
    pub(super) fn value_decimal(&self, word: usize) -> Result<f64, MolfileError> {
        let (key, value) = self.assignment(word)?;
        let columns = self.columns(word);
        self.real(value, columns.start + key.len() + 1..columns.end)
    }

    fn whole(
        &self,
        text: &str,
        columns: Range<usize>,
        what: &'static str,
    ) -> Result<i64, MolfileError> {
        let value = fixed::integer(text.as_bytes()).filter(|_| !text.is_empty());
        value.ok_or_else(|| {
            let found = excerpt(text);
            self.line
                .error(MolfileErrorKind::Number { what, found }, columns)
        })
    }

    fn real(&self, text: &str, columns: Range<usize>) -> Result<f64, MolfileError> {
        let value = fixed::decimal(text.as_bytes()).filter(|_| !text.is_empty());
        let slow = || text.parse().ok().filter(|value: &f64| value.is_finite());
        value.or_else(slow).ok_or_else(|| {
            let (what, found) = ("a coordinate", excerpt(text));
            self.line
                .error(MolfileErrorKind::Number { what, found }, columns)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_parentheses_and_quotes_together() {
        let mut rows = Rows::default();
        let mut lines = Lines::new("M  V30 1 C  0 RGRO-\nM  V30 UPS=(1 2) \"a b\" é 1.5e1");
        let row = rows.next(&mut lines, "a line").expect("two lines");
        let words: Vec<&str> = (0..row.len()).map(|word| row.text(word)).collect();
        assert_eq!(
            words,
            ["1", "C", "0", "RGROUPS=(1 2)", "\"a b\"", "é", "1.5e1"]
        );
        assert_eq!(row.assignment(3), Ok(("RGROUPS", "(1 2)")));
        assert_eq!((row.number(0, "a"), row.decimal(6)), (Ok(1), Ok(15.0)));
        assert!(row.number(1, "a").is_err() && row.decimal(7).is_err());
    }
}
