//! V2000 connection tables: fixed columns, then a block of `M  XXX` properties.
//!
//! Source: BIOVIA, "CTfile Formats" (2020), chapter 4; read with the tolerance of RDKit's
//! strict mode (blank numeric fields are 0, the counts line may lack its tail, charges
//! and isotopes of the atom block yield to the property block).

use super::annotations::refuse_changing_group;
use super::ctab::{Ctab, Wedge, atom_of_symbol, bond_order, out_of_range, radical_electrons};
use super::error::{MolfileError, MolfileErrorKind};
use super::fixed;
use super::lines::{Line, Lines};
use crate::builder::{AtomSpec, BondSpec};
use crate::element::Element;
use crate::molecule::BondOrder;

/// Shortest atom line: three coordinates, a blank and a symbol of three characters.
const ATOM_LINE: usize = 34;
/// Where the fields of an atom line end that say something about the molecule.
const ATOM_FIELDS: usize = 63;
/// Shortest bond line: two atoms and a type.
const BOND_LINE: usize = 9;
/// Where the fields of a bond line end that say something about the molecule.
const BOND_FIELDS: usize = 18;

/// Reads atoms, bonds and properties after a counts line.
pub(super) fn read(
    lines: &mut Lines<'_>,
    counts: &Line<'_>,
    ctab: &mut Ctab,
) -> Result<(), MolfileError> {
    let count = |what, columns: std::ops::Range<usize>| {
        let value = counts.integer(what, columns.clone())?;
        usize::try_from(value).map_err(|_| out_of_range(what, value, "0 to 999", counts, columns))
    };
    let atoms = count("the number of atoms", 0..3)?;
    let bonds = count("the number of bonds", 3..6)?;
    ctab.reserve(atoms, bonds, lines.bytes_left());
    for _ in 0..atoms {
        atom_line(&lines.expect("an atom line")?, ctab)?;
    }
    for _ in 0..bonds {
        bond_line(&lines.expect("a bond line")?, ctab)?;
    }
    properties(lines, ctab)
}

fn atom_line(line: &Line<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    long_enough(line, "an atom line", ATOM_LINE)?;
    let position = [
        line.decimal("the x coordinate", 0..10)?,
        line.decimal("the y coordinate", 10..20)?,
        line.decimal("the z coordinate", 20..30)?,
    ];
    let symbol = line.field("the atom symbol", 31..34)?;
    let mut spec = atom_of_symbol(symbol, line, 31..34)?;
    if !fixed::is_blank(line.bytes(34..ATOM_FIELDS)) {
        atom_fields(line, &mut spec, ctab)?;
    }
    ctab.add_atom(spec, position, line.number);
    Ok(())
}

/// What follows the symbol.
fn atom_fields(line: &Line<'_>, spec: &mut AtomSpec, ctab: &mut Ctab) -> Result<(), MolfileError> {
    let difference = line.integer("the mass difference", 34..36)?;
    if difference != 0 {
        let common = Element::of(spec.atomic_number).common_isotope;
        let mass = i64::from(common) + difference;
        spec.isotope = u16::try_from(mass).map_err(|_| {
            out_of_range("the mass difference", difference, "-3 to 4", line, 34..36)
        })?;
    }
    spec.formal_charge = match line.integer("the charge code", 36..39)? {
        0 => 0,
        charge @ 1..=7 => (4 - charge) as i8,
        value => {
            let what = "the charge code";
            return Err(out_of_range(what, value, "0 to 7", line, 36..39));
        }
    };
    if line.integer("the hydrogen count", 42..45)? > 0 {
        let what = "a hydrogen count (columns 43-45)".to_owned();
        return Err(line.error(MolfileErrorKind::Query { what }, 42..45));
    }
    match line.integer("the valence", 48..51)? {
        0 => {}
        15 => ctab.valences.push((ctab.atoms.len(), 0)),
        value @ 1..=14 => ctab.valences.push((ctab.atoms.len(), value as u8)),
        value => return Err(out_of_range("the valence", value, "0 to 15", line, 48..51)),
    }
    spec.atom_map = atom_map(line.integer("the atom map number", 60..63)?, line, 60..63)?;
    Ok(())
}

pub(super) fn atom_map(
    number: i64,
    line: &Line<'_>,
    columns: std::ops::Range<usize>,
) -> Result<u32, MolfileError> {
    u32::try_from(number)
        .map_err(|_| out_of_range("the atom map number", number, "0 upwards", line, columns))
}

fn bond_line(line: &Line<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    long_enough(line, "a bond line", BOND_LINE)?;
    let begin = ctab.atom_index(line.integer("the first atom", 0..3)?, line, 0..3)?;
    let end = ctab.atom_index(line.integer("the second atom", 3..6)?, line, 3..6)?;
    let order = bond_order(line.integer("the bond type", 6..9)?, line, 6..9)?;
    let mut wedge = Wedge::Plain;
    if !fixed::is_blank(line.bytes(9..BOND_FIELDS)) {
        wedge = match (line.integer("the bond stereo code", 9..12)?, order) {
            (1, _) => Wedge::Up,
            (6, _) => Wedge::Down,
            (4, _) => Wedge::Wavy,
            (3, BondOrder::Double) => Wedge::Crossed,
            _ => Wedge::Plain,
        };
        if line.integer("the bond topology", 15..18)? != 0 {
            let what = "a bond topology (columns 16-18)".to_owned();
            return Err(line.error(MolfileErrorKind::Query { what }, 15..18));
        }
    }
    ctab.add_bond(BondSpec::new(begin, end, order), wedge, line.number);
    Ok(())
}

fn long_enough(line: &Line<'_>, what: &'static str, needed: usize) -> Result<(), MolfileError> {
    let found = line.text.len();
    if found < needed {
        return Err(line.fault(MolfileErrorKind::ShortLine {
            what,
            found,
            needed,
        }));
    }
    Ok(())
}

/// Everything up to `M  END`.
fn properties(lines: &mut Lines<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    let mut charges_stated = false;
    let mut first = true;
    loop {
        let line = lines.expect("`M  END`")?;
        let tag = line.text.get(..6).unwrap_or(line.text);
        match tag {
            "M  END" => return Ok(()),
            "M  CHG" | "M  RAD" => {
                // The first such line replaces all charges of the atom block.
                if !std::mem::replace(&mut charges_stated, true) {
                    for atom in &mut ctab.atoms {
                        atom.formal_charge = 0;
                    }
                }
                for (atom, value) in pairs(&line, ctab)? {
                    let value = value.unwrap_or(0);
                    let spec = &mut ctab.atoms[atom];
                    if tag == "M  CHG" {
                        spec.formal_charge = charge(value, &line)?;
                    } else {
                        spec.radical_electrons = radical_electrons(value, &line, 6..tail(&line))?;
                    }
                }
            }
            "M  ISO" => {
                for (atom, value) in pairs(&line, ctab)? {
                    let Some(value) = value else { continue };
                    let mass = u16::try_from(value).map_err(|_| {
                        out_of_range("the isotope", value, "0 to 65535", &line, 6..tail(&line))
                    })?;
                    ctab.atoms[atom].isotope = mass;
                }
            }
            "M  RGP" => {
                for (atom, label) in pairs(&line, ctab)? {
                    let spec = &mut ctab.atoms[atom];
                    if let Some(label @ 1..=998) = label {
                        spec.isotope = label as u16;
                    }
                }
            }
            "M  ZBO" | "M  ZCH" | "M  HYD" => zero_order_extension(tag, &line, ctab)?,
            "M  RBC" | "M  SUB" | "M  UNS" if all_off(&pairs(&line, ctab)?) => {}
            "M  ALS" | "M  RBC" | "M  SUB" | "M  UNS" | "M  LIN" | "M  MRV" => {
                let what = format!("the property {tag:?}");
                return Err(line.error(MolfileErrorKind::Query { what }, 0..6));
            }
            "M  SDT" => {
                // Name in columns 12 to 41, kind of query in columns 64 and 65.
                for (key, columns) in [("FIELDNAME", 11..41), ("QUERYTYPE", 63..65)] {
                    let value = String::from_utf8_lossy(line.bytes(columns.clone()));
                    refuse_changing_group(key, &value, &line, columns)?;
                }
            }
            "M  CRS" => {
                let what = format!("the property {tag:?}");
                return Err(line.error(MolfileErrorKind::Unsupported { what }, 0..6));
            }
            "S  SKP" => {
                for _ in 0..line.integer("the number of lines to skip", 6..9)?.max(0) {
                    lines.expect("a skipped line")?;
                }
            }
            _ => match line.text.as_bytes().first() {
                // Atom aliases and group abbreviations carry their text on the next line.
                Some(b'A' | b'G') => {
                    lines.expect("the text of the line above")?;
                }
                // Substance groups and other annotations do not change the molecule.
                Some(b'M' | b'V' | b'S') => {}
                Some(_) if first => {
                    let what = "an atom list".to_owned();
                    return Err(line.fault(MolfileErrorKind::Query { what }));
                }
                _ if first || line.text.starts_with("$$$$") => {
                    let found = line.shown();
                    let expected = "a property line or `M  END`";
                    return Err(line.fault(MolfileErrorKind::Unexpected { expected, found }));
                }
                _ => {}
            },
        }
        first = false;
    }
}

/// Whether a query of each atom is switched off.
fn all_off(pairs: &[(usize, Option<i64>)]) -> bool {
    pairs.iter().all(|(_, value)| value.unwrap_or(0) == 0)
}

fn tail(line: &Line<'_>) -> usize {
    line.text.len()
}

fn charge(value: i64, line: &Line<'_>) -> Result<i8, MolfileError> {
    i8::try_from(value)
        .map_err(|_| out_of_range("the charge", value, "-128 to 127", line, 6..tail(line)))
}

/// The `aaa vvv` pairs of a property line: atom index and value, `None` when blank.
fn pairs(line: &Line<'_>, ctab: &Ctab) -> Result<Vec<(usize, Option<i64>)>, MolfileError> {
    let count = line.integer("the number of entries", 6..9)?;
    let mut entries = Vec::new();
    for entry in 0..count.clamp(0, 999) as usize {
        let start = 9 + 8 * entry;
        let columns = start..start + 4;
        let number = line.integer("an atom number", columns.clone())?;
        let atom = ctab.atom_index(number, line, columns)?;
        let columns = start + 4..start + 8;
        let value = match line.field("a value", columns.clone())? {
            "" => None,
            _ => Some(line.integer("a value", columns)?),
        };
        entries.push((atom, value));
    }
    Ok(entries)
}

/// The zero-order bond extension of A. M. Clark, doi:10.1021/ci200488k: zero bonds,
/// charges and hydrogen counts that older readers do not know.
fn zero_order_extension(tag: &str, line: &Line<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    let count = line.integer("the number of entries", 6..9)?;
    for entry in 0..count.clamp(0, 999) as usize {
        let start = 9 + 8 * entry;
        let (first, second) = (start..start + 4, start + 4..start + 8);
        let number = line.integer("an atom or bond number", first.clone())?;
        let value = line.integer("a value", second.clone())?;
        if tag == "M  ZBO" {
            let bonds = ctab.bonds.len();
            let bond = usize::try_from(number - 1).ok().filter(|&b| b < bonds);
            let Some(bond) = bond else {
                let range = format!("1 to {bonds}");
                return Err(out_of_range("the bond", number, &range, line, first));
            };
            ctab.bonds[bond].order = match value {
                0 => BondOrder::Zero,
                _ => bond_order(value, line, second)?,
            };
            continue;
        }
        let atom = ctab.atom_index(number, line, first)?;
        let spec = &mut ctab.atoms[atom];
        if tag == "M  ZCH" {
            spec.formal_charge = charge(value, line)?;
        } else {
            ctab.valences.retain(|stated| stated.0 != atom);
            spec.explicit_hydrogens = u8::try_from(value)
                .map_err(|_| out_of_range("the hydrogen count", value, "0 to 255", line, second))?;
        }
    }
    Ok(())
}
