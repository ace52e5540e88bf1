//! From the connection table to the molecule: stated valences, stereochemistry from
//! coordinates, perception.

use super::MolfileOptions;
use super::ctab::{Ctab, CtabAtom, Wedge};
use super::double_bond;
use super::error::{MolfileError, MolfileErrorKind};
use super::spatial;
use super::wedge::{self, Drawn};
use crate::adjacency::Adjacency;
use crate::builder::{BondDirection, BondSpec, MoleculeBuilder};
use crate::element::Element;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Conformer, Molecule};
use crate::nontetrahedral::arrangement;
use crate::vector::direction;

/// Elements from phosphorus on can be more than tetrahedral.
const FIRST_NON_TETRAHEDRAL: u8 = 15;

pub(super) fn molecule(
    mut ctab: Ctab,
    options: &MolfileOptions,
    properties: Vec<(String, String)>,
) -> Result<Molecule, MolfileError> {
    let ends: Vec<(usize, usize)> = ctab.bonds.iter().map(|b| (b.begin, b.end)).collect();
    let adjacency = Adjacency::from_bonds(ctab.atoms.len(), &ends);
    state_valences(&mut ctab, &adjacency);
    let is_3d = ctab.is_3d();
    if is_3d {
        chirality_in_space(&mut ctab, &adjacency);
    } else if ctab.has_stereo_marks() {
        chirality_from_wedges(&mut ctab, &adjacency);
    }
    let mut builder = MoleculeBuilder::with_capacity(ctab.atoms.len(), ctab.bonds.len());
    for atom in &ctab.atoms {
        builder.add_atom(atom.spec);
    }
    for (index, bond) in ctab.bonds.iter().enumerate() {
        let mut spec = BondSpec::new(bond.begin, bond.end, bond.order);
        if let Some(geometry) = double_bond::geometry(&ctab, &adjacency, index) {
            spec.stereo = geometry.stereo;
            spec.stereo_atoms = geometry.stereo_atoms;
            if geometry.stereo == BondStereo::Any {
                spec.direction = BondDirection::Either;
            }
        }
        builder.add_bond(spec);
    }
    builder.add_conformer(Conformer {
        positions: ctab.atoms.iter().map(|atom| atom.position).collect(),
        is_3d,
    });
    builder.set_name(std::mem::take(&mut ctab.name));
    for (key, value) in properties {
        builder.add_property(key, value);
    }
    let located = |error: PerceptionError| {
        let line = line_of(&error, &ctab);
        MolfileError::in_block(MolfileErrorKind::Perception(error), line)
    };
    builder.finish(&options.sanitize).map_err(located)
}

/// The line of the first atom or bond that an error names.
fn line_of(error: &PerceptionError, ctab: &Ctab) -> usize {
    let bond = match error {
        PerceptionError::NoSuchAtom { bond, .. }
        | PerceptionError::SelfBond { bond, .. }
        | PerceptionError::DuplicateBond { bond, .. } => ctab.bonds.get(*bond),
        _ => None,
    };
    let atom = || {
        let atom = error.atoms().first().and_then(|&atom| ctab.atoms.get(atom));
        atom.map_or(4, |atom| atom.line)
    };
    bond.map_or_else(atom, |bond| bond.line)
}

/// Turns total valences that the file states into hydrogen counts.
fn state_valences(ctab: &mut Ctab, adjacency: &Adjacency) {
    for index in 0..ctab.atoms.len() {
        if let Some(valence) = ctab.atoms[index].valence {
            let drawn = drawn_valence(ctab, adjacency, index);
            let spec = &mut ctab.atoms[index].spec;
            spec.no_implicit = true;
            spec.explicit_hydrogens = valence.saturating_sub(drawn);
        }
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
    let spec = &ctab.atoms[index].spec;
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
        let begins_wavy = steps.iter().any(|step| {
            let bond = ctab.bonds[step.bond];
            bond.begin == index && bond.wedge == Wedge::Wavy
        });
        let affects = |&&step: &&crate::adjacency::Neighbor| {
            let bond = ctab.bonds[step.bond];
            bond.order != BondOrder::Zero
                && !(bond.order == BondOrder::Dative && bond.begin == index)
        };
        let bonded: Vec<[f64; 3]> = steps
            .iter()
            .filter(affects)
            .map(|step| ctab.atoms[step.atom].position)
            .collect();
        let total = bonded.len() + usize::from(expected_hydrogens(ctab, adjacency, index));
        if begins_wavy || bonded.len() < 3 || total > 6 {
            continue;
        }
        let CtabAtom { position, spec, .. } = ctab.atoms[index];
        let mut tag = None;
        if spec.atomic_number >= FIRST_NON_TETRAHEDRAL {
            let all = steps.iter().map(|step| ctab.atoms[step.atom].position);
            let bonds: Vec<[f64; 3]> = all.map(|p| direction(position, p)).collect();
            tag = arrangement(&bonds);
        }
        // Three-coordinate sulfur and selenium keep a lone pair in the fourth place.
        let lone_pair = matches!(spec.atomic_number, 16 | 34);
        if tag.is_none() && total <= 4 && (total == 4 || lone_pair) {
            tag = spatial::chirality(position, &bonded);
        }
        ctab.atoms[index].spec.chiral_tag = tag.unwrap_or(ChiralTag::Unspecified);
    }
}

/// Chirality of every centre at the narrow end of a wedge.
fn chirality_from_wedges(ctab: &mut Ctab, adjacency: &Adjacency) {
    let mut settled = vec![false; ctab.atoms.len()];
    for index in 0..ctab.bonds.len() {
        let bond = ctab.bonds[index];
        let atom = bond.begin;
        if bond.wedge == Wedge::Wavy {
            settled[atom] = true;
            ctab.atoms[atom].spec.chiral_tag = ChiralTag::Unspecified;
        }
        if settled[atom] || !matches!(bond.wedge, Wedge::Up | Wedge::Down) {
            continue;
        }
        let tag = tag_from_wedge(ctab, adjacency, atom, index);
        settled[atom] = tag.is_some();
        let hydrogens = expected_hydrogens(ctab, adjacency, atom);
        let spec = &mut ctab.atoms[atom].spec;
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
    let CtabAtom { position, spec, .. } = &ctab.atoms[atom];
    if !all_single && !matches!(spec.atomic_number, 15 | 16) {
        return None;
    }
    let neighbors: Vec<Drawn> = steps
        .iter()
        .map(|step| {
            let bond = ctab.bonds[step.bond];
            let lift = match bond.wedge {
                _ if bond.begin != atom => 0,
                Wedge::Up => 1,
                Wedge::Down => -1,
                _ => 0,
            };
            let other = &ctab.atoms[step.atom];
            Drawn {
                position: other.position,
                lift,
                is_hydrogen: other.spec.atomic_number == 1 && other.spec.isotope == 0,
            }
        })
        .collect();
    let place = steps.iter().position(|step| step.bond == wedge)?;
    wedge::chirality(*position, &neighbors, place)
}
