//! The connection tables as text.

use std::fmt::Write as _;

use super::super::ctab::Wedge;
use super::drawing::Drawing;
use super::{Version, WriteError};
use crate::element::Element;
use crate::molecule::{Atom, BondOrder, Molecule, StereoGroupKind};

/// Longest line of a V3000 table before it is continued.
const V3000_LINE: usize = 72;

/// The whole mol block.
pub(super) fn block(
    molecule: &Molecule,
    drawing: &Drawing,
    version: Version,
) -> Result<String, WriteError> {
    let conformer = molecule.conformers().first();
    let zeros;
    let positions = match conformer {
        Some(conformer) => &conformer.positions,
        None => {
            zeros = vec![[0.0; 3]; molecule.num_atoms()];
            &zeros
        }
    };
    let is_3d = conformer.is_some_and(|conformer| conformer.is_3d);
    let dimension = if is_3d { "3D" } else { "2D" };
    let name = molecule.name();
    let mut text = format!("{name}\n  dd-mol            {dimension}\n\n");
    for (bond, drawn) in drawing.bonds.iter().enumerate() {
        let zero = drawn.order == BondOrder::Zero && version == Version::V3000;
        if drawn.order == BondOrder::Quadruple || zero {
            return Err(WriteError::BondOrder { bond });
        }
    }
    let written = match version {
        Version::V2000 => v2000(molecule, drawing, positions, &mut text),
        Version::V3000 => v3000(molecule, drawing, positions, &mut text),
    };
    written.expect("writing to a string cannot fail");
    text.push_str("M  END\n");
    Ok(text)
}

/// The total valence of an atom as V2000 states it: 15 for none, 0 for what the model says.
fn stated_valence(molecule: &Molecule, drawing: &Drawing, atom: usize) -> u8 {
    if !drawing.stated[atom] {
        return 0;
    }
    let steps = drawing.adjacency.neighbors(atom).iter();
    let orders = steps.map(|step| match drawing.bonds[step.bond].order {
        BondOrder::Single | BondOrder::Aromatic => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Dative => {
            u32::from(molecule.graph.raw_edges()[step.bond].target().index() == atom)
        }
        BondOrder::Zero | BondOrder::Unspecified => 0,
    });
    let data = molecule.atom(atom);
    let hydrogens = u32::from(data.explicit_hydrogens) + u32::from(data.implicit_hydrogens);
    match orders.sum::<u32>() + hydrogens {
        0 => 15,
        total @ 1..=14 => total as u8,
        _ => 0,
    }
}

fn order_code(order: BondOrder) -> u8 {
    match order {
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple | BondOrder::Zero | BondOrder::Unspecified => 0,
        BondOrder::Aromatic => 4,
        BondOrder::Dative => 9,
    }
}

fn radical_code(atom: &Atom) -> u8 {
    match atom.radical_electrons {
        0 => 0,
        1 => 2,
        _ => 3,
    }
}

fn v2000(
    molecule: &Molecule,
    drawing: &Drawing,
    positions: &[[f64; 3]],
    text: &mut String,
) -> std::fmt::Result {
    let (atoms, count) = (molecule.num_atoms(), drawing.bonds.len());
    writeln!(text, "{atoms:3}{count:3}  0  0  0  0  0  0  0  0999 V2000")?;
    for (index, (atom, [x, y, z])) in molecule.atoms().zip(positions).enumerate() {
        let symbol = Element::of(atom.atomic_number).symbol;
        let valence = stated_valence(molecule, drawing, index);
        let map = atom.atom_map;
        writeln!(
            text,
            "{x:10.4}{y:10.4}{z:10.4} {symbol:<3} 0  0  0  0  0{valence:3}  0  0  0{map:3}  0  0"
        )?;
    }
    for (bond, drawn) in molecule.bonds().zip(&drawing.bonds) {
        let (begin, end) = ends(bond.begin, bond.end, drawn.reversed);
        let stereo = match drawn.wedge {
            Wedge::Plain => 0,
            Wedge::Up => 1,
            Wedge::Down => 6,
            Wedge::Wavy => 4,
            Wedge::Crossed => 3,
        };
        let order = order_code(drawn.order);
        writeln!(text, "{begin:3}{end:3}{order:3}{stereo:3}")?;
    }
    let of_atoms = |value: fn(&Atom) -> i64| {
        let values = molecule.atoms().map(value).enumerate();
        values.filter(|entry| entry.1 != 0).collect::<Vec<_>>()
    };
    property(text, "CHG", &of_atoms(|atom| i64::from(atom.formal_charge)))?;
    property(text, "RAD", &of_atoms(|atom| i64::from(radical_code(atom))))?;
    property(text, "ISO", &of_atoms(|atom| i64::from(atom.isotope)))?;
    let orders = drawing.bonds.iter().enumerate();
    let zero = orders.filter(|(_, drawn)| drawn.order == BondOrder::Zero);
    property(
        text,
        "ZBO",
        &zero.map(|(bond, _)| (bond, 0)).collect::<Vec<_>>(),
    )
}

fn ends(begin: usize, end: usize, reversed: bool) -> (usize, usize) {
    if reversed {
        (end + 1, begin + 1)
    } else {
        (begin + 1, end + 1)
    }
}

/// `M  XXX` lines of at most eight entries.
fn property(text: &mut String, tag: &str, entries: &[(usize, i64)]) -> std::fmt::Result {
    for line in entries.chunks(8) {
        write!(text, "M  {tag}{:3}", line.len())?;
        for (place, value) in line {
            write!(text, " {:3} {value:3}", place + 1)?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn v3000(
    molecule: &Molecule,
    drawing: &Drawing,
    positions: &[[f64; 3]],
    text: &mut String,
) -> std::fmt::Result {
    writeln!(text, "  0  0  0     0  0            999 V3000")?;
    writeln!(text, "M  V30 BEGIN CTAB")?;
    let (atoms, count) = (molecule.num_atoms(), drawing.bonds.len());
    writeln!(text, "M  V30 COUNTS {atoms} {count} 0 0 0")?;
    writeln!(text, "M  V30 BEGIN ATOM")?;
    for (index, (atom, [x, y, z])) in molecule.atoms().zip(positions).enumerate() {
        // What a dummy has for an isotope is the number of an R group; RDKit reads no
        // charge at `*`.
        let is_group = atom.atomic_number == 0 && atom.isotope > 0;
        let symbol = match atom.atomic_number {
            0 if is_group => "R#",
            0 => "R",
            number => Element::of(number).symbol,
        };
        let (number, map) = (index + 1, atom.atom_map);
        write!(text, "M  V30 {number} {symbol} {x} {y} {z} {map}")?;
        let valence = match stated_valence(molecule, drawing, index) {
            15 => -1,
            valence => i64::from(valence),
        };
        let fields = [
            ("CHG", i64::from(atom.formal_charge)),
            ("RAD", i64::from(radical_code(atom))),
            ("MASS", i64::from(atom.isotope) * i64::from(!is_group)),
            ("VAL", valence),
        ];
        for (key, value) in fields.into_iter().filter(|field| field.1 != 0) {
            write!(text, " {key}={value}")?;
        }
        if is_group {
            write!(text, " RGROUPS=(1 {})", atom.isotope)?;
        }
        writeln!(text)?;
    }
    writeln!(text, "M  V30 END ATOM")?;
    if count > 0 {
        writeln!(text, "M  V30 BEGIN BOND")?;
    }
    for (bond, drawn) in molecule.bonds().zip(&drawing.bonds) {
        let (begin, end) = ends(bond.begin, bond.end, drawn.reversed);
        let (number, order) = (bond.index + 1, order_code(drawn.order));
        write!(text, "M  V30 {number} {order} {begin} {end}")?;
        match drawn.wedge {
            Wedge::Plain => {}
            Wedge::Up => write!(text, " CFG=1")?,
            Wedge::Wavy | Wedge::Crossed => write!(text, " CFG=2")?,
            Wedge::Down => write!(text, " CFG=3")?,
        }
        writeln!(text)?;
    }
    if count > 0 {
        writeln!(text, "M  V30 END BOND")?;
    }
    stereo_groups(molecule, text)?;
    writeln!(text, "M  V30 END CTAB")
}

/// The collection of enhanced stereo; long lines are continued after a blank.
fn stereo_groups(molecule: &Molecule, text: &mut String) -> std::fmt::Result {
    if molecule.stereo_groups().is_empty() {
        return Ok(());
    }
    writeln!(text, "M  V30 BEGIN COLLECTION")?;
    for group in molecule.stereo_groups() {
        let mut line = match group.kind {
            StereoGroupKind::Absolute => "M  V30 MDLV30/STEABS".to_owned(),
            StereoGroupKind::Or => format!("M  V30 MDLV30/STEREL{}", group.number),
            StereoGroupKind::And => format!("M  V30 MDLV30/STERAC{}", group.number),
        };
        write!(line, " ATOMS=({}", group.atoms.len())?;
        for atom in &group.atoms {
            line.push(' ');
            if line.len() > V3000_LINE {
                writeln!(text, "{line}-")?;
                "M  V30 ".clone_into(&mut line);
            }
            write!(line, "{}", atom + 1)?;
        }
        writeln!(text, "{line})")?;
    }
    writeln!(text, "M  V30 END COLLECTION")
}
