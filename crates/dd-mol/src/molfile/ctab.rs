//! The connection table as written, shared by the V2000 and V3000 readers.

use super::error::{MolfileError, MolfileErrorKind};
use super::lines::{Line, excerpt};
use crate::builder::{AtomSpec, BondSpec};
use crate::element::Element;
use crate::molecule::{BondOrder, StereoGroup};
use std::ops::Range;

/// Coordinates above this make a drawing three-dimensional (RDKit's tolerance), in angstrom.
const FLAT: f64 = 1e-3;

/// A connection table before perception: what each line says, in parallel lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ctab {
    pub(crate) name: String,
    pub(crate) atoms: Vec<AtomSpec>,
    /// In angstrom.
    pub(crate) positions: Vec<[f64; 3]>,
    /// Atoms with a stated total valence, hydrogens included.
    pub(crate) valences: Vec<(usize, u8)>,
    /// Line that defines each atom.
    pub(crate) atom_lines: Vec<u32>,
    pub(crate) bonds: Vec<BondSpec>,
    pub(crate) wedges: Vec<Wedge>,
    /// Line that defines each bond.
    pub(crate) bond_lines: Vec<u32>,
    pub(crate) stereo_groups: Vec<StereoGroup>,
    /// The header says `3D`.
    pub(crate) tagged_3d: bool,
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
    /// Makes room for what the counts promise, but no more than `bytes` of text can hold.
    pub(crate) fn reserve(&mut self, atoms: usize, bonds: usize, bytes: usize) {
        let atoms = atoms.min(bytes / 8);
        self.atoms.reserve_exact(atoms);
        self.positions.reserve_exact(atoms);
        self.atom_lines.reserve_exact(atoms);
        let bonds = bonds.min(bytes / 8);
        self.bonds.reserve_exact(bonds);
        self.wedges.reserve_exact(bonds);
        self.bond_lines.reserve_exact(bonds);
    }

    pub(crate) fn add_atom(&mut self, atom: AtomSpec, position: [f64; 3], line: usize) {
        self.atoms.push(atom);
        self.positions.push(position);
        self.atom_lines.push(line as u32);
    }

    pub(crate) fn add_bond(&mut self, bond: BondSpec, wedge: Wedge, line: usize) {
        self.bonds.push(bond);
        self.wedges.push(wedge);
        self.bond_lines.push(line as u32);
    }

    /// Whether the coordinates are three-dimensional, as RDKit decides it: by the tag and
    /// by coordinates off the plane, except that a flat drawing with wedges is a drawing.
    pub(crate) fn is_3d(&self) -> bool {
        let off_plane = self.positions.iter().any(|[_, _, z]| z.abs() > FLAT);
        off_plane || (self.tagged_3d && !self.has_stereo_marks())
    }

    /// Wedges or crossed bonds: the drawing says something about its stereochemistry.
    pub(crate) fn has_stereo_marks(&self) -> bool {
        let marks = |wedge: &Wedge| !matches!(wedge, Wedge::Plain | Wedge::Wavy);
        self.wedges.iter().any(marks)
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
    if let Some(atomic_number @ 1..) = Element::number(symbol) {
        return Ok(AtomSpec::new(atomic_number));
    }
    let isotope = |atomic_number, isotope| AtomSpec {
        isotope,
        ..AtomSpec::new(atomic_number)
    };
    let dummy = AtomSpec {
        no_implicit: matches!(symbol, "*" | "R"),
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
            shouted(symbol).map(AtomSpec::new).ok_or_else(|| {
                let symbol = excerpt(symbol);
                line.error(MolfileErrorKind::UnknownElement { symbol }, columns.clone())
            })
        }
    }
}

/// The element of `CL`, as many programs write chlorine.
fn shouted(symbol: &str) -> Option<u8> {
    let [first, second @ b'A'..=b'Z'] = *symbol.as_bytes() else {
        return None;
    };
    let normal = [first, second.to_ascii_lowercase()];
    Element::number(std::str::from_utf8(&normal).ok()?)
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
