//! The records of an SD file as bytes: everything up to a line that begins with `$$$$`.

use std::io::{self, BufRead};

use memchr::memmem::Finder;

/// The line between records begins with this; the end of the line before it belongs to it.
const DELIMITER: &[u8] = b"\n$$$$";
/// So many bytes of two blocks can hold a delimiter that neither holds.
const SEAM: usize = DELIMITER.len() - 1;

/// Cuts a stream into records; holds one record at a time.
#[derive(Debug)]
pub(crate) struct RecordReader<R> {
    reader: R,
    finder: Finder<'static>,
    lines: usize,
    text: Vec<u8>,
}

/// What was found of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its size; more than the limit when the text is cut.
    pub(crate) bytes: usize,
    /// A delimiter ended it, not the end of the input.
    pub(crate) delimited: bool,
}

/// The last bytes of what was read.
#[derive(Debug)]
struct Tail {
    bytes: [u8; SEAM],
    length: usize,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(SEAM)..];
        let old = self.length.min(SEAM - new.len());
        self.bytes.copy_within(self.length - old..self.length, 0);
        self.bytes[old..old + new.len()].copy_from_slice(new);
        self.length = old + new.len();
    }
}

impl<R: BufRead> RecordReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            finder: Finder::new(DELIMITER),
            lines: 0,
            text: Vec::new(),
        }
    }

    /// Lines before the next record.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// The record read last, no more than `limit` bytes of it.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Reads the next record.
    pub(crate) fn read(&mut self, limit: usize) -> io::Result<Found> {
        self.text.clear();
        let mut bytes = 0;
        // A record begins as a line does: the delimiter may stand at once.
        let mut tail = Tail {
            bytes: [b'\n', 0, 0, 0],
            length: 1,
        };
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                self.lines += usize::from(tail.bytes[tail.length - 1] != b'\n');
                let delimited = false;
                return Ok(Found { bytes, delimited });
            }
            let end = end_in_seam(&tail, chunk).or_else(|| {
                let at = self.finder.find(chunk)?;
                Some(End {
                    own: at + 1,
                    used: at + DELIMITER.len(),
                    begun: 0,
                })
            });
            let all = chunk.len();
            let (own, used) = end.map_or((all, all), |end| (end.own, end.used));
            let room = limit.saturating_sub(self.text.len()).min(own);
            self.text.extend_from_slice(&chunk[..room]);
            bytes += own;
            self.lines += memchr::memchr_iter(b'\n', &chunk[..own]).count();
            tail.push(&chunk[..own]);
            self.reader.consume(used);
            if let Some(end) = end {
                bytes -= end.begun;
                self.text.truncate(bytes);
                self.skip_line()?;
                let delimited = true;
                return Ok(Found { bytes, delimited });
            }
        }
    }

    /// Passes over the rest of the delimiter's line.
    fn skip_line(&mut self) -> io::Result<()> {
        self.lines += 1;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', chunk);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }
}

/// Where a block ends a record.
#[derive(Debug, Clone, Copy)]
struct End {
    /// So many bytes of the block belong to the record.
    own: usize,
    /// So many bytes are the record's or the delimiter's.
    used: usize,
    /// So many bytes before the block were taken for the record's but are the delimiter's.
    begun: usize,
}

/// A delimiter that begins in the tail and ends in the chunk.
fn end_in_seam(tail: &Tail, chunk: &[u8]) -> Option<End> {
    let head = &chunk[..chunk.len().min(SEAM)];
    let mut seam = [0; 2 * SEAM];
    seam[..tail.length].copy_from_slice(&tail.bytes[..tail.length]);
    seam[tail.length..tail.length + head.len()].copy_from_slice(head);
    let seam = &seam[..tail.length + head.len()];
    let at = seam.windows(DELIMITER.len()).position(|w| w == DELIMITER)?;
    let begun = tail.length.checked_sub(at + 1)?;
    Some(End {
        own: 0,
        used: SEAM - begun,
        begun,
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn records(text: &str, block: usize, limit: usize) -> Vec<(String, usize, usize)> {
        let mut reader = RecordReader::new(BufReader::with_capacity(block, text.as_bytes()));
        let mut records = Vec::new();
        loop {
            let line = reader.lines();
            let found = reader.read(limit).expect("text can be read");
            let text = String::from_utf8_lossy(reader.text()).into_owned();
            if found.delimited || found.bytes > 0 {
                records.push((text, found.bytes, line));
            }
            if !found.delimited {
                return records;
            }
        }
    }

    #[test]
    fn records_do_not_depend_on_the_blocks() {
        let text = "a\nb\n$$$$ x\n$$$$\n$$$\nc$$$$\n$$$$\n\n$$$$$\nlast";
        let expected = [
            ("a\nb\n", 0),
            ("", 3),
            ("$$$\nc$$$$\n", 4),
            ("\n", 7),
            ("last", 9),
        ];
        let expected = expected.map(|(text, line)| (text.to_owned(), text.len(), line));
        for block in 1..60 {
            assert_eq!(records(text, block, 100), expected, "{block}");
        }
    }

    #[test]
    fn what_is_too_large_is_cut_but_measured() {
        let text = format!("{}\n$$$$\nb\n", "a".repeat(1000));
        for block in [1, 7, 64, 2000] {
            let found = records(&text, block, 10);
            let cut = ("a".repeat(10), 1001, 0);
            assert_eq!(found, [cut, ("b\n".to_owned(), 2, 2)], "{block}");
        }
    }
}
