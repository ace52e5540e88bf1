//! Lines from any buffered reader with bounded memory.

use std::borrow::Cow;
use std::io::{self, BufRead};

/// Reads lines and counts them.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> LineReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// Number of the line read last, 1-based.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Appends the next line with its end to `into`, but no more than `limit` bytes of
    /// it. Returns the full length, 0 at the end of the input.
    pub(crate) fn read(&mut self, into: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let mut length = 0;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', chunk);
            let part = end.map_or(chunk.len(), |end| end + 1);
            let room = limit.saturating_sub(length).min(part);
            into.extend_from_slice(&chunk[..room]);
            self.reader.consume(part);
            length += part;
            if end.is_some() || part == 0 {
                self.number += usize::from(length > 0);
                return Ok(length);
            }
        }
    }
}

/// The bytes without the mark by which some programs say that a text is UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Text in UTF-8, or else each byte as the character of the same number (Latin-1), which
/// is what old files hold.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// As [`text_of`], as a string of its own.
pub(crate) fn decoded(bytes: &[u8]) -> String {
    text_of(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_but_counted() {
        let mut reader = LineReader::new(&b"abcdef\nx"[..]);
        let mut text = Vec::new();
        assert_eq!(reader.read(&mut text, 3).ok(), Some(7));
        assert_eq!(text, b"abc");
        text.clear();
        assert_eq!(reader.read(&mut text, 3).ok(), Some(1));
        assert_eq!((text.as_slice(), reader.number()), (&b"x"[..], 2));
        assert_eq!(reader.read(&mut text, 3).ok(), Some(0));
        assert_eq!(reader.number(), 2);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin_1() {
        assert_eq!(decoded("é".as_bytes()), "é");
        assert_eq!(decoded(&[0xE9]), "é");
    }
}
