//! What can be wrong with a connection table, with line and columns.

use std::fmt;
use std::ops::Range;

use crate::error::{Caret, PerceptionError};

/// A mol block that cannot be read.
///
/// Displayed with the line, a caret under the columns at fault, and the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct MolfileError {
    /// What is wrong.
    pub kind: MolfileErrorKind,
    /// 1-based line within the mol block (the title is line 1).
    pub line: usize,
    /// 0-based byte columns at fault; empty when the whole line is meant.
    pub columns: Range<usize>,
    caret: Option<Box<Caret>>,
}

/// The faults of a mol block.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MolfileErrorKind {
    /// The text ends before the block does.
    #[error("the text ends where {expected} should follow")]
    Truncated {
        /// What was to be read next.
        expected: &'static str,
    },
    /// A line shorter than the format requires.
    #[error("{what} has {found} characters, at least {needed} are needed")]
    ShortLine {
        /// Which kind of line.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The shortest valid length.
        needed: usize,
    },
    /// A field that is not a number.
    #[error("{what} should be a number, found {found:?}")]
    Number {
        /// Which field.
        what: &'static str,
        /// Its text.
        found: String,
    },
    /// A number outside of its range.
    #[error("{what} {value} is not within {range}")]
    Range {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: i64,
        /// The permitted values.
        range: String,
    },
    /// An atom number that is not in the atom block.
    #[error("there is no atom {number}, the block has {atoms}")]
    NoSuchAtom {
        /// The number, as written.
        number: i64,
        /// Number of atoms.
        atoms: usize,
    },
    /// A line or keyword out of place.
    #[error("expected {expected}, found {found:?}")]
    Unexpected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// An atom symbol that is no element.
    #[error("unknown element {symbol:?}")]
    UnknownElement {
        /// The symbol.
        symbol: String,
    },
    /// A pattern for searching, not a molecule.
    #[error("{what} is a query feature; only molecules can be read")]
    Query {
        /// The feature.
        what: String,
    },
    /// A feature of the format that is not supported.
    #[error("{what} is not supported")]
    Unsupported {
        /// The feature.
        what: String,
    },
    /// The atoms and bonds make no molecule.
    #[error(transparent)]
    Perception(#[from] PerceptionError),
}

impl MolfileErrorKind {
    /// A short stable name of the kind of fault, for machine-readable reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::ShortLine { .. } => "short-line",
            Self::Number { .. } => "number",
            Self::Range { .. } => "range",
            Self::NoSuchAtom { .. } => "no-such-atom",
            Self::Unexpected { .. } => "unexpected",
            Self::UnknownElement { .. } => "unknown-element",
            Self::Query { .. } => "query",
            Self::Unsupported { .. } => "unsupported",
            Self::Perception(error) => error.kind(),
        }
    }
}

impl MolfileError {
    /// A fault of `columns` of the given line.
    pub(crate) fn at(
        kind: MolfileErrorKind,
        line: usize,
        columns: Range<usize>,
        text: &str,
    ) -> Self {
        let caret = Some(Box::new(Caret::new(text, columns.clone())));
        Self {
            kind,
            line,
            columns,
            caret,
        }
    }

    /// A fault that is of no line in particular.
    pub(crate) fn in_block(kind: MolfileErrorKind, line: usize) -> Self {
        Self {
            kind,
            line,
            columns: 0..0,
            caret: None,
        }
    }
}

impl fmt::Display for MolfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.columns.is_empty() {
            write!(
                f,
                ", columns {}-{}",
                self.columns.start + 1,
                self.columns.end
            )?;
        }
        write!(f, ": {}", self.kind)?;
        match &self.caret {
            Some(caret) => write!(f, "\n{caret}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for MolfileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            MolfileErrorKind::Perception(error) => Some(error),
            _ => None,
        }
    }
}
