//! What can go wrong: faults of chemistry by atom index, faults of text by byte span.

use std::fmt;
use std::ops::Range;

/// A molecule that perception refuses. Atom and bond numbers are 0-based, in input order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PerceptionError {
    /// More atoms than [`Sanitize::max_atoms`](crate::Sanitize::max_atoms).
    #[error("{found} atoms exceed the limit of {limit}")]
    TooManyAtoms {
        /// Atoms in the input.
        found: usize,
        /// The limit in force.
        limit: usize,
    },
    /// A bond names an atom that does not exist.
    #[error("bond {bond} names atom {atom}, but there are only {atoms} atoms")]
    NoSuchAtom {
        /// Index of the bond.
        bond: usize,
        /// Atom that it names.
        atom: usize,
        /// Number of atoms.
        atoms: usize,
    },
    /// A bond from an atom to itself.
    #[error("bond {bond} binds atom {atom} to itself")]
    SelfBond {
        /// Index of the bond.
        bond: usize,
        /// The atom.
        atom: usize,
    },
    /// Two bonds between the same two atoms.
    #[error("bond {bond} repeats the bond between atoms {begin} and {end}")]
    DuplicateBond {
        /// Index of the second bond.
        bond: usize,
        /// Its begin atom.
        begin: usize,
        /// Its end atom.
        end: usize,
    },
    /// A conformer with another number of positions than the molecule has atoms.
    #[error("conformer {conformer} has {found} positions for {expected} atoms")]
    ConformerLength {
        /// Index of the conformer.
        conformer: usize,
        /// Positions in the conformer.
        found: usize,
        /// Atoms in the molecule.
        expected: usize,
    },
    /// A ring system larger than
    /// [`Sanitize::max_ring_system`](crate::Sanitize::max_ring_system).
    #[error("a ring system of {found} atoms exceeds the limit of {limit}")]
    RingSystemTooLarge {
        /// Atoms in the ring system.
        found: usize,
        /// The limit in force.
        limit: usize,
    },
    /// Rings that need more steps than
    /// [`Sanitize::max_ring_steps`](crate::Sanitize::max_ring_steps).
    #[error("the rings are too entangled: they need more than {limit} steps")]
    TooManyRingSteps {
        /// The limit in force.
        limit: u64,
    },
    /// An atom with more neighbours than
    /// [`Sanitize::max_neighbors`](crate::Sanitize::max_neighbors).
    #[error("atom {atom} has {found} neighbours, more than the limit of {limit}")]
    TooManyNeighbors {
        /// The atom.
        atom: usize,
        /// Its neighbours.
        found: usize,
        /// The limit in force.
        limit: usize,
    },
    /// More bonds than the element allows in its charge state.
    #[error("explicit valence of atom {atom} {symbol}, {valence}, is greater than permitted")]
    Valence {
        /// The atom.
        atom: usize,
        /// Its element symbol.
        symbol: &'static str,
        /// Sum of its bond orders and stated hydrogens.
        valence: u32,
    },
    /// A charge that leaves no sensible electron count for the element.
    #[error("atom {atom} {symbol} cannot carry the charge {charge:+}")]
    Charge {
        /// The atom.
        atom: usize,
        /// Its element symbol.
        symbol: &'static str,
        /// Its formal charge.
        charge: i8,
    },
    /// An atom written as aromatic that is in no ring.
    #[error("non-ring atom {atom} is marked aromatic")]
    AromaticOutsideRing {
        /// The atom.
        atom: usize,
    },
    /// An aromatic system without a Kekulé form.
    #[error("cannot kekulize the aromatic atoms {atoms:?}")]
    Kekulize {
        /// The atoms left without a partner for their double bond.
        atoms: Vec<usize>,
    },
}

impl PerceptionError {
    /// The atoms to point at, in input order; empty when the fault is not of atoms.
    pub fn atoms(&self) -> Vec<usize> {
        match self {
            Self::Valence { atom, .. }
            | Self::Charge { atom, .. }
            | Self::AromaticOutsideRing { atom }
            | Self::SelfBond { atom, .. }
            | Self::TooManyNeighbors { atom, .. } => vec![*atom],
            Self::DuplicateBond { begin, end, .. } => vec![*begin, *end],
            Self::Kekulize { atoms } => atoms.clone(),
            _ => Vec::new(),
        }
    }

    /// A short stable name of the kind of fault, for machine-readable reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooManyAtoms { .. } => "too-many-atoms",
            Self::NoSuchAtom { .. } => "no-such-atom",
            Self::SelfBond { .. } => "self-bond",
            Self::DuplicateBond { .. } => "duplicate-bond",
            Self::ConformerLength { .. } => "conformer-length",
            Self::RingSystemTooLarge { .. } => "ring-system-too-large",
            Self::TooManyRingSteps { .. } => "too-many-ring-steps",
            Self::TooManyNeighbors { .. } => "too-many-neighbors",
            Self::Valence { .. } => "valence",
            Self::Charge { .. } => "charge",
            Self::AromaticOutsideRing { .. } => "aromatic-outside-ring",
            Self::Kekulize { .. } => "kekulize",
        }
    }
}

/// Widest excerpt of the input that an error shows, in bytes.
const EXCERPT: usize = 120;

/// One line of input with a fault marked by a caret line below it.
///
/// ```
/// use dd_mol::Caret;
/// assert_eq!(Caret::new("CC(C", 2..3).to_string(), "CC(C\n  ^");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caret {
    line: String,
    marks: String,
}

impl Caret {
    /// Marks the byte range `span` of `input`. Of long input only the surroundings
    /// are kept. Every character takes one column: those that would take none or two, or
    /// move the cursor, are shown as `·`.
    pub fn new(input: &str, span: Range<usize>) -> Self {
        Self::marking(input, &[span])
    }

    /// Marks several byte ranges; the first decides which part of long input is kept.
    pub fn marking(input: &str, spans: &[Range<usize>]) -> Self {
        let start = spans.first().map_or(0, |span| span.start.min(input.len()));
        let from = floor_boundary(input, start.saturating_sub(EXCERPT / 2));
        let to = floor_boundary(input, input.len().min(from + EXCERPT));
        let (head, tail) = (from > 0, to < input.len());
        let columns = input[from..to].char_indices().map(|(at, _)| from + at);
        let is_marked = |at: usize| spans.iter().any(|span| span.contains(&at));
        let mut marks: String = columns
            .map(|at| if is_marked(at) { '^' } else { ' ' })
            .collect();
        if !marks.contains('^') {
            // An empty range is a place between characters, or inside of one.
            let place = floor_boundary(input, start);
            marks = " ".repeat(input[from..place].chars().count()) + "^";
        }
        let ellipsis = |needed: bool| if needed { "…" } else { "" };
        Self {
            line: format!(
                "{}{}{}",
                ellipsis(head),
                input[from..to].chars().map(visible).collect::<String>(),
                ellipsis(tail)
            ),
            marks: format!("{}{}", if head { " " } else { "" }, marks.trim_end()),
        }
    }
}

impl fmt::Display for Caret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.line, self.marks)
    }
}

/// The largest character boundary of `text` that is not above `index`.
fn floor_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Characters that take exactly one column in every terminal, others as a dot: control
/// characters, combining marks, wide scripts, emoji.
fn visible(c: char) -> char {
    match c {
        ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{2FF}' | '\u{370}'..='\u{482}' => c,
        _ => '·',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_span_in_a_window() {
        assert_eq!(Caret::new("abc", 1..3).to_string(), "abc\n ^^");
        assert_eq!(Caret::new("abc", 3..3).to_string(), "abc\n   ^");
        assert_eq!(Caret::new("a\0c", 1..2).to_string(), "a·c\n ^");
        assert_eq!(Caret::new("äö", 1..2).to_string(), "äö\n^");
        assert_eq!(Caret::new("C\tC", 2..3).to_string(), "C·C\n  ^");
        assert_eq!(Caret::new("C漢e\u{301}C", 7..8).to_string(), "C·e·C\n    ^");
        assert_eq!(
            Caret::marking("abcde", &[1..2, 3..5]).to_string(),
            "abcde\n ^ ^^"
        );
        let long = "C".repeat(10_000);
        let shown = Caret::new(&long, 5000..5001).to_string();
        assert!(shown.lines().all(|l| l.chars().count() <= EXCERPT + 2));
        assert_eq!(shown.lines().nth(1).map(str::len), Some(EXCERPT / 2 + 2));
    }
}
