//! The one way to make a [`Molecule`]: atoms and bonds as a reader found them,
//! then perception.
//!
//! The SMILES and molfile readers both fill a [`MoleculeBuilder`] with what the
//! text says and nothing more; everything derived (hydrogens, rings, aromaticity,
//! stereo) is found by [`MoleculeBuilder::finish`].

use crate::error::PerceptionError;
use crate::molecule::{Atom, BondOrder, BondStereo, ChiralTag, Conformer, Molecule, StereoGroup};
use crate::perceive::{self, Sanitize};
use crate::workspace;

/// An atom as written, before perception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtomSpec {
    /// Atomic number; 0 is the dummy atom `*`.
    pub atomic_number: u8,
    /// Mass number, or 0 when unspecified.
    pub isotope: u16,
    /// Formal charge in units of e.
    pub formal_charge: i8,
    /// Hydrogens stated with the atom (`[CH3]`), not graph neighbours.
    pub explicit_hydrogens: u8,
    /// True when the valence model may not add hydrogens (bracket atoms).
    pub no_implicit: bool,
    /// Unpaired electrons stated by the input; perception may add more.
    pub radical_electrons: u8,
    /// Atom class (`:n`), 0 when absent.
    pub atom_map: u32,
    /// Written as aromatic (lower case).
    pub is_aromatic: bool,
    /// Chirality relative to the order of the atom's bonds (ascending bond index);
    /// a hydrogen that is not a node stands last.
    pub chiral_tag: ChiralTag,
}

impl AtomSpec {
    /// A neutral atom of an element, open to implicit hydrogens.
    pub fn new(atomic_number: u8) -> Self {
        Self {
            atomic_number,
            ..Self::default()
        }
    }
}

/// The direction mark of a bond: a slash of SMILES.
///
/// Read from the begin atom to the end atom, as RDKit's `BondDir`. Readers of
/// coordinates set the marks that describe the geometry of their double bonds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BondDirection {
    /// No mark.
    #[default]
    None,
    /// `/`: the end atom lies above the begin atom.
    Up,
    /// `\`: the end atom lies below the begin atom.
    Down,
    /// On a double bond: its geometry is explicitly unknown (a crossed bond).
    Either,
}

impl BondDirection {
    /// The same mark read from the other end.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
            other => other,
        }
    }
}

/// A bond as written, before perception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BondSpec {
    /// Index of the begin atom.
    pub begin: usize,
    /// Index of the end atom.
    pub end: usize,
    /// Order as written; [`BondOrder::Aromatic`] is kekulised first.
    pub order: BondOrder,
    /// Direction mark.
    pub direction: BondDirection,
    /// Double-bond geometry that is already known; normally found from the marks.
    pub stereo: BondStereo,
    /// The neighbours that a known `stereo` refers to.
    pub stereo_atoms: Option<[u32; 2]>,
}

impl BondSpec {
    /// A bond without stereo marks.
    pub fn new(begin: usize, end: usize, order: BondOrder) -> Self {
        Self {
            begin,
            end,
            order,
            direction: BondDirection::None,
            stereo: BondStereo::None,
            stereo_atoms: None,
        }
    }
}

/// Collects atoms and bonds and turns them into a [`Molecule`].
#[derive(Debug, Clone, Default)]
pub struct MoleculeBuilder {
    pub(crate) atoms: Vec<AtomSpec>,
    pub(crate) bonds: Vec<BondSpec>,
    pub(crate) conformers: Vec<Conformer>,
    pub(crate) name: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) stereo_groups: Vec<StereoGroup>,
}

impl MoleculeBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty builder with room for the given numbers of atoms and bonds.
    pub fn with_capacity(atoms: usize, bonds: usize) -> Self {
        Self {
            atoms: Vec::with_capacity(atoms),
            bonds: Vec::with_capacity(bonds),
            ..Self::default()
        }
    }

    /// Adds an atom and returns its index.
    pub fn add_atom(&mut self, atom: AtomSpec) -> usize {
        self.atoms.push(atom);
        self.atoms.len() - 1
    }

    /// Adds a bond and returns its index. Its ends are checked by [`Self::finish`].
    pub fn add_bond(&mut self, bond: BondSpec) -> usize {
        self.bonds.push(bond);
        self.bonds.len() - 1
    }

    /// Adds a conformer; its length is checked by [`Self::finish`].
    pub fn add_conformer(&mut self, conformer: Conformer) {
        self.conformers.push(conformer);
    }

    /// Sets the name (the title line of a record).
    pub fn set_name(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Adds a data field.
    pub fn add_property(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.properties.push((key.into(), value.into()));
    }

    /// Adds a group of enhanced stereo; atoms that turn out to be no stereocentres leave it.
    pub fn add_stereo_group(&mut self, group: StereoGroup) {
        self.stereo_groups.push(group);
    }

    /// The atoms added so far.
    pub fn atoms(&self) -> &[AtomSpec] {
        &self.atoms
    }

    /// The atoms added so far, for later corrections.
    pub fn atoms_mut(&mut self) -> &mut [AtomSpec] {
        &mut self.atoms
    }

    /// The bonds added so far.
    pub fn bonds(&self) -> &[BondSpec] {
        &self.bonds
    }

    /// The bonds added so far, for later corrections.
    pub fn bonds_mut(&mut self) -> &mut [BondSpec] {
        &mut self.bonds
    }

    /// Runs perception and returns the molecule.
    ///
    /// # Errors
    /// A bond without two distinct atoms, two bonds between the same atoms, a
    /// conformer of another length, a valence outside the model, or an aromatic
    /// system without a Kekulé form.
    pub fn finish(mut self, options: &Sanitize) -> Result<Molecule, PerceptionError> {
        workspace::with(self.atoms.len(), |workspace| {
            perceive::perceive(&mut workspace.perception, &mut self, options)
        })
    }
}

impl From<&Atom> for AtomSpec {
    /// The atom as if just read.
    fn from(atom: &Atom) -> Self {
        Self {
            atomic_number: atom.atomic_number,
            isotope: atom.isotope,
            formal_charge: atom.formal_charge,
            explicit_hydrogens: atom.explicit_hydrogens,
            no_implicit: atom.no_implicit,
            radical_electrons: atom.radical_electrons,
            atom_map: atom.atom_map,
            is_aromatic: atom.is_aromatic,
            chiral_tag: atom.chiral_tag,
        }
    }
}

impl From<&Molecule> for MoleculeBuilder {
    /// The molecule as if just read: aromatic bonds stay aromatic, hydrogens become
    /// explicit counts on every atom that would not get them back.
    fn from(molecule: &Molecule) -> Self {
        let mut builder = Self::with_capacity(molecule.num_atoms(), molecule.num_bonds());
        for atom in molecule.atoms() {
            builder.add_atom(AtomSpec::from(atom));
        }
        for bond in molecule.bonds() {
            builder.add_bond(BondSpec {
                stereo: bond.bond.stereo,
                stereo_atoms: bond.bond.stereo_atoms,
                direction: bond.bond.direction,
                ..BondSpec::new(bond.begin, bond.end, bond.bond.order)
            });
        }
        builder.conformers.clone_from(&molecule.conformers);
        builder.name.clone_from(&molecule.name);
        builder.properties.clone_from(&molecule.properties);
        builder.stereo_groups.clone_from(&molecule.stereo_groups);
        builder
    }
}
