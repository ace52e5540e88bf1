//! Lines with bounded memory.

use std::io::{self, BufRead};

/// Longest line (and longest record of several lines) that is kept, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 4 << 20;

/// One line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The bytes, cut at [`MAX_LINE_BYTES`].
    pub(crate) bytes: Vec<u8>,
    /// Full length in bytes.
    pub(crate) length: usize,
}

impl Line {
    /// True when the line was longer than what is kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.length > self.bytes.len()
    }
}

/// The next line; `None` at the end of the input.
pub(crate) fn next_line(reader: &mut dyn BufRead) -> io::Result<Option<Line>> {
    let mut line = Line {
        bytes: Vec::new(),
        length: 0,
    };
    let mut read_any = false;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            break;
        }
        read_any = true;
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = MAX_LINE_BYTES.saturating_sub(line.bytes.len());
        line.bytes.extend_from_slice(&part[..part.len().min(room)]);
        line.length += part.len();
        let consumed = part.len() + usize::from(end.is_some());
        reader.consume(consumed);
        if end.is_some() {
            break;
        }
    }
    if line.bytes.last() == Some(&b'\r') && !line.is_cut() {
        line.bytes.pop();
        line.length -= 1;
    }
    Ok(read_any.then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_a_line_feed() {
        let mut reader = &b"a\r\n\nlast"[..];
        let mut next = || {
            next_line(&mut reader)
                .expect("memory")
                .map(|line| line.bytes)
        };
        assert_eq!(next().as_deref(), Some(&b"a"[..]));
        assert_eq!(next().as_deref(), Some(&b""[..]));
        assert_eq!(next().as_deref(), Some(&b"last"[..]));
        assert_eq!(next(), None);
    }

    #[test]
    fn long_lines_are_cut_and_their_length_is_known() {
        let text = vec![b'C'; MAX_LINE_BYTES + 7];
        let line = next_line(&mut text.as_slice())
            .expect("memory")
            .expect("a line");
        assert_eq!(
            (line.bytes.len(), line.length),
            (MAX_LINE_BYTES, MAX_LINE_BYTES + 7)
        );
        assert!(line.is_cut());
    }
}
