//! V3000 connection tables: free-format lines that begin with `M  V30`.
//!
//! Source: BIOVIA, "CTfile Formats" (2020), chapter 5. Substance groups, collections and
//! 3D constraints are skipped: they annotate the molecule, they do not change it.

use std::collections::HashMap;

use super::ctab::{
    Ctab, CtabAtom, CtabBond, Wedge, atom_of_symbol, bond_order, out_of_range, radical_electrons,
};
use super::error::{MolfileError, MolfileErrorKind};
use super::lines::{Line, Lines, excerpt};
use super::v2000::atom_map;
use crate::molecule::BondOrder;

const PREFIX: &str = "M  V30 ";

/// One logical line: the first as it stands, with the text of its continuations.
struct Logical {
    number: usize,
    text: String,
}

impl Logical {
    fn next(lines: &mut Lines<'_>, expected: &'static str) -> Result<Self, MolfileError> {
        let mut text = PREFIX.to_owned();
        let mut number = None;
        loop {
            let line = lines.expect(expected)?;
            number.get_or_insert(line.number);
            let Some(part) = line.text.strip_prefix(PREFIX) else {
                let found = line.shown();
                let expected = "a line that begins with `M  V30`";
                return Err(line.fault(MolfileErrorKind::Unexpected { expected, found }));
            };
            let Some(part) = part.strip_suffix('-') else {
                text.push_str(part);
                break;
            };
            text.push_str(part);
        }
        Ok(Self {
            number: number.unwrap_or_default(),
            text,
        })
    }

    fn line(&self) -> Line<'_> {
        Line {
            number: self.number,
            text: &self.text,
        }
    }

    fn starts_with(&self, keyword: &str) -> bool {
        let head = self.text[PREFIX.len()..].get(..keyword.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(keyword))
    }

    fn require(&self, keyword: &'static str) -> Result<(), MolfileError> {
        if self.starts_with(keyword) {
            return Ok(());
        }
        let line = self.line();
        Err(line.fault(MolfileErrorKind::Unexpected {
            expected: keyword,
            found: line.shown(),
        }))
    }
}

/// Reads everything after the counts line of the header.
pub(super) fn read(lines: &mut Lines<'_>, ctab: &mut Ctab) -> Result<(), MolfileError> {
    Logical::next(lines, "`BEGIN CTAB`")?.require("BEGIN CTAB")?;
    let counts = Logical::next(lines, "`COUNTS`")?;
    counts.require("COUNTS ")?;
    let line = counts.line();
    let tokens = tokens(&counts.text);
    let atoms = number(&line, tokens.get(1), "the number of atoms")?;
    let bonds = number(&line, tokens.get(2), "the number of bonds")?;
    let mut numbers = HashMap::new();
    if atoms > 0 {
        Logical::next(lines, "`BEGIN ATOM`")?.require("BEGIN ATOM")?;
        for _ in 0..atoms {
            let atom = Logical::next(lines, "an atom line")?;
            atom_line(&atom, ctab, &mut numbers)?;
        }
        Logical::next(lines, "`END ATOM`")?.require("END ATOM")?;
    }
    if bonds > 0 {
        Logical::next(lines, "`BEGIN BOND`")?.require("BEGIN BOND")?;
        for _ in 0..bonds {
            let bond = Logical::next(lines, "a bond line")?;
            bond_line(&bond, ctab, &numbers)?;
        }
        Logical::next(lines, "`END BOND`")?.require("END BOND")?;
    }
    loop {
        let line = Logical::next(lines, "`END CTAB`")?;
        if line.starts_with("END CTAB") {
            break;
        }
        if line.starts_with("LINKNODE") {
            let what = "a link node".to_owned();
            return Err(line.line().fault(MolfileErrorKind::Query { what }));
        }
    }
    let end = lines.expect("`M  END`")?;
    if end.text.starts_with("M  END") {
        return Ok(());
    }
    Err(end.fault(MolfileErrorKind::Unexpected {
        expected: "`M  END`",
        found: end.shown(),
    }))
}

fn atom_line(
    logical: &Logical,
    ctab: &mut Ctab,
    numbers: &mut HashMap<i64, usize>,
) -> Result<(), MolfileError> {
    let line = logical.line();
    let tokens = tokens(&logical.text);
    if tokens.len() < 6 {
        return Err(line.fault(MolfileErrorKind::ShortLine {
            what: "an atom line, counted in words,",
            found: tokens.len(),
            needed: 6,
        }));
    }
    let (symbol, columns) = &tokens[1];
    if symbol.starts_with('[') || symbol.eq_ignore_ascii_case("not") {
        let what = "an atom list".to_owned();
        return Err(line.error(MolfileErrorKind::Query { what }, columns.clone()));
    }
    let mut atom = CtabAtom {
        spec: atom_of_symbol(symbol, &line, columns.clone())?,
        position: [0.0; 3],
        valence: None,
        line: logical.number,
    };
    for (axis, token) in tokens[2..5].iter().enumerate() {
        atom.position[axis] = decimal(&line, token)?;
    }
    let map = number(&line, tokens.get(5), "the atom map number")?;
    atom.spec.atom_map = atom_map(map.max(0), &line, tokens[5].1.clone())?;
    for token in &tokens[6..] {
        atom_property(&line, token, &mut atom)?;
    }
    let name = number(&line, tokens.first(), "the atom number")?;
    numbers.insert(name, ctab.atoms.len());
    ctab.atoms.push(atom);
    Ok(())
}

fn atom_property(
    line: &Line<'_>,
    token: &Token<'_>,
    atom: &mut CtabAtom,
) -> Result<(), MolfileError> {
    let (key, value, columns) = assignment(line, token)?;
    let integer = || number(line, Some(&(value, columns.clone())), "the value");
    let narrow =
        |value: i64, range: &str| out_of_range("the value", value, range, line, columns.clone());
    match key.as_str() {
        "CHG" => {
            let charge = integer()?;
            atom.spec.formal_charge =
                i8::try_from(charge).map_err(|_| narrow(charge, "-128 to 127"))?;
        }
        "RAD" => atom.spec.radical_electrons = radical_electrons(integer()?, line, columns)?,
        "MASS" => {
            let mass = decimal(line, &(value, columns.clone()))?.floor();
            if !(0.0..65536.0).contains(&mass) {
                return Err(narrow(mass as i64, "0 to 65535"));
            }
            atom.spec.isotope = mass as u16;
        }
        "VAL" => {
            atom.valence = match integer()? {
                0 => None,
                -1 => Some(0),
                value @ 1..=14 => Some(value as u8),
                value => return Err(narrow(value, "-1 to 14")),
            };
        }
        "RGROUPS" => {
            let mut labels = value.trim_matches(['(', ')']).split_whitespace();
            if let Some(Ok(label)) = labels.nth(1).map(str::parse) {
                atom.spec.isotope = label;
            }
        }
        "HCOUNT" | "UNSAT" | "RBCNT" | "SUBST" if value != "0" => {
            let what = format!("the atom property {key}");
            return Err(line.error(MolfileErrorKind::Query { what }, columns));
        }
        _ => {}
    }
    Ok(())
}

fn bond_line(
    logical: &Logical,
    ctab: &mut Ctab,
    numbers: &HashMap<i64, usize>,
) -> Result<(), MolfileError> {
    let line = logical.line();
    let tokens = tokens(&logical.text);
    if tokens.len() < 4 {
        return Err(line.fault(MolfileErrorKind::ShortLine {
            what: "a bond line, counted in words,",
            found: tokens.len(),
            needed: 4,
        }));
    }
    let code = number(&line, tokens.get(1), "the bond type")?;
    let order = bond_order(code, &line, tokens[1].1.clone())?;
    let mut ends = [0; 2];
    for (end, token) in ends.iter_mut().zip(&tokens[2..4]) {
        let name = number(&line, Some(token), "an atom number")?;
        *end = *numbers.get(&name).ok_or_else(|| {
            let atoms = ctab.atoms.len();
            let kind = MolfileErrorKind::NoSuchAtom {
                number: name,
                atoms,
            };
            line.error(kind, token.1.clone())
        })?;
    }
    let mut wedge = Wedge::Plain;
    for token in &tokens[4..] {
        let (key, value, columns) = assignment(&line, token)?;
        match key.as_str() {
            "CFG" => {
                wedge = match (value, order) {
                    ("1", _) => Wedge::Up,
                    ("3", _) => Wedge::Down,
                    ("2", BondOrder::Single) => Wedge::Wavy,
                    ("2", BondOrder::Double) => Wedge::Crossed,
                    ("0" | "2", _) => Wedge::Plain,
                    _ => {
                        let value = number(&line, Some(&(value, columns.clone())), "CFG")?;
                        return Err(out_of_range("CFG", value, "0 to 3", &line, columns));
                    }
                };
            }
            "TOPO" if value != "0" => {
                let what = "a bond topology".to_owned();
                return Err(line.error(MolfileErrorKind::Query { what }, columns));
            }
            _ => {}
        }
    }
    ctab.bonds.push(CtabBond {
        begin: ends[0],
        end: ends[1],
        order,
        wedge,
        line: logical.number,
    });
    Ok(())
}

/// A word of a line and its columns.
type Token<'a> = (&'a str, std::ops::Range<usize>);

/// Splits what follows the prefix at blanks outside of quotes and parentheses.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut depth) = (None, false, 0_u32);
    for (at, c) in text.char_indices().skip(PREFIX.len()) {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if matches!(c, ' ' | '\t') && !quoted && depth == 0 {
            if let Some(start) = start.take() {
                words.push((&text[start..at], start..at));
            }
        } else {
            start.get_or_insert(at);
        }
    }
    if let Some(start) = start {
        words.push((&text[start..], start..text.len()));
    }
    words
}

fn assignment<'a>(
    line: &Line<'_>,
    (text, columns): &Token<'a>,
) -> Result<(String, &'a str, std::ops::Range<usize>), MolfileError> {
    let split = text
        .split_once('=')
        .filter(|(_, value)| !value.contains('='));
    let (key, value) = split.ok_or_else(|| {
        let kind = MolfileErrorKind::Unexpected {
            expected: "KEY=VALUE",
            found: excerpt(text),
        };
        line.error(kind, columns.clone())
    })?;
    let columns = columns.start + key.len() + 1..columns.end;
    Ok((key.to_ascii_uppercase(), value, columns))
}

fn number(
    line: &Line<'_>,
    token: Option<&Token<'_>>,
    what: &'static str,
) -> Result<i64, MolfileError> {
    let (text, columns) = match token {
        Some((text, columns)) => (*text, columns.clone()),
        None => ("", 0..line.text.len()),
    };
    text.parse().map_err(|_| {
        let found = excerpt(text);
        line.error(MolfileErrorKind::Number { what, found }, columns)
    })
}

fn decimal(line: &Line<'_>, (text, columns): &Token<'_>) -> Result<f64, MolfileError> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
    value.ok_or_else(|| {
        let (what, found) = ("a coordinate", excerpt(text));
        line.error(MolfileErrorKind::Number { what, found }, columns.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_parentheses_and_quotes_together() {
        let words: Vec<&str> = tokens("M  V30 1 C  0 RGROUPS=(1 2) \"a b\"")
            .into_iter()
            .map(|token| token.0)
            .collect();
        assert_eq!(words, ["1", "C", "0", "RGROUPS=(1 2)", "\"a b\""]);
    }
}
