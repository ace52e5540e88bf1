//! Molecules to mol blocks: V2000, or V3000 beyond its 999 atoms and bonds.
//!
//! Bonds are written in a Kekulé form. Chirality and double-bond geometry are in the
//! coordinates of a 3D conformer; in a drawing each centre gets a wedge on the bond whose
//! perception gives the right chirality back.

use std::fmt::Write as _;

use super::wedge::{self, Drawn};
use crate::adjacency::Adjacency;
use crate::element::Element;
use crate::error::PerceptionError;
use crate::molecule::{Atom, BondOrder, BondStereo, ChiralTag, Molecule};
use crate::perceive;

/// Largest count that the three columns of V2000 hold.
const V2000_LIMIT: usize = 999;

/// A molecule that the format cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Stereochemistry needs coordinates.
    #[error("the molecule states stereochemistry but has no conformer to show it")]
    NoConformer,
    /// The drawing does not allow the chirality of a centre to be marked.
    #[error("no wedge in the drawing gives atom {atom} its chirality")]
    NoWedge {
        /// 0-based index of the centre.
        atom: usize,
    },
    /// A coordinate that is not a number or too large for its columns.
    #[error("the position of atom {atom} does not fit the format")]
    Position {
        /// 0-based index of the atom.
        atom: usize,
    },
    /// Aromatic bonds without a Kekulé form.
    #[error(transparent)]
    Perception(#[from] PerceptionError),
    /// A bond order without a code.
    #[error("bond {bond} is quadruple, which the format cannot say")]
    Quadruple {
        /// 0-based index of the bond.
        bond: usize,
    },
    /// A data field name or value that would break the record.
    #[error("the data field {name:?} would break the record")]
    Property {
        /// Its name.
        name: String,
    },
}

/// What a bond line says besides its atoms.
struct Drawing {
    order: BondOrder,
    /// V2000 stereo code: 0 plain, 1 up, 6 down, 3 crossed.
    stereo: u8,
    /// Begin and end are exchanged, to put the narrow end of a wedge first.
    reversed: bool,
}

/// The mol block of a molecule with its first conformer.
///
/// # Errors
/// [`WriteError`] when the format cannot hold the molecule.
pub fn write(molecule: &Molecule) -> Result<String, WriteError> {
    let adjacency = Adjacency::of(molecule);
    let conformer = molecule.conformers().first();
    let positions = match conformer {
        Some(conformer) => conformer.positions.clone(),
        None => vec![[0.0; 3]; molecule.num_atoms()],
    };
    for (atom, position) in positions.iter().enumerate() {
        // Ten columns with four decimals.
        if position.iter().any(|x| !x.is_finite() || x.abs() >= 9999.0) {
            return Err(WriteError::Position { atom });
        }
    }
    let is_3d = conformer.is_some_and(|conformer| conformer.is_3d);
    let mut bonds: Vec<Drawing> = perceive::kekule_orders(molecule)?
        .into_iter()
        .zip(molecule.bonds())
        .map(|(order, bond)| Drawing {
            order,
            stereo: if bond.bond.stereo == BondStereo::Any {
                3
            } else {
                0
            },
            reversed: false,
        })
        .collect();
    let quadruple = |drawing: &Drawing| drawing.order == BondOrder::Quadruple;
    if let Some(bond) = bonds.iter().position(quadruple) {
        return Err(WriteError::Quadruple { bond });
    }
    if conformer.is_none() && states_geometry(molecule) {
        return Err(WriteError::NoConformer);
    }
    if !is_3d {
        add_wedges(molecule, &adjacency, &positions, &mut bonds)?;
    }
    let mut text = String::new();
    let name = molecule.name().lines().next().unwrap_or_default();
    let dimension = if is_3d { "3D" } else { "2D" };
    let header = format!("{name}\n  dd-mol            {dimension}\n\n");
    text.push_str(&header);
    let small_maps = molecule
        .atoms()
        .all(|atom| atom.atom_map as usize <= V2000_LIMIT);
    let fits = small_maps && molecule.num_atoms().max(molecule.num_bonds()) <= V2000_LIMIT;
    let written = if fits {
        v2000(molecule, &adjacency, &positions, &bonds, &mut text)
    } else {
        v3000(molecule, &adjacency, &positions, &bonds, &mut text)
    };
    written.expect("writing to a string cannot fail");
    text.push_str("M  END\n");
    Ok(text)
}

fn states_geometry(molecule: &Molecule) -> bool {
    let centers = molecule.atoms().any(|atom| {
        matches!(
            atom.chiral_tag,
            ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw
        )
    });
    let known = |stereo| !matches!(stereo, BondStereo::None | BondStereo::Any);
    centers || molecule.bonds().any(|bond| known(bond.bond.stereo))
}

/// Marks one single bond of each centre so that reading gives its chirality back.
fn add_wedges(
    molecule: &Molecule,
    adjacency: &Adjacency,
    positions: &[[f64; 3]],
    bonds: &mut [Drawing],
) -> Result<(), WriteError> {
    let begins: Vec<usize> = molecule.bonds().map(|bond| bond.begin).collect();
    for (atom, data) in molecule.atoms().enumerate() {
        if !matches!(
            data.chiral_tag,
            ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw
        ) {
            continue;
        }
        let steps = adjacency.neighbors(atom);
        let is_center = |atom: usize| molecule.atom(atom).chiral_tag != ChiralTag::Unspecified;
        let mut choices: Vec<usize> = (0..steps.len())
            .filter(|&k| {
                let drawing = &bonds[steps[k].bond];
                drawing.order == BondOrder::Single && drawing.stereo == 0
            })
            .collect();
        // Hydrogens and chain ends first, bonds between centres and in rings last.
        choices.sort_by_key(|&k| {
            let other = steps[k].atom;
            let hydrogen = molecule.atom(other).atomic_number == 1;
            let ring = molecule.atom(other).in_ring;
            (!hydrogen, is_center(other), ring, adjacency.degree(other))
        });
        let drawn = |place: usize, lift: i8| -> Vec<Drawn> {
            let one = |(k, step): (usize, &crate::adjacency::Neighbor)| Drawn {
                position: positions[step.atom],
                lift: if k == place { lift } else { 0 },
            };
            steps.iter().enumerate().map(one).collect()
        };
        let mark = choices.iter().find_map(|&place| {
            [(1_i8, 1_u8), (-1, 6)]
                .into_iter()
                .find_map(|(lift, code)| {
                    let tag = wedge::chirality(positions[atom], &drawn(place, lift), place);
                    (tag == Some(data.chiral_tag)).then_some((place, code))
                })
        });
        let (place, code) = mark.ok_or(WriteError::NoWedge { atom })?;
        let bond = steps[place].bond;
        bonds[bond].stereo = code;
        bonds[bond].reversed = begins[bond] != atom;
    }
    Ok(())
}

/// Hydrogens that the valence model would not add have to be stated as a total valence.
fn stated_valence(
    molecule: &Molecule,
    bonds: &[Drawing],
    adjacency: &Adjacency,
    atom: usize,
) -> u8 {
    let data = molecule.atom(atom);
    if !data.no_implicit && data.explicit_hydrogens == 0 {
        return 0;
    }
    let steps = adjacency.neighbors(atom).iter();
    let orders = steps.map(|step| match bonds[step.bond].order {
        BondOrder::Single | BondOrder::Aromatic => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Dative | BondOrder::Zero | BondOrder::Unspecified => 0,
    });
    let hydrogens = u32::from(data.explicit_hydrogens) + u32::from(data.implicit_hydrogens);
    let total = orders.sum::<u32>() + hydrogens;
    match total {
        0 => 15,
        1..=14 => total as u8,
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
    adjacency: &Adjacency,
    positions: &[[f64; 3]],
    bonds: &[Drawing],
    text: &mut String,
) -> std::fmt::Result {
    let (atoms, count) = (molecule.num_atoms(), bonds.len());
    writeln!(text, "{atoms:3}{count:3}  0  0  0  0  0  0  0  0999 V2000")?;
    for (index, (atom, [x, y, z])) in molecule.atoms().zip(positions).enumerate() {
        let symbol = Element::of(atom.atomic_number).symbol;
        let valence = stated_valence(molecule, bonds, adjacency, index);
        let map = atom.atom_map;
        writeln!(
            text,
            "{x:10.4}{y:10.4}{z:10.4} {symbol:<3} 0  0  0  0  0{valence:3}  0  0  0{map:3}  0  0"
        )?;
    }
    for (bond, drawing) in molecule.bonds().zip(bonds) {
        let (begin, end) = ends(bond.begin, bond.end, drawing.reversed);
        let (order, stereo) = (order_code(drawing.order), drawing.stereo);
        writeln!(text, "{begin:3}{end:3}{order:3}{stereo:3}")?;
    }
    let charges = molecule.atoms().map(|atom| i64::from(atom.formal_charge));
    property(text, "CHG", charges)?;
    let radicals = molecule.atoms().map(|atom| i64::from(radical_code(atom)));
    property(text, "RAD", radicals)?;
    let isotopes = molecule.atoms().map(|atom| i64::from(atom.isotope));
    property(text, "ISO", isotopes)
}

fn ends(begin: usize, end: usize, reversed: bool) -> (usize, usize) {
    if reversed {
        (end + 1, begin + 1)
    } else {
        (begin + 1, end + 1)
    }
}

/// `M  XXX` lines of at most eight entries for the values that are not zero.
fn property(text: &mut String, tag: &str, values: impl Iterator<Item = i64>) -> std::fmt::Result {
    let entries: Vec<(usize, i64)> = values.enumerate().filter(|entry| entry.1 != 0).collect();
    for line in entries.chunks(8) {
        write!(text, "M  {tag}{:3}", line.len())?;
        for (atom, value) in line {
            write!(text, " {:3} {value:3}", atom + 1)?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn v3000(
    molecule: &Molecule,
    adjacency: &Adjacency,
    positions: &[[f64; 3]],
    bonds: &[Drawing],
    text: &mut String,
) -> std::fmt::Result {
    writeln!(text, "  0  0  0     0  0            999 V3000")?;
    writeln!(text, "M  V30 BEGIN CTAB")?;
    let (atoms, count) = (molecule.num_atoms(), bonds.len());
    writeln!(text, "M  V30 COUNTS {atoms} {count} 0 0 0")?;
    writeln!(text, "M  V30 BEGIN ATOM")?;
    for (index, (atom, [x, y, z])) in molecule.atoms().zip(positions).enumerate() {
        let symbol = Element::of(atom.atomic_number).symbol;
        let (number, map) = (index + 1, atom.atom_map);
        write!(text, "M  V30 {number} {symbol} {x:.4} {y:.4} {z:.4} {map}")?;
        let valence = match stated_valence(molecule, bonds, adjacency, index) {
            15 => -1,
            valence => i64::from(valence),
        };
        let fields = [
            ("CHG", i64::from(atom.formal_charge)),
            ("RAD", i64::from(radical_code(atom))),
            ("MASS", i64::from(atom.isotope)),
            ("VAL", valence),
        ];
        for (key, value) in fields.into_iter().filter(|field| field.1 != 0) {
            write!(text, " {key}={value}")?;
        }
        writeln!(text)?;
    }
    writeln!(text, "M  V30 END ATOM\nM  V30 BEGIN BOND")?;
    for (bond, drawing) in molecule.bonds().zip(bonds) {
        let (begin, end) = ends(bond.begin, bond.end, drawing.reversed);
        let (number, order) = (bond.index + 1, order_code(drawing.order));
        write!(text, "M  V30 {number} {order} {begin} {end}")?;
        match drawing.stereo {
            1 => write!(text, " CFG=1")?,
            3 => write!(text, " CFG=2")?,
            6 => write!(text, " CFG=3")?,
            _ => {}
        }
        writeln!(text)?;
    }
    writeln!(text, "M  V30 END BOND\nM  V30 END CTAB")
}
