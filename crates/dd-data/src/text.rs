//! Text from any program: marks of byte order, the line ends of old machines, and files that are no text at all.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use crate::error::{DataError, Result};

/// How much of the beginning is looked at, if no line ends before.
const HEAD: usize = 1 << 16;
/// The mark by which some programs say that a text is UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How other files begin, and what they are.
const OTHERS: [(&[u8], &str); 5] = [
    (
        b"\x1F\x8B",
        "this is compressed with gzip, but its name does not end in .gz",
    ),
    (
        b"PK\x03\x04",
        "this is an Excel workbook or another zip archive: save the table as .csv or .tsv",
    ),
    (
        b"\xD0\xCF\x11\xE0",
        "this is an Excel workbook: save the table as .csv or .tsv",
    ),
    (b"\xFF\xFE", "this is UTF-16 text: save it as UTF-8"),
    (b"\xFE\xFF", "this is UTF-16 text: save it as UTF-8"),
];

/// The text behind a mark of byte order. Where lines end with carriage returns alone they end with line feeds.
///
/// # Errors
/// When the input cannot be read, or is no text.
pub(crate) fn text(
    mut reader: Box<dyn BufRead + Send>,
    path: &Path,
) -> Result<Box<dyn BufRead + Send>> {
    let mut head = head(&mut *reader).map_err(|error| DataError::file(path, error))?;
    if let Some((_, what)) = OTHERS.iter().find(|(begin, _)| head.starts_with(begin)) {
        return Err(DataError::NotText {
            path: path.to_path_buf(),
            what,
        });
    }
    if head.starts_with(MARK) {
        head.drain(..MARK.len());
    }
    let within = &head[..head.len().min(HEAD)];
    let returns_only = within.contains(&b'\r') && !within.contains(&b'\n');
    let all = Cursor::new(head).chain(reader);
    Ok(if returns_only {
        Box::new(BufReader::new(LineFeeds {
            reader: all,
            after_return: false,
        }))
    } else {
        Box::new(all)
    })
}

/// The first line, or as much of it as is looked at, and what arrived with it.
fn head(reader: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let length = chunk.len();
        let ends = length == 0 || chunk.contains(&b'\n');
        head.extend_from_slice(chunk);
        reader.consume(length);
        if ends || head.len() >= HEAD {
            return Ok(head);
        }
    }
}

/// Carriage returns as line feeds, each with the line feed that may follow it.
struct LineFeeds<R> {
    reader: R,
    after_return: bool,
}

impl<R: BufRead> Read for LineFeeds<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let chunk = self.reader.fill_buf()?;
            let (mut used, mut written) = (0, 0);
            while used < chunk.len() && written < bytes.len() {
                let byte = chunk[used];
                used += 1;
                let second = byte == b'\n' && self.after_return;
                self.after_return = byte == b'\r';
                if !second {
                    bytes[written] = if byte == b'\r' { b'\n' } else { byte };
                    written += 1;
                }
            }
            self.reader.consume(used);
            if written > 0 || used == 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], block: usize) -> Result<Vec<u8>> {
        let reader = BufReader::with_capacity(block, Cursor::new(bytes.to_vec()));
        let mut all = Vec::new();
        let mut reader = text(Box::new(reader), Path::new("t.csv"))?;
        reader.read_to_end(&mut all).expect("memory");
        Ok(all)
    }

    #[test]
    fn marks_and_carriage_returns() {
        let cases: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"\xEF\xBB\xBFa\nb", b"a\nb"),
            (b"\xEF\xBB\xBFa\rb\r", b"a\nb\n"),
            (b"a\rb\r\rc", b"a\nb\n\nc"),
            (b"a\r\nb\rc\n", b"a\r\nb\rc\n"),
            (b"a\r\r\nb\r\r\n", b"a\r\r\nb\r\r\n"),
            (b"\r", b"\n"),
            (b"a\xEF\xBB\xBF", b"a\xEF\xBB\xBF"),
        ];
        for (bytes, expected) in cases {
            for block in 1..8 {
                assert_eq!(read(bytes, block).expect("text"), expected, "{bytes:?}");
            }
        }
        // A line feed later on belongs to its carriage return.
        let mut long = b"a\r".repeat(HEAD);
        long.extend(b"\nb\r\n");
        let mut expected = b"a\n".repeat(HEAD);
        expected.extend(b"b\n");
        for block in [1, 1000, 1 << 20] {
            assert_eq!(read(&long, block).expect("text"), expected);
        }
    }

    #[test]
    fn what_is_no_text_is_named() {
        for (begin, what) in OTHERS {
            let error = read(&[begin, b"and more\n"].concat(), 1).expect_err("no text");
            assert_eq!(error.to_string(), format!("t.csv: {what}"));
        }
    }
}
