//! Bemis-Murcko scaffolds: the rings of a molecule and what links them.
//!
//! Bemis & Murcko, doi:10.1021/jm9602928, with RDKit's reading of it
//! (`MurckoDecompose`): side chains go, atoms double-bonded to rings or linkers stay, and
//! an aromatic heteroatom that loses its substituent gets a hydrogen.

mod routes;

use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::builder::{AtomSpec, BondDirection, BondSpec, MoleculeBuilder};
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Conformer, StereoGroup};
use crate::outline::{Outline, OutlineAtom, OutlineBond};
use crate::perceive;
use crate::smiles::{WriteOptions, has_lower_case, write_outline, write_with};

/// The scaffold of a molecule, without atoms when the molecule has no rings.
///
/// Aromaticity is that of the molecule; hydrogens, rings and stereochemistry are found
/// anew. Stereo groups keep those of their centres that are centres of the scaffold.
///
/// # Errors
/// A valence that the model refuses, where RDKit raises too.
///
/// ```
/// use dd_mol::{murcko_scaffold, smiles};
/// let toluene = smiles::parse("Cc1ccccc1")?;
/// let scaffold = murcko_scaffold(&toluene)?;
/// assert_eq!(scaffold.num_atoms(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn murcko_scaffold(molecule: &Molecule) -> Result<Molecule, PerceptionError> {
    let piece = Piece::of(molecule, true);
    let mut builder = piece.builder;
    for conformer in molecule.conformers() {
        let position = |&atom: &u32| conformer.positions[atom as usize];
        builder.add_conformer(Conformer {
            positions: piece.origin.iter().map(position).collect(),
            is_3d: conformer.is_3d,
        });
    }
    for group in molecule.stereo_groups() {
        let place = |atom: &u32| piece.origin.binary_search(atom).ok();
        let kept = group.atoms.iter().filter_map(place);
        builder.add_stereo_group(StereoGroup {
            atoms: kept.map(|atom| atom as u32).collect(),
            ..group.clone()
        });
    }
    builder.name.clone_from(&molecule.name);
    builder.properties.clone_from(&molecule.properties);
    perceive::reassess(builder)
}

/// The canonical SMILES of the scaffold, empty when there are no rings: equal for two
/// molecules exactly when they share a scaffold. Without `chirality` it states neither
/// stereochemistry nor isotopes, as in the usual scaffold split.
///
/// # Errors
/// As [`murcko_scaffold`].
pub fn murcko_scaffold_smiles(
    molecule: &Molecule,
    chirality: bool,
) -> Result<String, PerceptionError> {
    let options = if chirality {
        WriteOptions::ISOMERIC
    } else {
        WriteOptions::CONNECTIVITY
    };
    let piece = Piece::of(molecule, chirality);
    if piece.builder.atoms.is_empty() {
        return Ok(String::new());
    }
    if chirality && piece.has_stereo() || piece.has_odd_symbol() {
        let scaffold = perceive::reassess(piece.builder)?;
        return Ok(write_with(&scaffold, options));
    }
    Ok(write_outline(&piece.outline(molecule, options)?))
}

/// A bare atom on a ring that lost its neighbours takes hydrogens, as in RDKit, which
/// writes it without brackets.
fn release(atom: &mut AtomSpec, with_isotopes: bool) {
    let plain = atom.explicit_hydrogens == 0
        && atom.formal_charge == 0
        && atom.radical_electrons == 0
        && (atom.isotope == 0 || !with_isotopes)
        && atom.atom_map == 0;
    if plain && matches!(atom.atomic_number, 5 | 6 | 7 | 15) {
        atom.no_implicit = false;
        atom.chiral_tag = ChiralTag::Unspecified;
    }
}

/// The atoms and bonds that belong to the scaffold.
struct Piece {
    builder: MoleculeBuilder,
    /// Atom of the molecule behind each atom.
    origin: Vec<u32>,
    /// Whether the atom lost a neighbour.
    trimmed: Vec<bool>,
}

impl Piece {
    fn of(molecule: &Molecule, with_isotopes: bool) -> Self {
        let adjacency = Adjacency::of(molecule);
        let core = routes::rings_and_linkers(molecule, &adjacency);
        let is_double = |bond: usize| molecule.bond(bond).order == BondOrder::Double;
        let mut builder =
            MoleculeBuilder::with_capacity(molecule.num_atoms(), molecule.num_bonds());
        let mut origin = Vec::with_capacity(molecule.num_atoms());
        let mut trimmed = Vec::with_capacity(molecule.num_atoms());
        let mut new_index = vec![None; core.len()];
        let stays = |atom: usize| {
            let steps = adjacency.neighbors(atom).iter();
            core[atom] || { steps }.any(|step| core[step.atom] && is_double(step.bond))
        };
        for atom in (0..core.len()).filter(|&atom| stays(atom)) {
            new_index[atom] = Some(origin.len() as u32);
            origin.push(atom as u32);
        }
        for &atom in &origin {
            let atom = atom as usize;
            let mut spec = AtomSpec::from(molecule.atom(atom));
            let steps = adjacency.neighbors(atom).iter();
            let lost = { steps }.any(|step| new_index[step.atom].is_none());
            if lost && core[atom] {
                fill_gap(&mut spec);
            } else if lost {
                release(&mut spec, with_isotopes);
            }
            builder.add_atom(spec);
            trimmed.push(lost);
        }
        for bond in molecule.bonds() {
            if let (Some(begin), Some(end)) = (new_index[bond.begin], new_index[bond.end]) {
                let whole = !trimmed[begin as usize] && !trimmed[end as usize];
                let mut spec = BondSpec {
                    direction: bond.bond.direction,
                    stereo: bond.bond.stereo,
                    ..BondSpec::new(begin as usize, end as usize, bond.bond.order)
                };
                // Geometry of a double bond that lost a neighbour is what the remaining
                // slashes say, as in RDKit.
                if let Some(atoms) = bond.bond.stereo_atoms {
                    match atoms.map(|atom| new_index[atom as usize]) {
                        [Some(a), Some(b)] if whole => spec.stereo_atoms = Some([a, b]),
                        _ => spec.stereo = BondStereo::None,
                    }
                }
                builder.add_bond(spec);
            }
        }
        Self {
            builder,
            origin,
            trimmed,
        }
    }

    /// Whether anything says where neighbours lie.
    fn has_stereo(&self) -> bool {
        let tagged = |atom: &AtomSpec| atom.chiral_tag != ChiralTag::Unspecified;
        let marked = |bond: &BondSpec| {
            bond.stereo != BondStereo::None || bond.direction != BondDirection::None
        };
        self.builder.atoms.iter().any(tagged) || self.builder.bonds.iter().any(marked)
    }

    /// Whether an aromatic atom has no lower-case symbol.
    fn has_odd_symbol(&self) -> bool {
        let atoms = &self.builder.atoms;
        let is_odd = |atom: &AtomSpec| atom.is_aromatic && !has_lower_case(atom.atomic_number);
        atoms.iter().any(is_odd)
    }

    /// What a SMILES tells of the piece. Only atoms that lost a neighbour can have other
    /// hydrogens than before; rings and stereochemistry are not needed.
    fn outline(
        &self,
        molecule: &Molecule,
        options: WriteOptions,
    ) -> Result<Outline, PerceptionError> {
        let builder = &self.builder;
        let changed = (0..self.trimmed.len()).filter(|&atom| self.trimmed[atom]);
        let mut hydrogens = perceive::hydrogens_of(builder, changed)?.into_iter();
        let atoms = self.origin.iter().enumerate().map(|(index, &atom)| {
            let mut outline = OutlineAtom::of(molecule.atom(atom as usize));
            outline.chiral_tag = builder.atoms[index].chiral_tag;
            if self.trimmed[index] {
                outline.hydrogens = hydrogens.next().unwrap_or_default();
            }
            outline.only(options)
        });
        let bonds = builder.bonds.iter().map(|bond| OutlineBond {
            begin: bond.begin,
            end: bond.end,
            order: bond.order,
            geometry: None,
        });
        Ok(Outline::new(atoms.collect(), bonds.collect()))
    }
}

/// What RDKit does to an atom of the core that loses a neighbour.
fn fill_gap(atom: &mut AtomSpec) {
    let carbocation = atom.atomic_number == 6 && atom.formal_charge == 1;
    if atom.is_aromatic && (atom.atomic_number != 6 || carbocation) {
        atom.explicit_hydrogens = 1;
    } else if atom.no_implicit || atom.chiral_tag != ChiralTag::Unspecified {
        atom.no_implicit = false;
        atom.explicit_hydrogens = 0;
        atom.chiral_tag = ChiralTag::Unspecified;
    }
}
