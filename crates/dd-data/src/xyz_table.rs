//! The "xyz csv" layout: one molecule with its conformer in a table row.
//!
//! | Column | Content |
//! | --- | --- |
//! | `symbols` | element symbols one after another, `CClH` = C, Cl, H |
//! | `xyz_angstrom` | three numbers per atom, separated by blanks |
//! | `bonds` | `i-j` (single) or `i-j:o` with `o` = 2, 3 or 9 (dative), separated by `;`, zero-based, kekulised |
//! | `charges` | `i:+1;j:-1`, only charged atoms; may be empty |
//!
//! Hydrogens are explicit. The molecule is built as from a V3000 mol block with the same content, so that chirality and
//! double-bond geometry follow from the coordinates in one way for all files.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::{BondOrder, Conformer, Element, Molecule, MoleculeBuilder, Sanitize, kekule_orders};

use crate::error::RowFault;

/// The four columns of a row.
#[derive(Debug, Clone, Copy)]
pub struct XyzRow<'a> {
    /// Element symbols.
    pub symbols: &'a str,
    /// Coordinates in angstrom.
    pub xyz_angstrom: &'a str,
    /// Bonds.
    pub bonds: &'a str,
    /// Formal charges.
    pub charges: &'a str,
}

impl XyzRow<'_> {
    /// Names of the columns, in the order of the fields.
    pub const COLUMNS: [&'static str; 4] = ["symbols", "xyz_angstrom", "bonds", "charges"];

    /// The molecule with its hydrogens and one conformer.
    ///
    /// # Errors
    /// A fault of kind `symbols`, `coordinates`, `bonds`, `charges`, or one of perception.
    pub fn molecule(&self, name: &str) -> Result<Molecule, RowFault> {
        let symbols = split_symbols(self.symbols)?;
        let mut charges = vec![0_i8; symbols.len()];
        for entry in entries(self.charges) {
            let (atom, charge) = pair::<i8>(entry, ':')
                .filter(|(atom, _)| *atom < symbols.len())
                .ok_or_else(|| fault("charges", entry, "i:+1"))?;
            charges[atom] = charge;
        }
        let mut atoms = String::new();
        let mut coordinates = self.xyz_angstrom.split_ascii_whitespace();
        let mut places = HashMap::with_capacity(symbols.len());
        for (index, symbol) in symbols.iter().enumerate() {
            let mut next = || coordinates.next().and_then(finite);
            let (Some(x), Some(y), Some(z)) = (next(), next(), next()) else {
                let message = format!("atom {index} lacks three finite coordinates");
                return Err(RowFault::new("coordinates", message));
            };
            // Adding zero makes -0 equal to 0.
            if let Some(other) = places.insert([x, y, z].map(|x| (x + 0.0).to_bits()), index) {
                let message = format!("atoms {other} and {index} are in the same place");
                return Err(RowFault::new("coordinates", message));
            }
            let charge = charges[index];
            let number = index + 1;
            let _ = writeln!(atoms, "M  V30 {number} {symbol} {x} {y} {z} 0 CHG={charge}");
        }
        if coordinates.next().is_some() {
            let message = format!(
                "there are more than three coordinates for each of {} atoms",
                symbols.len()
            );
            return Err(RowFault::new("coordinates", message));
        }
        let mut bonds = String::new();
        let mut num_bonds = 0;
        for entry in entries(self.bonds) {
            let (ends, order) = entry.split_once(':').unwrap_or((entry, "1"));
            let (begin, end) = pair::<usize>(ends, '-')
                .filter(|(begin, end)| begin.max(end) < &symbols.len())
                .filter(|_| matches!(order, "1" | "2" | "3" | "9"))
                .ok_or_else(|| fault("bonds", entry, "i-j or i-j:o with o = 2, 3 or 9"))?;
            num_bonds += 1;
            let (begin, end) = (begin + 1, end + 1);
            let _ = writeln!(bonds, "M  V30 {num_bonds} {order} {begin} {end}");
        }
        // A title line with a line break would shift the block.
        let title: String = name.chars().filter(|c| !c.is_control()).collect();
        let num_atoms = symbols.len();
        let block = format!(
            "{title}\n     xyz table          3D\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n\
             M  V30 COUNTS {num_atoms} {num_bonds} 0 0 0\nM  V30 BEGIN ATOM\n{atoms}M  V30 END ATOM\n\
             M  V30 BEGIN BOND\n{bonds}M  V30 END BOND\nM  V30 END CTAB\nM  END\n"
        );
        let molecule = molfile::parse_with(&block, &MolfileOptions::KEEP_HYDROGENS)
            .map_err(|error| RowFault::new(error.kind.name(), error.kind.to_string()))?;
        in_space(molecule)
    }
}

/// The four cells of a molecule: what [`XyzRow`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XyzCells {
    /// Element symbols.
    pub symbols: String,
    /// Coordinates in angstrom.
    pub xyz_angstrom: String,
    /// Bonds in a Kekulé form.
    pub bonds: String,
    /// Formal charges.
    pub charges: String,
}

impl XyzCells {
    /// The cells of a molecule with its first conformer. Hydrogens that are not atoms, and isotopes, have no place in them.
    ///
    /// # Errors
    /// A fault of kind `coordinates` or `bonds`, for a molecule without a conformer or with a bond that the layout lacks.
    pub fn of(molecule: &Molecule) -> Result<Self, RowFault> {
        let lacks = || RowFault::new("coordinates", "the molecule has no conformer");
        let conformer = molecule.conformers().first().ok_or_else(lacks)?;
        let orders = kekule_orders(molecule)
            .map_err(|error| RowFault::new(error.kind(), error.to_string()))?;
        let (mut symbols, mut charges) = (String::new(), Vec::new());
        for (index, atom) in molecule.atoms().enumerate() {
            symbols.push_str(Element::of(atom.atomic_number).symbol);
            if atom.formal_charge != 0 {
                charges.push(format!("{index}:{:+}", atom.formal_charge));
            }
        }
        let numbers = conformer.positions.iter().flatten().map(f64::to_string);
        let mut bonds = Vec::with_capacity(orders.len());
        for (bond, order) in molecule.bonds().zip(orders) {
            let order = match order {
                BondOrder::Single => "",
                BondOrder::Double => ":2",
                BondOrder::Triple => ":3",
                BondOrder::Dative => ":9",
                other => {
                    let message = format!("a bond of order {other:?} has no place in the table");
                    return Err(RowFault::new("bonds", message));
                }
            };
            bonds.push(format!("{}-{}{order}", bond.begin, bond.end));
        }
        Ok(Self {
            symbols,
            xyz_angstrom: numbers.collect::<Vec<_>>().join(" "),
            bonds: bonds.join(";"),
            charges: charges.join(";"),
        })
    }

    /// Checks that the cells are read as the molecule that they were made of: dummy atoms, radicals, and hydrogens that are
    /// not atoms have no place in them.
    ///
    /// # Errors
    /// The fault of reading them, or one of kind `atoms` that names the first atom that would be another.
    pub fn check(&self, molecule: &Molecule) -> Result<(), RowFault> {
        let row = XyzRow {
            symbols: &self.symbols,
            xyz_angstrom: &self.xyz_angstrom,
            bonds: &self.bonds,
            charges: &self.charges,
        };
        let read = row.molecule(molecule.name())?;
        for (index, (before, after)) in molecule.atoms().zip(read.atoms()).enumerate() {
            let hydrogens =
                [before, after].map(|atom| atom.explicit_hydrogens + atom.implicit_hydrogens);
            let radicals = [before, after].map(|atom| atom.radical_electrons);
            if hydrogens[0] != hydrogens[1] || radicals[0] != radicals[1] {
                let message = format!(
                    "atom {index} ({}) has {} hydrogens that are not atoms and {} unpaired electrons, and would be read with \
                     {} and {}",
                    Element::of(before.atomic_number).symbol,
                    hydrogens[0],
                    radicals[0],
                    hydrogens[1],
                    radicals[1]
                );
                return Err(RowFault::new("atoms", message));
            }
        }
        Ok(())
    }
}

/// The molecule with its conformer marked as one: mol blocks take a molecule that lies in the plane z = 0 for a drawing.
fn in_space(molecule: Molecule) -> Result<Molecule, RowFault> {
    if molecule
        .conformers()
        .iter()
        .all(|conformer| conformer.is_3d)
    {
        return Ok(molecule);
    }
    let source = MoleculeBuilder::from(&molecule);
    let mut builder = MoleculeBuilder::with_capacity(molecule.num_atoms(), molecule.num_bonds());
    for &atom in source.atoms() {
        builder.add_atom(atom);
    }
    for &bond in source.bonds() {
        builder.add_bond(bond);
    }
    for conformer in molecule.conformers() {
        builder.add_conformer(Conformer {
            is_3d: true,
            ..conformer.clone()
        });
    }
    builder.set_name(molecule.name());
    builder
        .finish(&Sanitize::KEEP_HYDROGENS)
        .map_err(|error| RowFault::new(error.kind(), error.to_string()))
}

/// Splits `CClH` into C, Cl and H.
fn split_symbols(text: &str) -> Result<Vec<&str>, RowFault> {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !letters || !text.starts_with(|c: char| c.is_ascii_uppercase()) {
        let message = if text.is_empty() {
            "the molecule has no atoms".to_string()
        } else {
            format!("expected element symbols one after another, got {text:?}")
        };
        return Err(RowFault::new("symbols", message));
    }
    let starts: Vec<usize> = (0..text.len())
        .filter(|&at| text.as_bytes()[at].is_ascii_uppercase())
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Ok(starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &text[start..end])
        .collect())
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(';')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn pair<T: FromStr>(entry: &str, separator: char) -> Option<(usize, T)> {
    let (left, right) = entry.split_once(separator)?;
    Some((left.parse().ok()?, right.parse().ok()?))
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

fn fault(kind: &'static str, entry: &str, form: &str) -> RowFault {
    RowFault::new(kind, format!("{kind}: expected {form}, got {entry:?}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cells_cannot_say_is_a_fault() {
        let fault = |lines: &str| {
            let block = format!("\n  test 3D\n\n{lines}M  END\n");
            let molecule = molfile::parse_with(&block, &MolfileOptions::KEEP_HYDROGENS).unwrap();
            let fault = XyzCells::of(&molecule).unwrap().check(&molecule).err()?;
            Some((fault.kind, fault.message))
        };
        let atom = |symbol: &str, x: f64| format!("{x:10.4}    0.0000    0.5000 {symbol:3} 0  0\n");
        let [one, two] = ["  1  0  0  0", "  2  1  0  0"].map(|counts| format!("{counts} V2000\n"));
        let bond = "  1  2  1  0\n";
        assert_eq!(
            fault(&format!("{two}{}{}{bond}", atom("C", 0.0), atom("F", 1.4))),
            None
        );
        let radical = format!("{one}{}M  RAD  1   1   2\n", atom("C", 0.0));
        let (kind, message) = fault(&radical).unwrap();
        assert_eq!(kind, "atoms");
        assert!(
            message.contains("atom 0 (C) has 3 hydrogens") && message.ends_with("with 4 and 0"),
            "{message}"
        );
        let dummy = format!("{two}{}{}{bond}", atom("C", 0.0), atom("*", 1.4));
        assert_eq!(fault(&dummy).unwrap().0, "symbols");
    }
}
