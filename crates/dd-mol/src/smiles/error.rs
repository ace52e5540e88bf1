//! Why a SMILES was refused, and where.

use std::fmt;
use std::ops::Range;

use crate::error::{Caret, PerceptionError};

/// The kind of fault in a SMILES.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmilesErrorKind {
    /// A character that the grammar does not allow here.
    #[error("unexpected {found}")]
    Unexpected {
        /// The character, quoted, or `end of input`.
        found: String,
    },
    /// A ring number that was opened and never closed.
    #[error("ring {number} is never closed")]
    UnclosedRing {
        /// The ring number.
        number: u32,
    },
    /// A ring closure from an atom to itself or to a neighbour.
    #[error("ring {number} repeats a bond")]
    DuplicateRing {
        /// The ring number.
        number: u32,
    },
    /// A `(` without its `)`.
    #[error("branch is never closed")]
    UnclosedBranch,
    /// A `)` without its `(`.
    #[error("no branch to close")]
    UnopenedBranch,
    /// A number that does not fit the field.
    #[error("{field} {found} is out of range")]
    OutOfRange {
        /// What the number says.
        field: &'static str,
        /// The digits as written.
        found: String,
    },
    /// More atoms than [`Sanitize::max_atoms`](crate::Sanitize::max_atoms).
    #[error("more than {limit} atoms")]
    TooManyAtoms {
        /// The limit in force.
        limit: usize,
    },
    /// A CXSMILES extension (`|…|`) after the SMILES with more than groups of enhanced stereo.
    #[error("of CXSMILES extensions only groups of enhanced stereo (a:, o1:, &1:) are supported")]
    UnsupportedExtension,
    /// The text is grammatical, but perception refuses the molecule.
    #[error(transparent)]
    Perception(PerceptionError),
}

impl SmilesErrorKind {
    /// A short stable name of the kind, for machine-readable reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unexpected { .. } => "syntax",
            Self::UnclosedRing { .. } => "unclosed-ring",
            Self::DuplicateRing { .. } => "duplicate-ring",
            Self::UnclosedBranch => "unclosed-branch",
            Self::UnopenedBranch => "unopened-branch",
            Self::OutOfRange { .. } => "out-of-range",
            Self::TooManyAtoms { .. } => "too-many-atoms",
            Self::UnsupportedExtension => "unsupported-extension",
            Self::Perception(error) => error.kind(),
        }
    }
}

/// A SMILES that cannot be read. Displayed, it draws a caret under the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmilesError {
    /// What is wrong.
    pub kind: SmilesErrorKind,
    /// Byte range of the fault in the input.
    pub span: Range<usize>,
    excerpt: Caret,
}

impl SmilesError {
    /// A fault at `span` of `input`, of which an excerpt is kept.
    pub fn new(kind: SmilesErrorKind, span: Range<usize>, input: &str) -> Self {
        let excerpt = Caret::new(input, span.clone());
        Self {
            kind,
            span,
            excerpt,
        }
    }

    /// A fault at several places, in order; `span` covers them all, the carets mark each.
    pub(super) fn at_places(kind: SmilesErrorKind, places: &[Range<usize>], input: &str) -> Self {
        let start = places.first().map_or(0, |place| place.start);
        let end = places.iter().map(|place| place.end).max().unwrap_or(start);
        Self {
            kind,
            span: start..end,
            excerpt: Caret::marking(input, places),
        }
    }
}

impl fmt::Display for SmilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (byte {})\n{}",
            self.kind, self.span.start, self.excerpt
        )
    }
}

impl std::error::Error for SmilesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            SmilesErrorKind::Perception(error) => Some(error),
            _ => None,
        }
    }
}
