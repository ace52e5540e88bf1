//! XYZ files: frames of element symbols and positions, without bonds.
//!
//! A frame is a line with the number of atoms, a comment line, and one line per atom:
//! symbol (or atomic number) and three coordinates in angstrom; further columns are
//! ignored. Frames follow each other; blank lines between them are skipped.

use std::fmt::{self, Write as _};
use std::io::{self, BufRead};

use crate::builder::{AtomSpec, MoleculeBuilder};
use crate::element::{Element, MAX_ATOMIC_NUMBER};
use crate::error::{Caret, PerceptionError};
use crate::molecule::{Conformer, Molecule};
use crate::perceive::Sanitize;
use crate::stream::{LineReader, decoded, without_mark};

/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// One geometry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct XyzFrame {
    /// The second line of the frame.
    pub comment: String,
    /// Atomic numbers.
    pub atomic_numbers: Vec<u8>,
    /// `[x, y, z]` per atom, in angstrom.
    pub positions: Vec<[f64; 3]>,
}

/// A frame that cannot be read. Where a line of an atom is at fault, reading goes on with the next frame; otherwise it stops
/// there, for without the right number of lines the next frame cannot be found.
#[derive(Debug)]
pub struct XyzError {
    /// 0-based number of the frame.
    pub frame: usize,
    /// Its second line; empty when it has not been read.
    pub comment: String,
    /// 1-based line of the file.
    pub line: usize,
    /// What is wrong.
    pub kind: XyzErrorKind,
    caret: Option<Caret>,
}

/// The faults of a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XyzErrorKind {
    /// The first line of a frame is not a number.
    #[error("expected the number of atoms; no further frame can be found")]
    Count,
    /// The text ends within a frame.
    #[error("the text ends after {found} of {expected} atoms")]
    Truncated {
        /// Atoms read.
        found: usize,
        /// Atoms promised.
        expected: usize,
    },
    /// A symbol or number that is no element.
    #[error("unknown element {symbol:?}")]
    UnknownElement {
        /// The symbol.
        symbol: String,
    },
    /// Fewer than three coordinates, or one that is not a finite number.
    #[error("expected three finite coordinates after the symbol")]
    Coordinates,
    /// A line longer than any frame has.
    #[error("the line has {found} bytes, more than the limit of {limit}")]
    LineTooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The input cannot be read.
    #[error("the input cannot be read")]
    Io(#[from] io::Error),
}

impl fmt::Display for XyzError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}, line {}: {}", self.frame, self.line, self.kind)?;
        match &self.caret {
            Some(caret) => write!(f, "\n{caret}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for XyzError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// Reads the frames of an XYZ file one after another.
///
/// ```
/// use dd_mol::xyz::XyzReader;
/// let text = "2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n";
/// let frames: Result<Vec<_>, _> = XyzReader::new(text.as_bytes()).collect();
/// let frames = frames?;
/// assert_eq!(frames[0].atomic_numbers, [1, 1]);
/// assert_eq!(frames[0].positions[1], [0.0, 0.0, 0.74]);
/// # Ok::<(), dd_mol::xyz::XyzError>(())
/// ```
#[derive(Debug)]
pub struct XyzReader<R> {
    lines: LineReader<R>,
    frame: usize,
    comment: String,
    finished: bool,
}

impl<R: BufRead> XyzReader<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self {
            lines: LineReader::new(reader),
            frame: 0,
            comment: String::new(),
            finished: false,
        }
    }

    /// The next line without its end; `None` at the end of the input.
    fn line(&mut self) -> Result<Option<String>, XyzError> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE_BYTES;
        match self.lines.read(&mut bytes, limit) {
            Ok(0) => Ok(None),
            Ok(found) if found > limit => {
                Err(self.error(XyzErrorKind::LineTooLong { found, limit }, None))
            }
            Ok(_) => {
                let bytes = match self.lines.number() {
                    1 => without_mark(&bytes),
                    _ => &bytes,
                };
                Ok(Some(decoded(bytes).trim_end().to_owned()))
            }
            Err(error) => Err(self.error(error.into(), None)),
        }
    }

    fn error(&self, kind: XyzErrorKind, text: Option<&str>) -> XyzError {
        XyzError {
            frame: self.frame,
            comment: self.comment.clone(),
            line: self.lines.number().max(1),
            kind,
            caret: text.map(|text| Caret::new(text, 0..text.len().min(80))),
        }
    }

    fn read(&mut self) -> Result<Option<XyzFrame>, XyzError> {
        let count = loop {
            match self.line()? {
                None => return Ok(None),
                Some(text) if text.trim().is_empty() => {}
                Some(text) => break text,
            }
        };
        let expected: usize = count
            .trim()
            .parse()
            .map_err(|_| self.error(XyzErrorKind::Count, Some(&count)))?;
        self.comment = self.line()?.unwrap_or_default();
        let mut frame = XyzFrame {
            comment: self.comment.clone(),
            ..XyzFrame::default()
        };
        let mut fault = None;
        for found in 0..expected {
            let Some(text) = self.line()? else {
                let kind = XyzErrorKind::Truncated { found, expected };
                return Err(self.error(kind, None));
            };
            if fault.is_some() {
                continue;
            }
            match atom(&text) {
                Ok((element, position)) => {
                    frame.atomic_numbers.push(element);
                    frame.positions.push(position);
                }
                Err(kind) => fault = Some(self.error(kind, Some(&text))),
            }
        }
        match fault {
            Some(fault) => Err(fault),
            None => Ok(Some(frame)),
        }
    }
}

/// Element and position in the line of an atom.
fn atom(text: &str) -> Result<(u8, [f64; 3]), XyzErrorKind> {
    let mut words = text.split_whitespace();
    let symbol = words.next().unwrap_or_default();
    let element = element_of(symbol).ok_or_else(|| XyzErrorKind::UnknownElement {
        symbol: symbol.chars().take(40).collect(),
    })?;
    let mut position = [0.0; 3];
    for axis in &mut position {
        let value = words.next().and_then(|word| word.parse::<f64>().ok());
        *axis = value
            .filter(|value| value.is_finite())
            .ok_or(XyzErrorKind::Coordinates)?;
    }
    Ok((element, position))
}

impl XyzErrorKind {
    /// Whether the next frame can be found all the same.
    fn is_of_an_atom(&self) -> bool {
        matches!(self, Self::UnknownElement { .. } | Self::Coordinates)
    }
}

impl<R: BufRead> Iterator for XyzReader<R> {
    type Item = Result<XyzFrame, XyzError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        self.comment.clear();
        let result = self.read().transpose();
        self.finished = match &result {
            Some(Ok(_)) => false,
            Some(Err(error)) => !error.kind.is_of_an_atom(),
            None => true,
        };
        self.frame += 1;
        result
    }
}

/// A symbol in any case, or an atomic number.
fn element_of(symbol: &str) -> Option<u8> {
    if let Ok(number) = symbol.parse::<u8>() {
        return (1..=MAX_ATOMIC_NUMBER).contains(&number).then_some(number);
    }
    let mut normal = symbol.to_ascii_lowercase();
    normal.get_mut(..1)?.make_ascii_uppercase();
    Element::number(&normal)
}

impl XyzFrame {
    /// The frame as a molecule of unbound atoms, named by the comment.
    ///
    /// # Errors
    /// [`PerceptionError`] when there are too many atoms or as many positions are missing.
    pub fn to_molecule(&self) -> Result<Molecule, PerceptionError> {
        let mut builder = MoleculeBuilder::with_capacity(self.atomic_numbers.len(), 0);
        for &atomic_number in &self.atomic_numbers {
            builder.add_atom(AtomSpec {
                no_implicit: true,
                ..AtomSpec::new(atomic_number)
            });
        }
        builder.add_conformer(Conformer {
            positions: self.positions.clone(),
            is_3d: true,
        });
        builder.set_name(self.comment.trim());
        builder.finish(&Sanitize::KEEP_HYDROGENS)
    }

    /// The atoms and one conformer of a molecule; `None` when it has no such conformer.
    pub fn from_molecule(molecule: &Molecule, conformer: usize) -> Option<Self> {
        let conformer = molecule.conformers().get(conformer)?;
        Some(Self {
            comment: molecule.name().replace(['\n', '\r'], " "),
            atomic_numbers: molecule.atoms().map(|atom| atom.atomic_number).collect(),
            positions: conformer.positions.clone(),
        })
    }
}

impl fmt::Display for XyzFrame {
    /// The frame in XYZ format, with enough digits to be read back exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.atomic_numbers.len())?;
        writeln!(f, "{}", self.comment.lines().next().unwrap_or_default())?;
        let mut line = String::new();
        for (&element, [x, y, z]) in self.atomic_numbers.iter().zip(&self.positions) {
            line.clear();
            write!(line, "{:<2}", Element::of(element).symbol)?;
            for value in [x, y, z] {
                write!(line, " {value:>14?}")?;
            }
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
