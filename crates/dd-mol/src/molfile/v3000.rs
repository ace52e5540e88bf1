//! V3000 connection tables: free-format lines that begin with `M  V30`.
//!
//! Source: BIOVIA, "CTfile Formats" (2020), chapter 5. Groups of enhanced stereo are kept;
//! substance groups, other collections and 3D constraints are skipped: they annotate the
//! molecule, they do not change it. The few data groups that do are refused.

use std::collections::HashMap;

use super::annotations::{refuse_changing_group, stereo_group};
use super::ctab::{Ctab, Wedge, atom_of_symbol, bond_order, out_of_range, radical_electrons};
use super::error::{MolfileError, MolfileErrorKind};
use super::lines::Lines;
use super::v2000::atom_map;
use super::words::{Row, Rows};
use crate::builder::BondSpec;
use crate::molecule::BondOrder;

/// Which atom a number of the file means; files need not number from one on.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    atoms: usize,
    /// Empty as long as every number is that of the place.
    other: HashMap<i64, usize>,
}

impl Numbering {
    fn add(&mut self, number: i64) -> bool {
        let place = self.atoms;
        self.atoms += 1;
        if self.other.is_empty() && number != place as i64 + 1 {
            self.other = (0..place).map(|atom| (atom as i64 + 1, atom)).collect();
        } else if self.other.is_empty() {
            return true;
        }
        self.other.insert(number, place).is_none()
    }

    /// The atom that a word of a line names.
    pub(super) fn find(&self, row: &Row<'_>, word: usize) -> Result<usize, MolfileError> {
        let number = row.number(word, "an atom number")?;
        let found = if self.other.is_empty() {
            let place = usize::try_from(number).ok();
            place
                .and_then(|n| n.checked_sub(1))
                .filter(|&n| n < self.atoms)
        } else {
            self.other.get(&number).copied()
        };
        let atoms = self.atoms;
        found.ok_or_else(|| row.error(MolfileErrorKind::NoSuchAtom { number, atoms }, word))
    }
}

/// Reads everything after the counts line of the header.
pub(super) fn read(lines: &mut Lines<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    let mut rows = Rows::default();
    rows.next(lines, "`BEGIN CTAB`")?.require("BEGIN CTAB")?;
    let counts = rows.next(lines, "`COUNTS`")?;
    counts.require("COUNTS ")?;
    let atoms = counts.count(1, "the number of atoms")?;
    let bonds = counts.count(2, "the number of bonds")?;
    ctab.reserve(atoms, bonds, lines.bytes_left());
    let mut numbering = Numbering::default();
    if atoms > 0 {
        rows.next(lines, "`BEGIN ATOM`")?.require("BEGIN ATOM")?;
        for _ in 0..atoms {
            atom_line(&rows.next(lines, "an atom line")?, ctab, &mut numbering)?;
        }
        rows.next(lines, "`END ATOM`")?.require("END ATOM")?;
    }
    if bonds > 0 {
        rows.next(lines, "`BEGIN BOND`")?.require("BEGIN BOND")?;
        for _ in 0..bonds {
            bond_line(&rows.next(lines, "a bond line")?, ctab, &numbering)?;
        }
        rows.next(lines, "`END BOND`")?.require("END BOND")?;
    }
    annotations(lines, &mut rows, ctab, &numbering)?;
    let end = lines.expect("`M  END`")?;
    if end.text.starts_with("M  END") {
        return Ok(());
    }
    Err(end.fault(MolfileErrorKind::Unexpected {
        expected: "`M  END`",
        found: end.shown(),
    }))
}

/// What stands between the bonds and the end of the table.
fn annotations(
    lines: &mut Lines<'_>,
    rows: &mut Rows,
    ctab: &mut Ctab,
    numbering: &Numbering,
) -> Result<(), MolfileError> {
    loop {
        let row = rows.next(lines, "`END CTAB`")?;
        if row.starts_with("END CTAB") {
            return Ok(());
        }
        if row.starts_with("LINKNODE") {
            let what = "a link node".to_owned();
            return Err(row.line.fault(MolfileErrorKind::Query { what }));
        }
        for word in 0..row.len() {
            let text = row.text(word);
            let mut pair = text.splitn(2, '=');
            if let (Some(key), Some(value)) = (pair.next(), pair.next()) {
                refuse_changing_group(key, value, &row.line, row.columns(word))?;
            }
        }
        if row.starts_with("MDLV30/STE") {
            ctab.stereo_groups.push(stereo_group(&row, numbering)?);
        }
    }
}

fn atom_line(
    row: &Row<'_>,
    ctab: &mut Ctab,
    numbering: &mut Numbering,
) -> Result<(), MolfileError> {
    let line = &row.line;
    row.at_least(6, "an atom line, counted in words,")?;
    let symbol = row.text(1);
    if symbol.starts_with('[') || symbol.eq_ignore_ascii_case("not") {
        let what = "an atom list".to_owned();
        return Err(row.error(MolfileErrorKind::Query { what }, 1));
    }
    let mut atom = atom_of_symbol(symbol, line, row.columns(1))?;
    let position = [row.decimal(2)?, row.decimal(3)?, row.decimal(4)?];
    let map = row.number(5, "the atom map number")?;
    atom.atom_map = atom_map(map.max(0), line, row.columns(5))?;
    for word in 6..row.len() {
        let (key, value) = row.assignment(word)?;
        let narrow = |value: i64, range: &str| {
            let columns = value_columns(row, word, key);
            out_of_range("the value", value, range, line, columns)
        };
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        let integer = || row.value_number(word, "the value");
        if is("CHG") {
            let charge = integer()?;
            atom.formal_charge = i8::try_from(charge).map_err(|_| narrow(charge, "-128 to 127"))?;
        } else if is("RAD") {
            let columns = value_columns(row, word, key);
            atom.radical_electrons = radical_electrons(integer()?, line, columns)?;
        } else if is("MASS") {
            let mass = row.value_decimal(word)?.floor();
            if !(0.0..65536.0).contains(&mass) {
                return Err(narrow(mass as i64, "0 to 65535"));
            }
            atom.isotope = mass as u16;
        } else if is("VAL") {
            match integer()? {
                0 => {}
                -1 => ctab.valences.push((ctab.atoms.len(), 0)),
                value @ 1..=14 => ctab.valences.push((ctab.atoms.len(), value as u8)),
                value => return Err(narrow(value, "-1 to 14")),
            }
        } else if is("RGROUPS") {
            let mut labels = value.trim_matches(['(', ')']).split_whitespace();
            if let Some(Ok(label)) = labels.nth(1).map(str::parse) {
                atom.isotope = label;
            }
        } else if ["HCOUNT", "UNSAT", "RBCNT", "SUBST"].into_iter().any(is) && value != "0" {
            let what = format!("the atom property {}", key.to_ascii_uppercase());
            let kind = MolfileErrorKind::Query { what };
            return Err(line.error(kind, value_columns(row, word, key)));
        }
    }
    if !numbering.add(row.number(0, "the atom number")?) {
        let (expected, found) = ("an atom number of its own", row.text(0).to_owned());
        return Err(row.error(MolfileErrorKind::Unexpected { expected, found }, 0));
    }
    ctab.add_atom(atom, position, line.number);
    Ok(())
}

/// The columns of what follows `KEY=`.
fn value_columns(row: &Row<'_>, word: usize, key: &str) -> std::ops::Range<usize> {
    let columns = row.columns(word);
    columns.start + key.len() + 1..columns.end
}

fn bond_line(row: &Row<'_>, ctab: &mut Ctab, numbering: &Numbering) -> Result<(), MolfileError> {
    let line = &row.line;
    row.at_least(4, "a bond line, counted in words,")?;
    let order = bond_order(row.number(1, "the bond type")?, line, row.columns(1))?;
    let (begin, end) = (numbering.find(row, 2)?, numbering.find(row, 3)?);
    let mut wedge = Wedge::Plain;
    for word in 4..row.len() {
        let (key, value) = row.assignment(word)?;
        if key.eq_ignore_ascii_case("CFG") {
            wedge = match (value, order) {
                ("1", _) => Wedge::Up,
                ("3", _) => Wedge::Down,
                ("2", BondOrder::Single) => Wedge::Wavy,
                ("2", BondOrder::Double) => Wedge::Crossed,
                ("0" | "2", _) => Wedge::Plain,
                _ => {
                    let value = row.value_number(word, "CFG")?;
                    let columns = value_columns(row, word, key);
                    return Err(out_of_range("CFG", value, "0 to 3", line, columns));
                }
            };
        } else if key.eq_ignore_ascii_case("TOPO") && value != "0" {
            let what = "a bond topology".to_owned();
            let columns = value_columns(row, word, key);
            return Err(line.error(MolfileErrorKind::Query { what }, columns));
        }
    }
    ctab.add_bond(BondSpec::new(begin, end, order), wedge, line.number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    #[test]
    fn atoms_may_have_any_numbers() {
        let mut numbering = Numbering::default();
        assert!(numbering.add(1) && numbering.add(2) && numbering.other.is_empty());
        assert!(numbering.add(7) && !numbering.add(2));
        let line = Line {
            number: 1,
            text: "M  V30 7 1 8",
        };
        let mut rows = Rows::default();
        let row = rows.split(line);
        assert_eq!(numbering.find(&row, 0), Ok(2));
        assert_eq!(numbering.find(&row, 1), Ok(0));
        assert!(numbering.find(&row, 2).is_err());
    }
}
