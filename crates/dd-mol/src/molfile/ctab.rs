//! The connection table as written, shared by the V2000 and V3000 readers.

use super::error::{MolfileError, MolfileErrorKind};
use super::lines::{Line, excerpt};
use crate::builder::AtomSpec;
use crate::element::Element;
use crate::molecule::BondOrder;
use std::ops::Range;

/// Coordinates above this make a drawing three-dimensional (RDKit's tolerance), in angstrom.
const FLAT: f64 = 1e-3;

/// A connection table before perception.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ctab {
    pub(crate) name: String,
    pub(crate) atoms: Vec<CtabAtom>,
    pub(crate) bonds: Vec<CtabBond>,
    /// The header says `3D`.
    pub(crate) tagged_3d: bool,
}

/// An atom line with what the property block adds.
#[derive(Debug, Clone)]
pub(crate) struct CtabAtom {
    pub(crate) spec: AtomSpec,
    /// In angstrom.
    pub(crate) position: [f64; 3],
    /// Total valence that the file states, hydrogens included.
    pub(crate) valence: Option<u8>,
    /// Line that defines the atom.
    pub(crate) line: usize,
}

/// A bond line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CtabBond {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    pub(crate) order: BondOrder,
    pub(crate) wedge: Wedge,
    /// Line that defines the bond.
    pub(crate) line: usize,
}

/// How a bond is drawn; the narrow end is at its begin atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Wedge {
    #[default]
    Plain,
    /// Solid wedge, towards the viewer.
    Up,
    /// Hashed wedge, away from the viewer.
    Down,
    /// Wavy single bond: the chirality or geometry beside it is unknown.
    Wavy,
    /// Crossed double bond: its geometry is unknown.
    Crossed,
}

impl Ctab {
    /// Whether the coordinates are three-dimensional, as RDKit decides it: by the tag and
    /// by coordinates off the plane, except that a flat drawing with wedges is a drawing.
    pub(crate) fn is_3d(&self) -> bool {
        let off_plane = self.atoms.iter().any(|atom| atom.position[2].abs() > FLAT);
        off_plane || (self.tagged_3d && !self.has_stereo_marks())
    }

    /// Wedges or crossed bonds: the drawing says something about its stereochemistry.
    pub(crate) fn has_stereo_marks(&self) -> bool {
        let marks = |bond: &CtabBond| !matches!(bond.wedge, Wedge::Plain | Wedge::Wavy);
        self.bonds.iter().any(marks)
    }

    /// The 0-based index of the atom that the file calls `number`.
    pub(crate) fn atom_index(
        &self,
        number: i64,
        line: &Line<'_>,
        columns: Range<usize>,
    ) -> Result<usize, MolfileError> {
        let atoms = self.atoms.len();
        usize::try_from(number - 1)
            .ok()
            .filter(|&index| index < atoms)
            .ok_or_else(|| line.error(MolfileErrorKind::NoSuchAtom { number, atoms }, columns))
    }
}

/// The atom that a symbol of an atom line stands for.
pub(crate) fn atom_of_symbol(
    symbol: &str,
    line: &Line<'_>,
    columns: Range<usize>,
) -> Result<AtomSpec, MolfileError> {
    let isotope = |atomic_number, isotope| AtomSpec {
        isotope,
        ..AtomSpec::new(atomic_number)
    };
    let dummy = AtomSpec {
        no_implicit: true,
        ..AtomSpec::new(0)
    };
    let query = |what: &str| {
        let what = format!("atom symbol {what:?}");
        Err(line.error(MolfileErrorKind::Query { what }, columns.clone()))
    };
    match symbol {
        "D" => Ok(isotope(1, 2)),
        "T" => Ok(isotope(1, 3)),
        "*" | "R" | "R#" | "Pol" | "Mod" | "LP" => Ok(dummy),
        "A" | "AH" | "Q" | "QH" | "X" | "XH" | "M" | "MH" | "L" => query(symbol),
        _ => {
            let label = symbol.strip_prefix('R').map(str::parse::<u16>);
            if let Some(Ok(label @ 0..=99)) = label {
                return Ok(AtomSpec {
                    isotope: label,
                    ..dummy
                });
            }
            element_of(symbol).map(AtomSpec::new).ok_or_else(|| {
                let symbol = excerpt(symbol);
                line.error(MolfileErrorKind::UnknownElement { symbol }, columns.clone())
            })
        }
    }
}

/// Accepts `CL` for `Cl`, as many programs write it.
fn element_of(symbol: &str) -> Option<u8> {
    let mut normal = symbol.to_owned();
    if let [_, b'A'..=b'Z'] = symbol.as_bytes() {
        normal[1..].make_ascii_lowercase();
    }
    Element::number(&normal)
}

/// Unpaired electrons of a radical code (1 singlet, 2 doublet, 3 triplet).
pub(crate) fn radical_electrons(
    code: i64,
    line: &Line<'_>,
    columns: Range<usize>,
) -> Result<u8, MolfileError> {
    match code {
        0 => Ok(0),
        1 | 3 => Ok(2),
        2 => Ok(1),
        value => Err(out_of_range("radical code", value, "0 to 3", line, columns)),
    }
}

/// The bond order of a bond type code.
pub(crate) fn bond_order(
    code: i64,
    line: &Line<'_>,
    columns: Range<usize>,
) -> Result<BondOrder, MolfileError> {
    match code {
        0 => Ok(BondOrder::Unspecified),
        1 => Ok(BondOrder::Single),
        2 => Ok(BondOrder::Double),
        3 => Ok(BondOrder::Triple),
        4 => Ok(BondOrder::Aromatic),
        9 => Ok(BondOrder::Dative),
        10 => {
            let what = "a hydrogen bond (type 10)".to_owned();
            Err(line.error(MolfileErrorKind::Unsupported { what }, columns))
        }
        _ => {
            let what = format!("bond type {code}");
            Err(line.error(MolfileErrorKind::Query { what }, columns))
        }
    }
}

pub(crate) fn out_of_range(
    what: &'static str,
    value: i64,
    range: &str,
    line: &Line<'_>,
    columns: Range<usize>,
) -> MolfileError {
    let range = range.to_owned();
    line.error(MolfileErrorKind::Range { what, value, range }, columns)
}
