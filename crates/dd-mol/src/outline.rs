//! What canonical ranking and writing look at: atoms, bonds and neighbours in flat arrays.
//!
//! Whatever a SMILES shall not tell is left out at the start, so that neither the ranks nor
//! the text depend on it.

use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::molecule::{Atom, Bond, BondOrder, BondStereo, ChiralTag};
use crate::smiles::{WriteOptions, without_odd_symbols};

/// An atom with all its hydrogens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutlineAtom {
    pub(crate) atomic_number: u8,
    pub(crate) is_aromatic: bool,
    pub(crate) formal_charge: i8,
    pub(crate) hydrogens: u8,
    pub(crate) radical_electrons: u8,
    pub(crate) isotope: u16,
    pub(crate) atom_map: u32,
    pub(crate) chiral_tag: ChiralTag,
}

/// A bond and its geometry, if it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutlineBond {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    pub(crate) order: BondOrder,
    pub(crate) geometry: Option<Geometry>,
}

/// Which neighbours of a double bond lie on which side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    /// A neighbour of the begin atom and one of the end atom.
    pub(crate) references: [usize; 2],
    /// Whether the references lie on opposite sides.
    pub(crate) trans: bool,
}

/// A molecule as ranking and writing see it.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) atoms: Vec<OutlineAtom>,
    pub(crate) bonds: Vec<OutlineBond>,
    pub(crate) adjacency: Adjacency,
}

impl Outline {
    /// The molecule without what `options` leave out.
    pub(crate) fn of(molecule: &Molecule, options: WriteOptions) -> Self {
        let atoms = molecule.atoms();
        let atoms = atoms.map(|atom| OutlineAtom::of(atom).only(options));
        let bonds = molecule.bonds().map(|bond| OutlineBond {
            begin: bond.begin,
            end: bond.end,
            order: bond.bond.order,
            geometry: geometry(bond.bond).filter(|_| options.isomeric),
        });
        let mut outline = Self::new(atoms.collect(), bonds.collect());
        outline.forget_unwritable();
        without_odd_symbols(&mut outline, molecule);
        outline
    }

    /// Leaves out geometries that no slashes can state: those of double bonds with an end that has no bond for a slash,
    /// as within a row of double bonds.
    fn forget_unwritable(&mut self) {
        let marked = |order| matches!(order, BondOrder::Single | BondOrder::Aromatic);
        let is_told = |bond: &OutlineBond| {
            [bond.begin, bond.end].iter().all(|&end| {
                let mut steps = self.adjacency.neighbors(end).iter();
                steps.any(|step| marked(self.bonds[step.bond].order))
            })
        };
        let stated = self.bonds.iter().enumerate();
        let stated = stated.filter(|(_, bond)| bond.geometry.is_some() && !is_told(bond));
        let untold: Vec<usize> = stated.map(|(bond, _)| bond).collect();
        for bond in untold {
            self.bonds[bond].geometry = None;
        }
    }

    pub(crate) fn new(atoms: Vec<OutlineAtom>, bonds: Vec<OutlineBond>) -> Self {
        let ends = bonds.iter().map(|bond| (bond.begin, bond.end));
        Self {
            adjacency: Adjacency::from_ends(atoms.len(), ends),
            atoms,
            bonds,
        }
    }
}

impl OutlineAtom {
    pub(crate) fn of(atom: &Atom) -> Self {
        Self {
            atomic_number: atom.atomic_number,
            is_aromatic: atom.is_aromatic,
            formal_charge: atom.formal_charge,
            hydrogens: atom
                .explicit_hydrogens
                .saturating_add(atom.implicit_hydrogens),
            radical_electrons: atom.radical_electrons,
            isotope: atom.isotope,
            atom_map: atom.atom_map,
            chiral_tag: atom.chiral_tag,
        }
    }

    /// The atom without what `options` leave out.
    pub(crate) fn only(mut self, options: WriteOptions) -> Self {
        if !options.isomeric {
            self.isotope = 0;
            self.chiral_tag = ChiralTag::Unspecified;
        }
        if !options.atom_maps {
            self.atom_map = 0;
        }
        self
    }
}

fn geometry(bond: &Bond) -> Option<Geometry> {
    let trans = match bond.stereo {
        BondStereo::E | BondStereo::Trans => true,
        BondStereo::Z | BondStereo::Cis => false,
        _ => return None,
    };
    Some(Geometry {
        references: bond.stereo_atoms?.map(|atom| atom as usize),
        trans,
    })
}
