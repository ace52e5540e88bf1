//! From the connection table to the molecule: stated valences, stereochemistry from
//! coordinates, perception.

use super::MolfileOptions;
use super::ctab::{Ctab, Wedge};
use super::double_bond::{self, SmallRings};
use super::error::{MolfileError, MolfileErrorKind};
use super::spatial;
use super::wedge::{self, Drawn};
use crate::adjacency::Adjacency;
use crate::builder::{BondDirection, MoleculeBuilder};
use crate::element::Element;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, ChiralTag, Conformer, Molecule};
use crate::nontetrahedral::arrangement;
use crate::vector::direction;

/// The most neighbours of a centre, hydrogens included.
const MAX_NEIGHBORS: usize = 6;
/// Elements from phosphorus on can be more than tetrahedral.
const FIRST_NON_TETRAHEDRAL: u8 = 15;

pub(super) fn molecule(
    mut ctab: Ctab,
    options: &MolfileOptions,
    properties: Vec<(String, String)>,
) -> Result<Molecule, MolfileError> {
    let ends = ctab.bonds.iter().map(|bond| (bond.begin, bond.end));
    let adjacency = Adjacency::from_ends(ctab.atoms.len(), ends);
    state_valences(&mut ctab, &adjacency);
    let is_3d = ctab.is_3d();
    if is_3d {
        chirality_in_space(&mut ctab, &adjacency);
    } else if ctab.has_stereo_marks() {
        chirality_from_wedges(&mut ctab, &adjacency);
    }
    let mut rings = SmallRings::default();
    for index in 0..ctab.bonds.len() {
        if let Some(geometry) = double_bond::geometry(&ctab, &adjacency, &mut rings, index) {
            let bond = &mut ctab.bonds[index];
            bond.stereo = geometry.stereo;
            bond.stereo_atoms = geometry.stereo_atoms;
            if ctab.wedges[index] == Wedge::Crossed {
                bond.direction = BondDirection::Either;
            }
        }
    }
    let conformer = Conformer {
        positions: ctab.positions,
        is_3d,
    };
    let builder = MoleculeBuilder {
        atoms: ctab.atoms,
        bonds: ctab.bonds,
        conformers: vec![conformer],
        name: ctab.name,
        properties,
        stereo_groups: ctab.stereo_groups,
    };
    let (atom_lines, bond_lines) = (ctab.atom_lines, ctab.bond_lines);
    builder.finish(&options.sanitize).map_err(|error| {
        let line = line_of(&error, &atom_lines, &bond_lines);
        MolfileError::in_block(MolfileErrorKind::Perception(error), line)
    })
}

/// The line of the first atom or bond that an error names.
fn line_of(error: &PerceptionError, atom_lines: &[u32], bond_lines: &[u32]) -> usize {
    let bond = match error {
        PerceptionError::NoSuchAtom { bond, .. }
        | PerceptionError::SelfBond { bond, .. }
        | PerceptionError::DuplicateBond { bond, .. } => bond_lines.get(*bond),
        _ => None,
    };
    let atom = || {
        let atom = error.atoms().first().copied();
        atom.and_then(|atom| atom_lines.get(atom))
    };
    bond.or_else(atom).map_or(4, |line| *line as usize)
}

/// Turns total valences that the file states into hydrogen counts.
fn state_valences(ctab: &mut Ctab, adjacency: &Adjacency) {
    for (index, valence) in std::mem::take(&mut ctab.valences) {
        let drawn = drawn_valence(ctab, adjacency, index);
        let atom = &mut ctab.atoms[index];
        atom.no_implicit = true;
        atom.explicit_hydrogens = valence.saturating_sub(drawn);
    }
}

/// Sum of the bond orders of an atom, halves rounded up.
fn drawn_valence(ctab: &Ctab, adjacency: &Adjacency, atom: usize) -> u8 {
    let steps = adjacency.neighbors(atom).iter();
    let twice: u32 = steps
        .map(|step| match ctab.bonds[step.bond].order {
            BondOrder::Single => 2,
            BondOrder::Double => 4,
            BondOrder::Triple => 6,
            BondOrder::Quadruple => 8,
            BondOrder::Aromatic => 3,
            // A dative bond counts for its acceptor.
            BondOrder::Dative => 2 * u32::from(ctab.bonds[step.bond].end == atom),
            BondOrder::Zero | BondOrder::Unspecified => 0,
        })
        .sum();
    twice.div_ceil(2).min(255) as u8
}

/// Hydrogens on an atom that are not nodes, before perception has counted them.
fn expected_hydrogens(ctab: &Ctab, adjacency: &Adjacency, index: usize) -> u8 {
    let spec = &ctab.atoms[index];
    if spec.no_implicit {
        return spec.explicit_hydrogens;
    }
    let isoelectronic = i16::from(spec.atomic_number) - i16::from(spec.formal_charge);
    let element = Element::of(u8::try_from(isoelectronic).unwrap_or(0));
    let drawn = drawn_valence(ctab, adjacency, index)
        .saturating_add(spec.radical_electrons)
        .saturating_add(spec.explicit_hydrogens);
    let spare = |&valence: &i32| u8::try_from(valence).ok()?.checked_sub(drawn);
    let implicit = element.valences.iter().find_map(spare).unwrap_or(0);
    spec.explicit_hydrogens.saturating_add(implicit)
}

/// Chirality of every centre that has one in space (RDKit's `assignChiralTypesFrom3D`).
fn chirality_in_space(ctab: &mut Ctab, adjacency: &Adjacency) {
    for index in 0..ctab.atoms.len() {
        let steps = adjacency.neighbors(index);
        if steps.len() < 3 {
            continue;
        }
        let begins_wavy = steps.iter().any(|step| {
            ctab.bonds[step.bond].begin == index && ctab.wedges[step.bond] == Wedge::Wavy
        });
        let mut bonded = [[0.0; 3]; MAX_NEIGHBORS];
        let mut count = 0;
        for step in steps {
            let bond = ctab.bonds[step.bond];
            let leaves = bond.order == BondOrder::Dative && bond.begin == index;
            if bond.order != BondOrder::Zero && !leaves {
                if let Some(place) = bonded.get_mut(count) {
                    *place = ctab.positions[step.atom];
                }
                count += 1;
            }
        }
        let total = count + usize::from(expected_hydrogens(ctab, adjacency, index));
        if begins_wavy || count < 3 || total > MAX_NEIGHBORS {
            continue;
        }
        let (position, atomic_number) = (ctab.positions[index], ctab.atoms[index].atomic_number);
        let mut tag = None;
        if atomic_number >= FIRST_NON_TETRAHEDRAL {
            let all = steps.iter().map(|step| ctab.positions[step.atom]);
            let bonds: Vec<[f64; 3]> = all.map(|p| direction(position, p)).collect();
            tag = arrangement(&bonds);
        }
        // Three-coordinate sulfur and selenium keep a lone pair in the fourth place.
        let lone_pair = matches!(atomic_number, 16 | 34);
        if tag.is_none() && total <= 4 && (total == 4 || lone_pair) {
            tag = spatial::chirality(position, &bonded[..count]);
        }
        ctab.atoms[index].chiral_tag = tag.unwrap_or(ChiralTag::Unspecified);
    }
}

/// Chirality of every centre at the narrow end of a wedge.
fn chirality_from_wedges(ctab: &mut Ctab, adjacency: &Adjacency) {
    let mut settled = vec![false; ctab.atoms.len()];
    for index in 0..ctab.bonds.len() {
        let (atom, wedge) = (ctab.bonds[index].begin, ctab.wedges[index]);
        if wedge == Wedge::Wavy {
            settled[atom] = true;
            ctab.atoms[atom].chiral_tag = ChiralTag::Unspecified;
        }
        if settled[atom] || !matches!(wedge, Wedge::Up | Wedge::Down) {
            continue;
        }
        let tag = tag_from_wedge(ctab, adjacency, atom, index);
        settled[atom] = tag.is_some();
        let hydrogens = expected_hydrogens(ctab, adjacency, atom);
        let spec = &mut ctab.atoms[atom];
        spec.chiral_tag = tag.unwrap_or(ChiralTag::Unspecified);
        // RDKit makes the single hydrogen of a drawn centre explicit.
        if adjacency.degree(atom) == 3 && spec.explicit_hydrogens == 0 && hydrogens == 1 {
            spec.explicit_hydrogens = 1;
        }
    }
}

fn tag_from_wedge(
    ctab: &Ctab,
    adjacency: &Adjacency,
    atom: usize,
    wedge: usize,
) -> Option<ChiralTag> {
    let steps = adjacency.neighbors(atom);
    let all_single = steps
        .iter()
        .all(|step| ctab.bonds[step.bond].order == BondOrder::Single);
    if !all_single && !matches!(ctab.atoms[atom].atomic_number, 15 | 16) {
        return None;
    }
    let neighbors: Vec<Drawn> = steps
        .iter()
        .map(|step| {
            let lift = match ctab.wedges[step.bond] {
                _ if ctab.bonds[step.bond].begin != atom => 0,
                Wedge::Up => 1,
                Wedge::Down => -1,
                _ => 0,
            };
            Drawn {
                position: ctab.positions[step.atom],
                lift,
            }
        })
        .collect();
    let place = steps.iter().position(|step| step.bond == wedge)?;
    wedge::chirality(ctab.positions[atom], &neighbors, place)
}
