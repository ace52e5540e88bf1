//! Delimited tables with a header line (RFC 4180), read row by row in bounded memory.
//!
//! A broken row is an answer about that row; reading goes on with the next line. Where a quotation mark is never closed,
//! the fault is of the line that opens it, and the lines behind it are read as rows of their own.

mod fields;
pub(crate) mod lines;

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result, RowFault};
use crate::source::{self, Format};
use crate::text::text;
use fields::{Record, Unclosed};
use lines::{Line, MAX_LINE_BYTES, next_line};

/// A quoted field may run over this many lines.
const MAX_RECORD_LINES: usize = 1000;

/// One data row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// 0-based number of the data row.
    pub row: u64,
    /// The fields in the order of the columns, or why there are none.
    pub fields: std::result::Result<Vec<String>, RowFault>,
}

/// Reads a delimited table.
pub struct TableReader {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
    delimiter: u8,
    columns: Vec<String>,
    pending: VecDeque<Line>,
    next_row: u64,
    failed: bool,
}

impl TableReader {
    /// Opens a `.csv` or `.tsv` file, also `.gz`.
    ///
    /// # Errors
    /// When it cannot be read, its name is that of another format, or it has no header line.
    pub fn open(path: &Path) -> Result<Self> {
        let format = Format::of(path)?;
        if !matches!(format, Format::Csv | Format::Tsv) {
            return Err(DataError::NotText {
                path: path.to_path_buf(),
                what: "a table is wanted here, .csv or .tsv, also .gz",
            });
        }
        Self::new(source::open(path)?, path, format.delimiter())
    }

    /// Reads the header line. `path` is used in messages only.
    ///
    /// # Errors
    /// When the input cannot be read, has no header line, or one that never ends.
    pub fn new(reader: Box<dyn BufRead + Send>, path: &Path, delimiter: u8) -> Result<Self> {
        let mut reader = text(reader, path)?;
        let columns = header(&mut *reader, path, delimiter)?;
        Ok(Self {
            reader,
            path: path.to_path_buf(),
            delimiter,
            columns,
            pending: VecDeque::new(),
            next_row: 0,
            failed: false,
        })
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Position of a column.
    ///
    /// # Errors
    /// [`DataError::MissingColumn`], which lists the columns that there are; [`DataError::RepeatedColumn`].
    pub fn column(&self, name: &str) -> Result<usize> {
        place_of(name, &self.columns, &self.path)
    }

    /// The next line and whether it came from the input (and not from a record that was given up).
    fn line(&mut self) -> Result<Option<Line>> {
        if let Some(line) = self.pending.pop_front() {
            return Ok(Some(line));
        }
        next_line(&mut *self.reader).map_err(|error| DataError::file(&self.path, error))
    }

    fn row(&mut self) -> Result<Option<TableRow>> {
        let Some(first) = self.line()? else {
            return Ok(None);
        };
        let row = self.next_row;
        self.next_row += 1;
        let fields = self.fields(first)?;
        Ok(Some(TableRow { row, fields }))
    }

    fn fields(&mut self, first: Line) -> Result<std::result::Result<Vec<String>, RowFault>> {
        if first.is_cut() {
            return Ok(Err(too_long(first.length)));
        }
        let mut record = Record::new(text_of(first));
        // Tabs between nothing are empty cells, as commas are.
        let is_blank = |c: char| c.is_whitespace() && c != char::from(self.delimiter);
        if record.text().trim_matches(is_blank).is_empty() {
            return Ok(Err(RowFault::new("empty", "the line is empty")));
        }
        let mut taken: VecDeque<Line> = VecDeque::new();
        while let Err(mark) = record.split(self.delimiter) {
            if !(mark.may_close && self.read_on(&mut record, &mut taken)?) {
                // Give the later lines back: each is a row of its own.
                taken.append(&mut self.pending);
                self.pending = taken;
                let fault = RowFault::new("quote", "a quotation mark is never closed");
                return Ok(Err(fault.at(mark.at..mark.at + 1)));
            }
        }
        let (expected, fields) = (self.columns.len(), record.into_fields());
        if fields.len() == expected {
            return Ok(Ok(fields));
        }
        let message = format!("expected {expected} columns, got {}", fields.len());
        Ok(Err(RowFault::new("columns", message)))
    }

    /// Adds lines up to one in which the open mark can be closed; false when there is none. What was read is in `taken`.
    fn read_on(&mut self, record: &mut Record, taken: &mut VecDeque<Line>) -> Result<bool> {
        while taken.len() < MAX_RECORD_LINES && record.text().len() < MAX_LINE_BYTES {
            let Some(line) = self.line()? else {
                return Ok(false);
            };
            taken.push_back(line.clone());
            if line.is_cut() {
                return Ok(false);
            }
            if record.push(&text_of(line)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Iterator for TableReader {
    type Item = Result<TableRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.row().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

/// The names in the header line, which goes on where quotation marks hold line breaks.
fn header(reader: &mut dyn BufRead, path: &Path, delimiter: u8) -> Result<Vec<String>> {
    let broken = |reason: String| DataError::Header {
        path: path.to_path_buf(),
        reason,
    };
    let mut line = || -> Result<Option<String>> {
        match next_line(reader).map_err(|error| DataError::file(path, error))? {
            Some(line) if line.is_cut() => Err(broken(too_long(line.length).message)),
            line => Ok(line.map(text_of)),
        }
    };
    let first = line()?.unwrap_or_default();
    if first.trim().is_empty() {
        return Err(match line()? {
            Some(_) => broken("it is empty, and lines follow".into()),
            None => DataError::NoHeader {
                path: path.to_path_buf(),
            },
        });
    }
    let (mut record, mut lines) = (Record::new(first), 1);
    while let Err(Unclosed { at, may_close }) = record.split(delimiter) {
        let mut goes_on = false;
        while may_close
            && !goes_on
            && lines < MAX_RECORD_LINES
            && record.text().len() < MAX_LINE_BYTES
        {
            let Some(line) = line()? else {
                break;
            };
            goes_on = record.push(&line);
            lines += 1;
        }
        if !goes_on {
            let place = record.text()[..at].chars().count() + 1;
            return Err(broken(format!(
                "the quotation mark at character {place} is never closed"
            )));
        }
    }
    Ok(record.into_fields())
}

/// The only place of a name among the columns of a table.
pub(crate) fn place_of(name: &str, columns: &[String], path: &Path) -> Result<usize> {
    let mut places = (0..columns.len()).filter(|&place| columns[place] == name);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(first), Some(second)) => Err(DataError::RepeatedColumn {
            path: path.to_path_buf(),
            column: name.to_string(),
            places: [first, second],
        }),
        (None, _) => Err(DataError::MissingColumn {
            path: path.to_path_buf(),
            column: name.to_string(),
            available: columns.to_vec(),
        }),
    }
}

/// The line as text: UTF-8, or else Latin-1, in which every byte is a character.
pub(crate) fn text_of(line: Line) -> String {
    String::from_utf8(line.bytes)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
}

pub(crate) fn too_long(length: usize) -> RowFault {
    RowFault::new(
        "line-too-long",
        format!("the line has {length} bytes, more than the limit of {MAX_LINE_BYTES}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        text: &'static str,
    ) -> (
        Vec<String>,
        Vec<std::result::Result<Vec<String>, &'static str>>,
    ) {
        let reader = TableReader::new(Box::new(text.as_bytes()), Path::new("t.csv"), b',');
        let reader = reader.expect("a header");
        let columns = reader.columns().to_vec();
        let rows = reader
            .map(|row| row.expect("memory").fields.map_err(|fault| fault.kind))
            .collect();
        (columns, rows)
    }

    fn texts(fields: &[&str]) -> Vec<String> {
        fields.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn quotes_may_hold_commas_marks_and_line_breaks() {
        let (columns, rows) = read("\u{feff}a,\"b,c\"\r\n\"x\"\"y\",\"1\n2\"\nz,\n");
        assert_eq!(columns, ["a", "b,c"]);
        assert_eq!(rows, [Ok(texts(&["x\"y", "1\n2"])), Ok(texts(&["z", ""]))]);
    }

    #[test]
    fn a_header_may_run_over_lines_and_says_when_it_does_not_end() {
        let (columns, rows) = read("smiles,\"y\n(mg/L)\"\nC,1\n");
        assert_eq!(columns, ["smiles", "y\n(mg/L)"]);
        assert_eq!(rows, [Ok(texts(&["C", "1"]))]);
        let open = "smiles,\"y\nC,1\n".as_bytes();
        let Err(error) = TableReader::new(Box::new(open), Path::new("t.csv"), b',') else {
            panic!("a header without end");
        };
        assert_eq!(
            error.to_string(),
            "t.csv: header line: the quotation mark at character 8 is never closed"
        );
    }

    #[test]
    fn empty_cells_between_tabs_are_a_row_as_between_commas() {
        for (text, delimiter) in [("a\tb\n\t\n \n", b'\t'), ("a,b\n,\n \n", b',')] {
            let reader = TableReader::new(Box::new(text.as_bytes()), Path::new("t"), delimiter);
            let rows = reader
                .expect("a header")
                .map(|row| row.expect("memory").fields);
            let rows: Vec<_> = rows.map(|row| row.map_err(|fault| fault.kind)).collect();
            assert_eq!(rows, [Ok(texts(&["", ""])), Err("empty")]);
        }
    }

    #[test]
    fn broken_rows_do_not_take_others_along() {
        let (_, rows) = read("a,b\n1\n\n\"open,1\n2,3\n4,5,6\n7,8");
        assert_eq!(
            rows,
            [
                Err("columns"),
                Err("empty"),
                Err("quote"),
                Ok(texts(&["2", "3"])),
                Err("columns"),
                Ok(texts(&["7", "8"]))
            ]
        );
    }

    #[test]
    fn a_missing_column_lists_those_that_there_are() {
        let reader = TableReader::new(Box::new(&b"smiles,y\n"[..]), Path::new("t.csv"), b',');
        let error = reader.expect("a header").column("SMILES").unwrap_err();
        assert_eq!(
            error.to_string(),
            "t.csv: no column \"SMILES\"; there are smiles, y"
        );
        assert!(TableReader::new(Box::new(&b""[..]), Path::new("t.csv"), b',').is_err());
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_latin_1() {
        let bytes = &b"caf\xe9,b\nC\xff,\"x\n\xb5\"\n"[..];
        let reader = TableReader::new(Box::new(bytes), Path::new("t.csv"), b',');
        let mut reader = reader.expect("a header");
        assert_eq!(reader.columns(), ["caf\u{e9}", "b"]);
        let row = reader.next().expect("a row").expect("memory");
        assert_eq!(row.fields, Ok(texts(&["C\u{ff}", "x\n\u{b5}"])));
    }
}
