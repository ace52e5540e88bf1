//! The molecule while perception works on it: flat arrays instead of a graph.

use super::ring_index::Rings;
use super::valence::BondSum;
use crate::builder::{AtomSpec, BondDirection, BondSpec, MoleculeBuilder};
use crate::element::Element;
use crate::error::PerceptionError;
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Hybridization};

/// Neighbours of one atom that are compared pair by pair.
const MAX_PAIRWISE: usize = 16;

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

    /// Whether the input says anything of the geometry at this bond.
    pub(crate) fn states_geometry(&self) -> bool {
        self.direction != BondDirection::None
            || self.stereo != BondStereo::None
            || self.known.is_some()
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
    /// Lists the bonds anew.
    pub(crate) fn fill(&mut self, atoms: usize, bonds: &[DraftBond]) {
        let Self { offsets, links } = self;
        offsets.clear();
        offsets.resize(atoms + 1, 0);
        for bond in bonds {
            offsets[bond.begin as usize] += 1;
            offsets[bond.end as usize] += 1;
        }
        let mut total = 0;
        for offset in offsets.iter_mut() {
            total += *offset;
            *offset = total;
        }
        // Filled from the back, the offsets end at the start of each row.
        links.resize(total as usize, Link { atom: 0, bond: 0 });
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
    }

    pub(crate) fn num_atoms(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn of(&self, atom: usize) -> &[Link] {
        &self.links[self.offsets[atom] as usize..self.offsets[atom + 1] as usize]
    }

    pub(crate) fn degree(&self, atom: usize) -> usize {
        (self.offsets[atom + 1] - self.offsets[atom]) as usize
    }
}

/// The working molecule; the memory is reused from molecule to molecule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) atoms: Vec<DraftAtom>,
    pub(crate) bonds: Vec<DraftBond>,
    pub(crate) adjacency: Adjacency,
    pub(crate) rings: Rings,
    /// The bonds of each atom, as the last update of all valences found them.
    pub(crate) sums: Vec<BondSum>,
    /// Index in the input of each atom; empty while no atom was removed.
    pub(crate) origin: Vec<u32>,
}

impl Draft {
    /// Checks the bonds of a builder and takes everything over.
    pub(crate) fn load(
        &mut self,
        builder: &MoleculeBuilder,
        max_neighbors: usize,
    ) -> Result<(), PerceptionError> {
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
        self.atoms.clear();
        self.atoms.extend(builder.atoms.iter().map(DraftAtom::new));
        self.bonds.clear();
        self.bonds.extend(builder.bonds.iter().map(DraftBond::new));
        self.adjacency.fill(atoms, &self.bonds);
        self.rings.clear();
        self.origin.clear();
        self.check_neighbors(max_neighbors)
    }

    /// Not too many neighbours, and none of them twice.
    fn check_neighbors(&self, limit: usize) -> Result<(), PerceptionError> {
        let mut seen = Vec::new();
        for atom in 0..self.atoms.len() {
            let links = self.adjacency.of(atom);
            if links.len() > limit {
                return Err(PerceptionError::TooManyNeighbors {
                    atom,
                    found: links.len(),
                    limit,
                });
            }
            let repeated = if links.len() <= MAX_PAIRWISE {
                (1..links.len()).find(|at| links[..*at].iter().any(|l| l.atom == links[*at].atom))
            } else {
                seen.resize(self.atoms.len(), u32::MAX);
                let mark = atom as u32;
                links
                    .iter()
                    .position(|l| std::mem::replace(&mut seen[l.atom as usize], mark) == mark)
            };
            if let Some(at) = repeated {
                let bond = &self.bonds[links[at].bond as usize];
                return Err(PerceptionError::DuplicateBond {
                    bond: links[at].bond as usize,
                    begin: bond.begin as usize,
                    end: bond.end as usize,
                });
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
