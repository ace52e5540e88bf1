//! The molecule while perception works on it: flat arrays instead of a graph.

use crate::builder::{AtomSpec, BondDirection, BondSpec, MoleculeBuilder};
use crate::element::Element;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Hybridization};

/// An atom under perception.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DraftAtom {
    pub(crate) atomic_number: u8,
    pub(crate) isotope: u16,
    pub(crate) charge: i32,
    pub(crate) explicit_hydrogens: u32,
    pub(crate) no_implicit: bool,
    pub(crate) radicals: i32,
    pub(crate) atom_map: u32,
    pub(crate) aromatic: bool,
    pub(crate) tag: ChiralTag,
    pub(crate) hybridization: Hybridization,
    /// Sum of bond orders and explicit hydrogens, after the last valence update.
    pub(crate) explicit_valence: i32,
    /// Hydrogens of the valence model, after the last valence update.
    pub(crate) implicit_hydrogens: i32,
}

impl DraftAtom {
    fn new(spec: &AtomSpec) -> Self {
        Self {
            atomic_number: spec.atomic_number,
            isotope: spec.isotope,
            charge: i32::from(spec.formal_charge),
            explicit_hydrogens: u32::from(spec.explicit_hydrogens),
            no_implicit: spec.no_implicit,
            radicals: i32::from(spec.radical_electrons),
            atom_map: spec.atom_map,
            aromatic: spec.is_aromatic,
            tag: spec.chiral_tag,
            hybridization: Hybridization::Unspecified,
            explicit_valence: 0,
            implicit_hydrogens: 0,
        }
    }

    pub(crate) fn element(&self) -> &'static Element {
        Element::of(self.atomic_number)
    }

    /// Hydrogens that are not atoms of the graph.
    pub(crate) fn hydrogens(&self) -> i32 {
        self.explicit_hydrogens as i32 + self.implicit_hydrogens
    }

    pub(crate) fn total_valence(&self) -> i32 {
        self.explicit_valence + self.implicit_hydrogens
    }
}

/// A bond under perception.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DraftBond {
    pub(crate) begin: u32,
    pub(crate) end: u32,
    pub(crate) order: BondOrder,
    pub(crate) aromatic: bool,
    pub(crate) conjugated: bool,
    pub(crate) direction: BondDirection,
    pub(crate) stereo: BondStereo,
    pub(crate) stereo_atoms: Option<[u32; 2]>,
    /// Geometry stated by the input: two neighbours, and whether on the same side.
    pub(crate) known: Option<([u32; 2], bool)>,
}

impl DraftBond {
    fn new(spec: &BondSpec) -> Self {
        let same_side = match spec.stereo {
            BondStereo::Z | BondStereo::Cis => Some(true),
            BondStereo::E | BondStereo::Trans => Some(false),
            _ => None,
        };
        Self {
            begin: spec.begin as u32,
            end: spec.end as u32,
            order: spec.order,
            aromatic: spec.order == BondOrder::Aromatic,
            conjugated: false,
            direction: spec.direction,
            stereo: match spec.stereo {
                BondStereo::Any => BondStereo::Any,
                _ => BondStereo::None,
            },
            stereo_atoms: None,
            known: spec.stereo_atoms.zip(same_side),
        }
    }

    pub(crate) fn other(&self, atom: usize) -> usize {
        if self.begin as usize == atom {
            self.end as usize
        } else {
            self.begin as usize
        }
    }

    /// Twice what the bond adds to the valence of one of its atoms.
    pub(crate) fn twice_valence(&self, atom: usize) -> i32 {
        match self.order {
            BondOrder::Single => 2,
            BondOrder::Double => 4,
            BondOrder::Triple => 6,
            BondOrder::Quadruple => 8,
            BondOrder::Aromatic => 3,
            BondOrder::Dative if self.end as usize == atom => 2,
            _ => 0,
        }
    }

    pub(crate) fn is_aromatic(&self) -> bool {
        self.aromatic || self.order == BondOrder::Aromatic
    }

    pub(crate) fn has_slash(&self) -> bool {
        matches!(self.direction, BondDirection::Up | BondDirection::Down)
    }
}

/// A neighbour and the bond to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) atom: u32,
    pub(crate) bond: u32,
}

/// Neighbours in compressed rows, by ascending bond index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Adjacency {
    offsets: Vec<u32>,
    links: Vec<Link>,
}

impl Adjacency {
    pub(crate) fn new(atoms: usize, bonds: &[DraftBond]) -> Self {
        let mut offsets = vec![0; atoms + 1];
        for bond in bonds {
            offsets[bond.begin as usize] += 1;
            offsets[bond.end as usize] += 1;
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        // Filled from the back, the offsets end at the start of each row.
        let mut links = vec![Link { atom: 0, bond: 0 }; total as usize];
        for (index, bond) in bonds.iter().enumerate().rev() {
            for (from, to) in [(bond.end, bond.begin), (bond.begin, bond.end)] {
                let slot = &mut offsets[from as usize];
                *slot -= 1;
                links[*slot as usize] = Link {
                    atom: to,
                    bond: index as u32,
                };
            }
        }
        Self { offsets, links }
    }

    pub(crate) fn of(&self, atom: usize) -> &[Link] {
        &self.links[self.offsets[atom] as usize..self.offsets[atom + 1] as usize]
    }

    pub(crate) fn degree(&self, atom: usize) -> usize {
        (self.offsets[atom + 1] - self.offsets[atom]) as usize
    }
}

/// The rings and who belongs to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rings {
    pub(crate) atoms: Vec<Vec<u32>>,
    pub(crate) bonds: Vec<Vec<u32>>,
    /// Rings of each atom in compressed rows; empty when there is no ring.
    offsets: Vec<u32>,
    members: Vec<u32>,
    /// Size of the smallest ring of each bond, 0 outside rings; empty without rings.
    smallest: Vec<u32>,
}

impl Rings {
    /// Fills the look-ups from the lists of rings.
    pub(crate) fn index(&mut self, num_atoms: usize, num_bonds: usize) {
        if self.atoms.is_empty() {
            return;
        }
        self.offsets = vec![0; num_atoms + 1];
        for atom in self.atoms.iter().flatten() {
            self.offsets[*atom as usize] += 1;
        }
        let mut total = 0;
        for offset in &mut self.offsets {
            total += *offset;
            *offset = total;
        }
        self.members = vec![0; total as usize];
        for (index, ring) in self.atoms.iter().enumerate().rev() {
            for atom in ring {
                let slot = &mut self.offsets[*atom as usize];
                *slot -= 1;
                self.members[*slot as usize] = index as u32;
            }
        }
        self.smallest = vec![0; num_bonds];
        for ring in &self.bonds {
            let size = ring.len() as u32;
            for bond in ring {
                let smallest = &mut self.smallest[*bond as usize];
                if *smallest == 0 || size < *smallest {
                    *smallest = size;
                }
            }
        }
    }

    /// The rings of an atom.
    pub(crate) fn of_atom(&self, atom: usize) -> &[u32] {
        if self.offsets.is_empty() {
            return &[];
        }
        &self.members[self.offsets[atom] as usize..self.offsets[atom + 1] as usize]
    }

    /// Whether a bond belongs to a ring.
    pub(crate) fn has_bond(&self, bond: usize) -> bool {
        self.smallest_of_bond(bond) > 0
    }

    pub(crate) fn atom_in_ring_of(&self, atom: usize, size: usize) -> bool {
        self.of_atom(atom)
            .iter()
            .any(|ring| self.atoms[*ring as usize].len() == size)
    }

    /// Size of the smallest ring of a bond, 0 outside rings.
    pub(crate) fn smallest_of_bond(&self, bond: usize) -> usize {
        self.smallest.get(bond).map_or(0, |size| *size as usize)
    }
}

/// The working molecule.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) atoms: Vec<DraftAtom>,
    pub(crate) bonds: Vec<DraftBond>,
    pub(crate) adjacency: Adjacency,
    pub(crate) rings: Rings,
    /// Index in the input of each atom; empty while no atom was removed.
    pub(crate) origin: Vec<u32>,
}

impl Draft {
    /// Checks the bonds of a builder and takes them over.
    pub(crate) fn new(builder: &MoleculeBuilder) -> Result<Self, PerceptionError> {
        let atoms = builder.atoms.len();
        for (index, bond) in builder.bonds.iter().enumerate() {
            for atom in [bond.begin, bond.end] {
                if atom >= atoms {
                    return Err(PerceptionError::NoSuchAtom {
                        bond: index,
                        atom,
                        atoms,
                    });
                }
            }
            if bond.begin == bond.end {
                return Err(PerceptionError::SelfBond {
                    bond: index,
                    atom: bond.begin,
                });
            }
        }
        let bonds: Vec<DraftBond> = builder.bonds.iter().map(DraftBond::new).collect();
        let draft = Self {
            atoms: builder.atoms.iter().map(DraftAtom::new).collect(),
            adjacency: Adjacency::new(atoms, &bonds),
            bonds,
            rings: Rings::default(),
            origin: Vec::new(),
        };
        draft.check_duplicates()?;
        Ok(draft)
    }

    fn check_duplicates(&self) -> Result<(), PerceptionError> {
        let mut seen = vec![u32::MAX; self.atoms.len()];
        for atom in 0..self.atoms.len() {
            for link in self.adjacency.of(atom) {
                if std::mem::replace(&mut seen[link.atom as usize], atom as u32) == atom as u32 {
                    let bond = &self.bonds[link.bond as usize];
                    return Err(PerceptionError::DuplicateBond {
                        bond: link.bond as usize,
                        begin: bond.begin as usize,
                        end: bond.end as usize,
                    });
                }
            }
        }
        Ok(())
    }

    /// The bonds of an atom with the neighbours they lead to.
    pub(crate) fn bonds_of(&self, atom: usize) -> impl Iterator<Item = (usize, &DraftBond)> {
        self.adjacency
            .of(atom)
            .iter()
            .map(|link| (link.atom as usize, &self.bonds[link.bond as usize]))
    }

    pub(crate) fn degree(&self, atom: usize) -> usize {
        self.adjacency.degree(atom)
    }

    /// Neighbours and hydrogens.
    pub(crate) fn total_degree(&self, atom: usize) -> i32 {
        self.degree(atom) as i32 + self.atoms[atom].hydrogens()
    }

    /// Aromatic itself or at an aromatic bond.
    pub(crate) fn is_aromatic_atom(&self, atom: usize) -> bool {
        self.atoms[atom].aromatic || self.bonds_of(atom).any(|(_, bond)| bond.is_aromatic())
    }

    /// The atom's index in the input.
    pub(crate) fn input_index(&self, atom: usize) -> usize {
        self.origin.get(atom).map_or(atom, |index| *index as usize)
    }
}
