//! The lines of a mol block and the fixed columns of its fields.

use std::ops::Range;

use super::error::{MolfileError, MolfileErrorKind};
use super::fixed;

/// Walks over the lines of a block; line ends may be `\n` or `\r\n`.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

/// One line with its 1-based number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            number: 0,
        }
    }

    /// Length of the text that was not read yet.
    pub(super) fn bytes_left(&self) -> usize {
        self.rest.len()
    }

    /// The next line; `expected` names it in the error at the end of the text.
    pub(crate) fn expect(&mut self, expected: &'static str) -> Result<Line<'a>, MolfileError> {
        self.next().ok_or_else(|| {
            MolfileError::in_block(MolfileErrorKind::Truncated { expected }, self.number + 1)
        })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, ""),
        };
        self.rest = rest;
        self.number += 1;
        Some(Line {
            number: self.number,
            text: line.strip_suffix('\r').unwrap_or(line),
        })
    }
}

impl<'a> Line<'a> {
    /// Some columns, cut at the end of the line.
    pub(super) fn bytes(&self, columns: Range<usize>) -> &'a [u8] {
        let bytes = self.text.as_bytes();
        let end = columns.end.min(bytes.len());
        &bytes[columns.start.min(end)..end]
    }

    /// The trimmed text of some columns.
    pub(crate) fn field(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<&'a str, MolfileError> {
        let text = std::str::from_utf8(fixed::trimmed(self.bytes(columns.clone())));
        text.map_err(|_| self.number_error(what, columns))
    }

    /// The whole number in some columns; blank or missing columns are 0.
    pub(crate) fn integer(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<i64, MolfileError> {
        fixed::integer(self.bytes(columns.clone())).ok_or_else(|| self.number_error(what, columns))
    }

    /// The fixed-point number in some columns; blank columns are 0.
    pub(crate) fn decimal(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<f64, MolfileError> {
        fixed::decimal(self.bytes(columns.clone())).ok_or_else(|| self.number_error(what, columns))
    }

    fn number_error(&self, what: &'static str, columns: Range<usize>) -> MolfileError {
        let found = String::from_utf8_lossy(self.bytes(columns.clone())).into_owned();
        self.error(MolfileErrorKind::Number { what, found }, columns)
    }

    /// A fault of some columns of this line.
    pub(crate) fn error(&self, kind: MolfileErrorKind, columns: Range<usize>) -> MolfileError {
        MolfileError::at(kind, self.number, columns, self.text)
    }

    /// A fault of the whole line.
    pub(crate) fn fault(&self, kind: MolfileErrorKind) -> MolfileError {
        self.error(kind, 0..self.text.len())
    }

    /// The line with long text cut, for messages.
    pub(crate) fn shown(&self) -> String {
        excerpt(self.text)
    }
}

/// The beginning of a text that may be long, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_carriage_return() {
        let lines: Vec<&str> = Lines::new("a\r\n\nb").map(|line| line.text).collect();
        assert_eq!(lines, ["a", "", "b"]);
        assert_eq!(Lines::new("a\n").count(), 1);
    }

    #[test]
    fn fields_are_columns() {
        let line = Line {
            number: 1,
            text: "  12 -3    1.5   nané",
        };
        assert_eq!(line.integer("a", 0..4), Ok(12));
        assert_eq!(line.integer("a", 4..7), Ok(-3));
        assert_eq!(line.integer("a", 40..43), Ok(0));
        assert_eq!(line.decimal("x", 7..14), Ok(1.5));
        assert!(line.decimal("x", 14..20).is_err());
        assert!(line.integer("a", 20..21).is_err());
        assert!(line.integer("a", 2..7).is_err());
    }
}
