//! Perception: everything RDKit's default sanitisation derives from atoms and bonds.
//!
//! The order is RDKit's: hydrogens merged, groups cleaned up, valences, rings, Kekulé
//! form, radicals, aromaticity, conjugation, hybridisation, chirality, hydrogens of
//! aromatic nitrogen made explicit, valences again, stereochemistry.

mod aromaticity;
mod centres;
mod cleanup;
mod conjugation;
mod cycle_basis;
mod cycle_paths;
mod cycles;
mod double_bonds;
mod draft;
mod effort;
mod fused;
mod hydrogens;
mod kekule_candidates;
mod kekule_matching;
mod kekule_walk;
mod kekulize;
mod metal_ranks;
mod partial;
mod radicals;
mod ranks;
mod ring_index;
mod ring_stereo;
mod ring_systems;
mod rings;
mod stereo;
mod survey;
mod two_rings;
mod valence;

use petgraph::graph::UnGraph;

pub use self::survey::StereoSurvey;

pub use self::partial::kekule_orders;
pub(crate) use self::partial::{hydrogens_of, kekule_orders_of, reassess};
pub(crate) use self::rings::normalize as normalize_ring;

use self::aromaticity::Aromaticity;
use self::conjugation::Conjugation;
use self::draft::Draft;
use self::effort::Effort;
use self::kekulize::Kekulizer;
use self::rings::RingSearch;
use crate::builder::MoleculeBuilder;
use crate::error::PerceptionError;
use crate::molecule::{Atom, Bond, ChiralTag, Conformer, Molecule, StereoGroup};

/// What perception does beyond the rules that always hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitize {
    /// Merge hydrogen nodes into the counts of their neighbours where RDKit's
    /// `RemoveHs` would (not for isotopes, ions, bridging or stereo-carrying ones).
    pub remove_hydrogens: bool,
    /// Refuse larger molecules.
    pub max_atoms: usize,
    /// Refuse larger ring systems, counted in atoms; systems of one ring have no limit.
    /// Memory grows with the square of this number.
    pub max_ring_system: usize,
    /// Refuse molecules whose rings, Kekulé forms and aromatic sets need more steps than
    /// this; a step takes about a nanosecond.
    pub max_ring_steps: u64,
    /// Refuse atoms with more neighbours.
    pub max_neighbors: usize,
}

impl Sanitize {
    /// RDKit's `MolFromSmiles`: hydrogens are merged.
    pub const RDKIT: Self = Self {
        remove_hydrogens: true,
        max_atoms: 4_000_000,
        max_ring_system: 2_000,
        max_ring_steps: 1_000_000_000,
        max_neighbors: 200,
    };

    /// As [`Self::RDKIT`], but hydrogens that the input has as atoms stay atoms.
    pub const KEEP_HYDROGENS: Self = Self {
        remove_hydrogens: false,
        ..Self::RDKIT
    };

    /// The same without limits: for what was read under limits before.
    #[must_use]
    pub const fn unlimited(self) -> Self {
        Self {
            max_atoms: usize::MAX,
            max_ring_system: usize::MAX,
            max_ring_steps: u64::MAX,
            max_neighbors: usize::MAX,
            ..self
        }
    }
}

/// Working memory, reused from molecule to molecule.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    draft: Draft,
    rings: RingSearch,
    kekulizer: Kekulizer,
    aromaticity: Aromaticity,
    conjugation: Conjugation,
}

/// Turns what a reader found into a molecule; `builder` is left with atoms and bonds only.
pub(crate) fn perceive(
    workspace: &mut Workspace,
    builder: &mut MoleculeBuilder,
    options: &Sanitize,
) -> Result<Molecule, PerceptionError> {
    check(builder, options)?;
    workspace.draft.load(builder, options.max_neighbors)?;
    if options.remove_hydrogens
        && let Some(stays) = hydrogens::remove(&mut workspace.draft)
    {
        for conformer in &mut builder.conformers {
            keep_positions(conformer, &stays);
        }
    }
    sanitize(workspace, options)?;
    if options.remove_hydrogens {
        release_counts(&mut workspace.draft)?;
    }
    stereo::assign(&mut workspace.draft)?;
    Ok(build(&workspace.draft, builder))
}

fn check(builder: &MoleculeBuilder, options: &Sanitize) -> Result<(), PerceptionError> {
    let atoms = builder.atoms.len();
    if atoms > options.max_atoms {
        return Err(PerceptionError::TooManyAtoms {
            found: atoms,
            limit: options.max_atoms,
        });
    }
    for (index, conformer) in builder.conformers.iter().enumerate() {
        if conformer.positions.len() != atoms {
            return Err(PerceptionError::ConformerLength {
                conformer: index,
                found: conformer.positions.len(),
                expected: atoms,
            });
        }
    }
    Ok(())
}

fn keep_positions(conformer: &mut Conformer, stays: &[bool]) {
    let mut index = 0;
    conformer.positions.retain(|_| {
        index += 1;
        stays[index - 1]
    });
}

fn sanitize(workspace: &mut Workspace, options: &Sanitize) -> Result<(), PerceptionError> {
    let Workspace {
        draft,
        rings,
        kekulizer,
        aromaticity,
        conjugation,
    } = workspace;
    cleanup::clean_up(draft);
    cleanup::clean_up_organometallics(draft)?;
    valence::update(draft, true)?;
    let mut effort = Effort::new(options.max_ring_steps);
    rings::find(draft, rings, options.max_ring_system, &mut effort)?;
    kekulizer.run(draft, &mut effort)?;
    radicals::assign(draft);
    aromaticity.set(draft, &mut effort)?;
    conjugation.set(draft);
    conjugation::set_hybridization(draft);
    conjugation::clean_chirality(draft);
    valence::settle(draft)
}

/// A centre that took over several hydrogens cannot be one; its count is implicit again.
fn release_counts(draft: &mut Draft) -> Result<(), PerceptionError> {
    for index in 0..draft.atoms.len() {
        let atom = &mut draft.atoms[index];
        if !atom.no_implicit && atom.tag != ChiralTag::Unspecified && atom.explicit_hydrogens > 1 {
            atom.explicit_hydrogens = 0;
            valence::update_atom(draft, index, false)?;
        }
    }
    Ok(())
}

/// The finished molecule.
fn build(draft: &Draft, builder: &mut MoleculeBuilder) -> Molecule {
    let mut graph = UnGraph::with_capacity(draft.atoms.len(), draft.bonds.len());
    for (index, atom) in draft.atoms.iter().enumerate() {
        graph.add_node(Atom {
            atomic_number: atom.atomic_number,
            isotope: atom.isotope,
            formal_charge: atom.charge as i8,
            explicit_hydrogens: atom.explicit_hydrogens as u8,
            implicit_hydrogens: atom.implicit_hydrogens as u8,
            no_implicit: atom.no_implicit,
            radical_electrons: atom.radicals as u8,
            atom_map: atom.atom_map,
            is_aromatic: atom.aromatic,
            hybridization: atom.hybridization,
            chiral_tag: atom.tag,
            in_ring: !draft.rings.of_atom(index).is_empty(),
        });
    }
    for (index, bond) in draft.bonds.iter().enumerate() {
        graph.add_edge(
            bond.begin.into(),
            bond.end.into(),
            Bond {
                order: bond.order,
                is_aromatic: bond.aromatic,
                is_conjugated: bond.conjugated,
                in_ring: draft.rings.has_bond(index),
                stereo: bond.stereo,
                stereo_atoms: bond.stereo_atoms,
                direction: bond.direction,
            },
        );
    }
    Molecule {
        graph,
        rings: draft.rings.atoms.clone(),
        conformers: std::mem::take(&mut builder.conformers),
        name: std::mem::take(&mut builder.name),
        properties: std::mem::take(&mut builder.properties),
        stereo_groups: kept_groups(draft, std::mem::take(&mut builder.stereo_groups)),
    }
}

/// The groups with those of their atoms that are stereocentres; empty groups go.
fn kept_groups(draft: &Draft, mut groups: Vec<StereoGroup>) -> Vec<StereoGroup> {
    for group in &mut groups {
        group.atoms.retain_mut(|atom| {
            // Without removed atoms the input has the same indices.
            let place = match draft.origin.len() {
                0 => Some(*atom as usize),
                _ => draft.origin.binary_search(atom).ok(),
            };
            *atom = place.map_or(*atom, |place| place as u32);
            let tag = place
                .and_then(|place| draft.atoms.get(place))
                .map(|a| a.tag);
            tag.is_some_and(|tag| tag != ChiralTag::Unspecified)
        });
    }
    groups.retain(|group| !group.atoms.is_empty());
    groups
}
