//! SMILES: the OpenSMILES grammar as RDKit reads it.
//!
//! A line is a SMILES, then optionally blanks and a name. Beyond OpenSMILES, RDKit's
//! extensions are read: dative bonds `->` and `<-`, `~`, doubled backslashes, `[#6]`,
//! ring numbers of up to five digits in `%(…)`, quoted superheavy symbols.
//!
//! # Differences from the original
//! RDKit stops without a word at a line break and drops bytes beyond ASCII at the end;
//! here both are errors. Of CXSMILES extensions (`|…|`) groups of enhanced stereo are read,
//! all others are an error. Numbers that do not fit (isotopes, charges) are errors instead
//! of wrapping round.

mod bracket;
mod chirality;
mod closure;
mod digits;
mod error;
mod extension;
mod lower_case;
mod parse;
mod plan;
mod reorder;
mod scanner;
mod slashes;
mod symbol;
mod write;

pub(crate) use lower_case::{has_lower_case, without_odd_symbols};
pub(crate) use parse::Reading;

pub use error::{SmilesError, SmilesErrorKind};
pub use reorder::canonicalized;
pub(crate) use write::write_outline;
pub use write::{WriteOptions, write, write_in_order, write_with};

use crate::error::PerceptionError;
use crate::molecule::Molecule;
use crate::perceive::{Sanitize, perceive};
use crate::workspace;

/// How to read SMILES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseOptions {
    /// What perception does, and the limits that hold while reading.
    pub sanitize: Sanitize,
}

impl ParseOptions {
    /// RDKit's `MolFromSmiles`.
    pub const RDKIT: Self = Self {
        sanitize: Sanitize::RDKIT,
    };

    /// As [`Self::RDKIT`], but `[H]` atoms stay atoms.
    pub const KEEP_HYDROGENS: Self = Self {
        sanitize: Sanitize::KEEP_HYDROGENS,
    };
}

/// Reads one SMILES with RDKit's defaults.
///
/// ```
/// let aspirin = dd_mol::smiles::parse("CC(=O)Oc1ccccc1C(=O)O aspirin").unwrap();
/// assert_eq!(aspirin.num_atoms(), 13);
/// assert_eq!(aspirin.name(), "aspirin");
///
/// let fault = dd_mol::smiles::parse("CC(=O").unwrap_err();
/// assert_eq!(fault.span, 2..3);
/// ```
///
/// # Errors
/// [`SmilesError`] with the byte span of the fault.
pub fn parse(text: &str) -> Result<Molecule, SmilesError> {
    parse_with(text, &ParseOptions::RDKIT)
}

/// Reads one SMILES.
///
/// # Errors
/// [`SmilesError`] with the byte span of the fault.
///
/// # Complexity
/// Linear in the length of the text outside ring systems.
pub fn parse_with(text: &str, options: &ParseOptions) -> Result<Molecule, SmilesError> {
    let (range, rest) = split(text);
    workspace::with(range.len(), |workspace| {
        let reading = &mut workspace.reading;
        reading.clear();
        if range.is_empty() && !text.is_empty() {
            // As RDKit: no characters are no atoms, blanks are no SMILES.
            let found = "end of input".to_string();
            let kind = SmilesErrorKind::Unexpected { found };
            return Err(SmilesError::new(kind, text.len()..text.len(), text));
        }
        if !range.is_empty() {
            parse::parse(text, range.clone(), options.sanitize.max_atoms, reading)?;
        }
        let mut name = &text[rest.clone()];
        if name.starts_with('|') {
            let atoms = reading.builder.atoms.len();
            let (groups, end) = extension::stereo_groups(text, rest.start, atoms)?;
            reading.builder.stereo_groups = groups;
            name = text[end..rest.end].trim_start();
        }
        reading.builder.set_name(name);
        perceive(
            &mut workspace.perception,
            &mut reading.builder,
            &options.sanitize,
        )
        .map_err(|error| locate(error, &reading.spans, range, text))
    })
}

/// The byte ranges of the SMILES and of what follows the blank after it.
fn split(text: &str) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let bytes = text.as_bytes();
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c);
    let end = bytes.len() - bytes.iter().rev().take_while(|b| blank(b)).count();
    let start = bytes[..end].iter().take_while(|b| blank(b)).count();
    let smiles = start
        + bytes[start..end]
            .iter()
            .take_while(|b| !matches!(b, b' ' | b'\t'))
            .count();
    let name = smiles + bytes[smiles..end].iter().take_while(|b| blank(b)).count();
    (start..smiles, name..end)
}

/// Points a fault of chemistry at the text of its atoms.
fn locate(
    error: PerceptionError,
    spans: &[std::ops::Range<u32>],
    whole: std::ops::Range<usize>,
    text: &str,
) -> SmilesError {
    let span = |atom: &usize| spans[*atom].start as usize..spans[*atom].end as usize;
    let mut places: Vec<std::ops::Range<usize>> = error.atoms().iter().map(span).collect();
    if places.is_empty() {
        places.push(whole);
    }
    SmilesError::at_places(SmilesErrorKind::Perception(error), &places, text)
}
