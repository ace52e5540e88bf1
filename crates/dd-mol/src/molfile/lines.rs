//! The lines of a mol block and the fixed columns of its fields.

use std::ops::Range;

use super::error::{MolfileError, MolfileErrorKind};

/// Walks over the lines of a block; line ends may be `\n` or `\r\n`.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    rest: Option<&'a str>,
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
            rest: Some(text),
            number: 0,
        }
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
        let rest = self.rest.filter(|rest| !rest.is_empty())?;
        let (line, rest) = match rest.split_once('\n') {
            Some((line, rest)) => (line, Some(rest)),
            None => (rest, None),
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
    /// The text of some columns, cut at the end of the line; `None` inside a character.
    fn slice(&self, columns: Range<usize>) -> Option<&'a str> {
        let length = self.text.len();
        self.text
            .get(columns.start.min(length)..columns.end.min(length))
    }

    /// The trimmed text of some columns.
    pub(crate) fn field(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<&'a str, MolfileError> {
        let text = self.slice(columns.clone());
        text.map(str::trim)
            .ok_or_else(|| self.number_error(what, columns))
    }

    /// The whole number in some columns; blank or missing columns are 0.
    pub(crate) fn integer(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<i64, MolfileError> {
        match self.field(what, columns.clone())? {
            "" => Ok(0),
            text => text.parse().map_err(|_| self.number_error(what, columns)),
        }
    }

    /// The fixed-point number in some columns; blank columns are 0.
    pub(crate) fn decimal(
        &self,
        what: &'static str,
        columns: Range<usize>,
    ) -> Result<f64, MolfileError> {
        let text = self.field(what, columns.clone())?;
        if text.is_empty() {
            return Ok(0.0);
        }
        // No exponents, and above all no "nan" or "inf".
        let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
        let number = text.parse().ok().filter(|_| text.bytes().all(plain));
        number.ok_or_else(|| self.number_error(what, columns))
    }

    fn number_error(&self, what: &'static str, columns: Range<usize>) -> MolfileError {
        let bytes = self.text.as_bytes();
        let found = &bytes[columns.start.min(bytes.len())..columns.end.min(bytes.len())];
        let found = String::from_utf8_lossy(found).into_owned();
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
