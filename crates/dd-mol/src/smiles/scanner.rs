//! A cursor over the bytes of a SMILES.

use std::ops::Range;

use super::error::{SmilesError, SmilesErrorKind};

/// Reads bytes and makes errors that point at them.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    /// The text up to the end of the SMILES.
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Scanner<'a> {
    /// A cursor over the part `range` of `text`; spans count from the start of `text`.
    pub(super) fn new(text: &'a str, range: Range<usize>) -> Self {
        Self {
            text,
            bytes: &text.as_bytes()[..range.end],
            position: range.start,
        }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next byte, or 0 at the end (a NUL in the text is no token either).
    pub(super) fn peek(&self) -> u8 {
        self.peek_at(0)
    }

    /// The byte `ahead` bytes further, or 0 beyond the end.
    pub(super) fn peek_at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    pub(super) fn at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Goes back to a position.
    pub(super) fn rewind(&mut self, position: usize) {
        self.position = position;
    }

    /// Takes `byte` if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = !self.at_end() && self.peek() == byte;
        self.position += usize::from(found);
        found
    }

    /// One decimal digit.
    pub(super) fn digit(&mut self) -> Option<u32> {
        let byte = self.peek();
        byte.is_ascii_digit().then(|| {
            self.position += 1;
            u32::from(byte - b'0')
        })
    }

    /// A number without leading zeros; `None` when no digit follows.
    pub(super) fn number(&mut self, field: &'static str) -> Result<Option<u32>, SmilesError> {
        let start = self.position;
        let Some(mut value) = self.digit() else {
            return Ok(None);
        };
        if value == 0 {
            return Ok(Some(0));
        }
        while let Some(digit) = self.digit() {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit))
                .filter(|v| *v < i32::MAX as u32)
                .ok_or_else(|| self.out_of_range(field, start))?;
        }
        Ok(Some(value))
    }

    /// The error for the number that began at `start`.
    pub(super) fn out_of_range(&self, field: &'static str, start: usize) -> SmilesError {
        let mut end = self.position;
        while end < self.bytes.len() && self.bytes[end].is_ascii_digit() {
            end += 1;
        }
        let shown = &self.text[start..end.min(start + 20)];
        self.error(
            SmilesErrorKind::OutOfRange {
                field,
                found: shown.to_owned(),
            },
            start..end,
        )
    }

    /// The error for whatever comes next.
    pub(super) fn unexpected(&self) -> SmilesError {
        let (found, width) = match self.text[self.position..self.bytes.len()].chars().next() {
            None => ("end of input".to_owned(), 0),
            Some(c) if c.is_control() => {
                (format!("character U+{:04X}", u32::from(c)), c.len_utf8())
            }
            Some(c) => (format!("character '{c}'"), c.len_utf8()),
        };
        self.error(
            SmilesErrorKind::Unexpected { found },
            self.position..self.position + width,
        )
    }

    pub(super) fn error(&self, kind: SmilesErrorKind, span: Range<usize>) -> SmilesError {
        SmilesError::new(kind, span, self.text)
    }
}
