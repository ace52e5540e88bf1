//! SD files: a stream of mol blocks with data fields.
//!
//! [`SdfReader`] yields one result per record and keeps no more than one record in
//! memory. A broken record is an error that names the record, its title, line and
//! column; reading goes on with the next record. Source: BIOVIA, "CTfile Formats" (2020).

use std::fmt;
use std::io::{self, BufRead};

use crate::molecule::Molecule;
use crate::molfile::{self, Lines, MolfileError, MolfileOptions, Version, WriteError};
use crate::record::RecordReader;
use crate::stream::{decoded, text_of, without_mark};

/// Largest record that is read unless [`SdfReader::with_max_record_bytes`] says otherwise.
const MAX_RECORD_BYTES: usize = 64 << 20;
/// Room is made for so many data fields at first.
const USUAL_FIELDS: usize = 16;

/// A record of an SD file that cannot be read.
#[derive(Debug)]
pub struct SdfError {
    /// 0-based number of the record in the file.
    pub record: usize,
    /// Title line of the record, empty when there is none.
    pub title: String,
    /// 1-based line of the file at which the record begins.
    pub first_line: usize,
    /// What is wrong.
    pub kind: SdfErrorKind,
}

/// The faults of a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SdfErrorKind {
    /// The mol block or the data fields cannot be read; lines count from the record's first.
    #[error(transparent)]
    Molfile(#[from] MolfileError),
    /// The record is larger than the limit.
    #[error("the record has {found} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Size of the record.
        found: usize,
        /// The limit in force.
        limit: usize,
    },
    /// A second mol block in one record.
    #[error("a second mol block follows the first; a line \"$$$$\" is missing between them")]
    Delimiter,
    /// The input cannot be read any further; no records follow.
    #[error("the input cannot be read")]
    Io(#[from] io::Error),
}

impl SdfErrorKind {
    /// A short stable name of the kind of fault, for machine-readable reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Molfile(error) => error.kind.name(),
            Self::TooLarge { .. } => "record-too-large",
            Self::Delimiter => "delimiter",
            Self::Io(_) => "io",
        }
    }
}

impl fmt::Display for SdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}", self.record)?;
        if !self.title.is_empty() {
            write!(f, " {:?}", self.title)?;
        }
        write!(f, " (from line {}): {}", self.first_line, self.kind)
    }
}

impl std::error::Error for SdfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// Reads the records of an SD file one after another.
///
/// ```
/// use dd_mol::{molfile::MolfileOptions, sdf::SdfReader};
/// let text = "water\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    \
///      0.0000    0.0000    0.0000 O   0  0\nM  END\n> <id>\n7\n\n$$$$\nbroken\n$$$$\n";
/// let mut records = SdfReader::new(text.as_bytes(), MolfileOptions::KEEP_HYDROGENS);
/// let water = records.next().expect("two records")?;
/// assert_eq!(water.properties(), [("id".to_owned(), "7".to_owned())]);
/// assert!(records.next().is_some_and(|broken| broken.is_err()));
/// assert!(records.next().is_none());
/// # Ok::<(), dd_mol::sdf::SdfError>(())
/// ```
#[derive(Debug)]
pub struct SdfReader<R> {
    records: RecordReader<R>,
    options: MolfileOptions,
    max_record_bytes: usize,
    record: usize,
    finished: bool,
}

impl<R: BufRead> SdfReader<R> {
    /// Reads from `reader`; SD files may end with or without a delimiter.
    pub fn new(reader: R, options: MolfileOptions) -> Self {
        Self {
            records: RecordReader::new(reader),
            options,
            max_record_bytes: MAX_RECORD_BYTES,
            record: 0,
            finished: false,
        }
    }

    /// Refuses records with more bytes; the default is 64 MiB.
    #[must_use]
    pub fn with_max_record_bytes(mut self, limit: usize) -> Self {
        self.max_record_bytes = limit;
        self
    }

    /// The next record as text, without reading it as a molecule; `None` at the end.
    ///
    /// # Errors
    /// As those of the iterator, except for faults of the mol block.
    pub fn next_text(&mut self) -> Option<Result<String, SdfError>> {
        Some(self.read()?.map(|()| decoded(self.text())))
    }

    /// Reads the bytes of the next record; `None` at the end.
    fn read(&mut self) -> Option<Result<(), SdfError>> {
        if self.finished {
            return None;
        }
        let first_line = self.records.lines() + 1;
        let limit = self.max_record_bytes;
        let found = match self.records.read(limit) {
            Ok(found) => found,
            Err(error) => {
                self.finished = true;
                return Some(Err(self.error(first_line, error.into())));
            }
        };
        self.finished = !found.delimited;
        if found.bytes > limit {
            let found = found.bytes;
            let kind = SdfErrorKind::TooLarge { found, limit };
            return Some(Err(self.error(first_line, kind)));
        }
        if self.finished && self.text().trim_ascii().is_empty() {
            return None;
        }
        Some(Ok(()))
    }

    /// The bytes of the record read last.
    fn text(&self) -> &[u8] {
        without_mark(self.records.text())
    }

    /// 0-based number of the record that comes next.
    pub fn next_record(&self) -> usize {
        self.record
    }

    fn error(&self, first_line: usize, kind: SdfErrorKind) -> SdfError {
        let title = self.text();
        let title = title
            .split(|&byte| byte == b'\n')
            .next()
            .unwrap_or_default();
        let title = decoded(&title[..title.len().min(80)]);
        SdfError {
            record: self.record,
            title: title.trim().to_owned(),
            first_line,
            kind,
        }
    }
}

impl<R: BufRead> Iterator for SdfReader<R> {
    type Item = Result<Molecule, SdfError>;

    fn next(&mut self) -> Option<Self::Item> {
        let first_line = self.records.lines() + 1;
        let result = self.read()?.and_then(|()| {
            let text = text_of(self.text());
            let molecule = molfile::parse_record(&text, &self.options, data_fields)
                .map_err(|error| self.error(first_line, error.into()))?;
            if molecule.properties().first().is_some_and(holds_mol_block) {
                return Err(self.error(first_line, SdfErrorKind::Delimiter));
            }
            Ok(molecule)
        });
        self.record += 1;
        Some(result)
    }
}

/// The data fields after a mol block.
///
/// A value ends at an empty line. Text after it that begins no new field belongs to the
/// value, blank line included, and text before the first field to one without a name, so
/// that nothing is lost.
fn data_fields(lines: &mut Lines<'_>) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    // Empty lines since the last text of the value.
    let mut blanks = 0;
    let mut in_value = false;
    for line in lines {
        if line.text.is_empty() {
            blanks += 1;
            in_value = false;
            continue;
        }
        // Within a value a line may begin with any character.
        if let (false, Some(header)) = (in_value, line.text.strip_prefix('>')) {
            if fields.is_empty() {
                fields.reserve(USUAL_FIELDS);
            }
            fields.push((label(header).to_owned(), String::new()));
            (in_value, blanks) = (true, 0);
            continue;
        }
        if fields.is_empty() {
            if line.text.trim().is_empty() {
                continue;
            }
            // Text before the first header belongs to no field.
            fields.push((String::new(), String::new()));
        }
        let Some((_, value)) = fields.last_mut() else {
            continue;
        };
        if value.is_empty() && blanks == 0 {
            line.text.clone_into(value);
            continue;
        }
        let breaks = blanks + usize::from(!value.is_empty());
        value.extend(std::iter::repeat_n('\n', breaks));
        value.push_str(line.text);
        blanks = 0;
    }
    fields
}

/// Whether text before the first field is another mol block.
fn holds_mol_block((name, text): &(String, String)) -> bool {
    name.is_empty() && text.lines().any(|line| line.trim_end() == "M  END")
}

/// The name in a header, without the `>` that it begins with.
fn label(header: &str) -> &str {
    let bytes = header.as_bytes();
    let start = memchr::memchr(b'<', bytes).map(|at| at + 1);
    let ends = start.and_then(|start| {
        let end = memchr::memrchr(b'>', &bytes[start..])?;
        Some(start..start + end)
    });
    // A header without a name identifies its field by number ("DT12").
    ends.map_or(header.trim(), |ends| &header[ends])
}

/// Writes one record: mol block, data fields, delimiter.
///
/// # Errors
/// As [`molfile::write`]; a data field that would not be read back as it is.
pub fn write(molecule: &Molecule) -> Result<String, WriteError> {
    record(molecule, molfile::write(molecule)?)
}

/// As [`write()`], with the connection table in the form asked for.
///
/// # Errors
/// As [`write()`] and [`molfile::write_as`].
pub fn write_as(molecule: &Molecule, version: Version) -> Result<String, WriteError> {
    record(molecule, molfile::write_as(molecule, version)?)
}

fn record(molecule: &Molecule, mut text: String) -> Result<String, WriteError> {
    let begin = text.len();
    for (name, value) in molecule.properties() {
        text.extend([">  <", name, ">\n", value, "\n\n"]);
    }
    let read = data_fields(&mut Lines::new(&text[begin..]));
    let fields = molecule.properties();
    let differs = |at: &usize| read.get(*at) != fields.get(*at);
    let broken = (0..fields.len().max(read.len())).find(differs);
    let delimiter =
        |(_, value): &&(String, String)| value.lines().any(|line| line.starts_with("$$$$"));
    let broken = broken.and_then(|at| fields.get(at).or(fields.last()));
    if let Some((name, _)) = broken.or_else(|| fields.iter().find(delimiter)) {
        return Err(WriteError::Property { name: name.clone() });
    }
    text.push_str("$$$$\n");
    Ok(text)
}
