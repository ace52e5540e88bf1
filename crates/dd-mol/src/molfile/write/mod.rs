//! Molecules to mol blocks: V2000, or V3000 where the older format has no room.
//!
//! Bonds are written in a Kekulé form. Chirality and double-bond geometry are in the
//! coordinates of a 3D conformer; in a drawing each centre gets a wedge on the bond whose
//! perception gives the right chirality back. What is written is read again: hydrogens
//! that the valence model would not find are then stated, and centres or double bonds of
//! which nothing is known but which the coordinates show get wavy and crossed bonds.

mod drawing;
mod tables;

use crate::error::PerceptionError;
use crate::molecule::{BondStereo, Molecule};
use crate::molfile::{self, MolfileOptions};
use drawing::Drawing;

/// Largest count that the three columns of V2000 hold.
const V2000_LIMIT: usize = 999;
/// Coordinates from this on do not fit ten columns with four decimals.
const V2000_POSITION: f64 = 9999.0;

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
    #[error("bond {bond} has an order that the format cannot say")]
    BondOrder {
        /// 0-based index of the bond.
        bond: usize,
    },
    /// V2000 was asked for, but has no room.
    #[error("V2000 cannot hold {what}")]
    NotV2000 {
        /// What it cannot hold.
        what: &'static str,
    },
    /// The coordinates contradict what the molecule states of an atom.
    #[error("atom {atom} would be read with other chirality, hydrogens or electrons")]
    Atom {
        /// 0-based index of the atom.
        atom: usize,
    },
    /// The coordinates contradict the geometry of a double bond.
    #[error("bond {bond} would be read with another geometry")]
    Bond {
        /// 0-based index of the bond.
        bond: usize,
    },
    /// The name is no single line.
    #[error("the name would break the record")]
    Name,
    /// A data field name or value that would break the record.
    #[error("the data field {name:?} would break the record")]
    Property {
        /// Its name.
        name: String,
    },
}

/// The two forms of connection tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Version {
    /// Fixed columns: coordinates with four decimals, no more than 999 atoms or bonds.
    V2000,
    /// Free format: coordinates in full, enhanced stereo.
    V3000,
}

/// The mol block of a molecule with its first conformer: V2000 where it has room for the
/// molecule, else V3000.
///
/// # Errors
/// [`WriteError`] when the format cannot hold the molecule.
pub fn write(molecule: &Molecule) -> Result<String, WriteError> {
    let version = match v2000_obstacle(molecule) {
        None => Version::V2000,
        Some(_) => Version::V3000,
    };
    write_as(molecule, version)
}

/// The mol block of a molecule with its first conformer in the form asked for.
///
/// ```
/// use dd_mol::{molfile, smiles};
/// let text = molfile::write_as(&smiles::parse("[13CH4]")?, molfile::Version::V3000)?;
/// assert!(text.contains("M  V30 1 C 0 0 0 0 MASS=13"));
/// assert_eq!(molfile::parse(&text)?.atom(0).isotope, 13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WriteError`] when the format cannot hold the molecule.
pub fn write_as(molecule: &Molecule, version: Version) -> Result<String, WriteError> {
    let name = molecule.name();
    if name.contains(['\n', '\r']) || name.starts_with("$$$$") {
        return Err(WriteError::Name);
    }
    if let (Version::V2000, Some(what)) = (version, v2000_obstacle(molecule)) {
        return Err(WriteError::NotV2000 { what });
    }
    let finite = |position: &[f64; 3]| position.iter().all(|x| x.is_finite());
    let conformer = molecule.conformers().first();
    let positions = conformer.map(|conformer| &conformer.positions);
    if let Some(atom) = positions.and_then(|p| p.iter().position(|p| !finite(p))) {
        return Err(WriteError::Position { atom });
    }
    if conformer.is_none() && drawing::states_geometry(molecule) {
        return Err(WriteError::NoConformer);
    }
    let mut drawing = Drawing::new(molecule)?;
    let mut text = tables::block(molecule, &drawing, version)?;
    let faults = faults(molecule, &text);
    if faults.atoms.is_empty() && faults.bonds.is_empty() {
        return Ok(text);
    }
    drawing.amend(molecule, &faults);
    text = tables::block(molecule, &drawing, version)?;
    let left = self::faults(molecule, &text);
    match (left.atoms.first(), left.bonds.first()) {
        (Some(&atom), _) => Err(WriteError::Atom { atom }),
        (None, Some(&bond)) => Err(WriteError::Bond { bond }),
        (None, None) => Ok(text),
    }
}

/// What V2000 has no room for.
fn v2000_obstacle(molecule: &Molecule) -> Option<&'static str> {
    let wide = |position: &[f64; 3]| position.iter().any(|x| x.abs() >= V2000_POSITION);
    let positions = molecule.conformers().first().map(|c| &c.positions);
    if molecule.num_atoms().max(molecule.num_bonds()) > V2000_LIMIT {
        Some("more than 999 atoms or bonds")
    } else if molecule.atoms().any(|a| a.atom_map as usize > V2000_LIMIT) {
        Some("atom maps above 999")
    } else if !molecule.stereo_groups().is_empty() {
        Some("groups of enhanced stereo")
    } else if positions.is_some_and(|positions| positions.iter().any(wide)) {
        Some("coordinates of more than four digits")
    } else {
        None
    }
}

/// Atoms and bonds that would be read otherwise than they are.
#[derive(Debug, Default)]
struct Faults {
    atoms: Vec<usize>,
    bonds: Vec<usize>,
}

/// Reads what was written and compares.
fn faults(molecule: &Molecule, text: &str) -> Faults {
    let options = MolfileOptions {
        sanitize: MolfileOptions::KEEP_HYDROGENS.sanitize.unlimited(),
    };
    let Ok(read) = molfile::parse_with(text, &options) else {
        // Hydrogens that were not stated can make a valence impossible.
        return Faults {
            atoms: (0..molecule.num_atoms()).collect(),
            bonds: Vec::new(),
        };
    };
    let atoms = molecule.atoms().zip(read.atoms()).map(|(a, b)| {
        a.explicit_hydrogens + a.implicit_hydrogens == b.explicit_hydrogens + b.implicit_hydrogens
            && (a.chiral_tag, a.radical_electrons) == (b.chiral_tag, b.radical_electrons)
    });
    let known = |stereo| match stereo {
        BondStereo::Any => BondStereo::None,
        known => known,
    };
    let bonds = molecule.bonds().zip(read.bonds()).map(|(a, b)| {
        let same_atoms = a.bond.stereo_atoms == b.bond.stereo_atoms;
        let geometry = known(a.bond.stereo);
        geometry == known(b.bond.stereo) && (same_atoms || geometry == BondStereo::None)
    });
    let places = |fine: &mut dyn Iterator<Item = bool>| {
        let faults = fine.enumerate().filter(|(_, fine)| !fine);
        faults.map(|(place, _)| place).collect()
    };
    Faults {
        atoms: places(&mut { atoms }),
        bonds: places(&mut { bonds }),
    }
}
