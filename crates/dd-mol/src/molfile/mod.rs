//! MOL files: one molecule with its coordinates.
//!
//! Reads and writes V2000 and V3000 connection tables. What the text states goes
//! through the same perception as SMILES; chirality and double-bond geometry come from
//! the coordinates (3D) or from wedges and the drawing (2D), as RDKit assigns them.
//!
//! # Differences from the original
//! RDKit reads query features (atom lists, `A`, `Q`, query bonds, substitution counts) as
//! atoms with a query; here they are refused, because a pattern is not a molecule, and so
//! are the data groups by which some programs change the molecule.
//! A decimal comma and a number followed by other text are errors, where RDKit reads
//! the part before. An atom with too many bonds is an error also when some of them lead to
//! hydrogens that are to be merged, where RDKit drops such hydrogens without a word.
//! Other substance groups and atom aliases are skipped, atropisomers are not perceived.

mod annotations;
mod assemble;
mod ctab;
mod double_bond;
mod error;
mod fixed;
mod lines;
mod spatial;
mod v2000;
mod v3000;
mod wedge;
mod words;
mod write;

pub use error::{MolfileError, MolfileErrorKind};
pub use write::{Version, WriteError, write, write_as};

pub(crate) use lines::Lines;
pub(crate) use wedge::{Drawn, chirality as drawn_chirality};

use crate::molecule::Molecule;
use crate::perceive::Sanitize;
use ctab::Ctab;

/// How to read MOL and SD files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MolfileOptions {
    /// What perception does. With [`Sanitize::KEEP_HYDROGENS`] hydrogen atoms stay atoms
    /// with positions; with [`Sanitize::RDKIT`] they are merged into their neighbours.
    pub sanitize: Sanitize,
}

impl MolfileOptions {
    /// RDKit's `MolFromMolBlock`: hydrogens are merged.
    pub const RDKIT: Self = Self {
        sanitize: Sanitize::RDKIT,
    };

    /// RDKit's `MolFromMolBlock(removeHs=False)`: what a network on atoms in space wants.
    pub const KEEP_HYDROGENS: Self = Self {
        sanitize: Sanitize::KEEP_HYDROGENS,
    };
}

/// Reads one mol block with RDKit's defaults.
///
/// # Errors
/// [`MolfileError`] with line and columns.
///
/// ```
/// let methane = "methane\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    \
///      0.0000    0.0000    0.0000 C   0  0\nM  END\n";
/// let molecule = dd_mol::molfile::parse(methane)?;
/// assert_eq!(molecule.name(), "methane");
/// assert_eq!(molecule.atom(0).implicit_hydrogens, 4);
/// # Ok::<(), dd_mol::molfile::MolfileError>(())
/// ```
pub fn parse(text: &str) -> Result<Molecule, MolfileError> {
    parse_with(text, &MolfileOptions::RDKIT)
}

/// Reads one mol block.
///
/// # Errors
/// [`MolfileError`] with line and columns.
pub fn parse_with(text: &str, options: &MolfileOptions) -> Result<Molecule, MolfileError> {
    parse_record(text, options, |_| Vec::new())
}

/// Reads the mol block at the head of a record, and with `fields` what follows it.
pub(crate) fn parse_record(
    text: &str,
    options: &MolfileOptions,
    fields: impl FnOnce(&mut Lines<'_>) -> Vec<(String, String)>,
) -> Result<Molecule, MolfileError> {
    let mut lines = Lines::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let ctab = read_ctab(&mut lines)?;
    let properties = fields(&mut lines);
    assemble::molecule(ctab, options, properties)
}

fn read_ctab(lines: &mut Lines<'_>) -> Result<Ctab, MolfileError> {
    let title = lines.expect("the title line")?;
    let program = lines.expect("the program line")?;
    lines.expect("the comment line")?;
    let counts = lines.expect("the counts line")?;
    let tag = program.text.get(20..22);
    let mut ctab = Ctab {
        name: title.text.to_owned(),
        tagged_3d: tag.is_some_and(|tag| tag.eq_ignore_ascii_case("3D")),
        ..Ctab::default()
    };
    if counts.text.len() < 6 {
        return Err(counts.fault(MolfileErrorKind::ShortLine {
            what: "the counts line",
            found: counts.text.len(),
            needed: 6,
        }));
    }
    let version = if counts.text.len() > 35 {
        counts.text.get(34..39)
    } else {
        Some("V2000")
    };
    match version {
        Some("V2000") => v2000::read(lines, &counts, &mut ctab)?,
        Some("V3000") => v3000::read(lines, &mut ctab)?,
        _ => {
            let found = lines::excerpt(counts.text.get(34..).unwrap_or_default());
            let expected = "the version V2000 or V3000";
            return Err(counts.error(MolfileErrorKind::Unexpected { expected, found }, 34..39));
        }
    }
    Ok(ctab)
}
