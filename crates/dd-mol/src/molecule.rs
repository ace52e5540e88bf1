//! The molecule: an immutable graph of atoms and bonds with its conformers.
//!
//! A [`Molecule`] can only be made by `MoleculeBuilder`, which runs perception.
//! Atom and bond order are those of the input text.

use crate::builder::BondDirection;
use crate::rows::Rows;
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use petgraph::visit::EdgeRef;

/// Tetrahedral chirality relative to the order of the neighbours, as RDKit's `ChiralType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChiralTag {
    /// No chirality.
    #[default]
    Unspecified,
    /// Looking from the first neighbour, the others turn clockwise (`@@`).
    TetrahedralCw,
    /// Looking from the first neighbour, the others turn anticlockwise (`@`).
    TetrahedralCcw,
    /// A kind of chirality without a more precise value.
    Other,
    /// Non-tetrahedral centres of the OpenSMILES grammar, with their permutation number.
    NonTetrahedral(NonTetrahedral, u8),
}

impl ChiralTag {
    /// The mirror image of a tetrahedral tag; other tags stay.
    pub(crate) fn inverted(self) -> Self {
        match self {
            Self::TetrahedralCw => Self::TetrahedralCcw,
            Self::TetrahedralCcw => Self::TetrahedralCw,
            other => other,
        }
    }
}

/// The non-tetrahedral chirality classes of OpenSMILES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NonTetrahedral {
    /// Extended tetrahedral (`@AL`).
    Allenal,
    /// Square planar (`@SP`).
    SquarePlanar,
    /// Trigonal bipyramidal (`@TB`).
    TrigonalBipyramidal,
    /// Octahedral (`@OH`).
    Octahedral,
}

/// Hybridisation as RDKit assigns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Hybridization {
    /// Not assigned (dummy atoms).
    #[default]
    Unspecified,
    /// One orbital (hydrogen and bare ions).
    S,
    /// Linear.
    Sp,
    /// Trigonal.
    Sp2,
    /// Tetrahedral.
    Sp3,
    /// Square planar.
    Sp2d,
    /// Trigonal bipyramidal.
    Sp3d,
    /// Octahedral.
    Sp3d2,
    /// Higher than the model describes.
    Other,
}

/// Bond order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BondOrder {
    /// Order 1.
    Single,
    /// Order 2.
    Double,
    /// Order 3.
    Triple,
    /// Order 4 (`$`).
    Quadruple,
    /// Part of an aromatic system (counts 1.5).
    Aromatic,
    /// Dative bond, from the begin atom to the end atom.
    Dative,
    /// Order zero: a coordination bond that carries no electrons and closes no ring.
    Zero,
    /// Any order (`~`): carries no electrons, but may close a ring.
    Unspecified,
}

/// Stereochemistry of a double bond, as RDKit's `BondStereo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BondStereo {
    /// None.
    #[default]
    None,
    /// Explicitly unspecified.
    Any,
    /// Higher-ranked neighbours on the same side.
    Z,
    /// Higher-ranked neighbours on opposite sides.
    E,
    /// The two stereo atoms on the same side.
    Cis,
    /// The two stereo atoms on opposite sides.
    Trans,
}

/// One atom, with everything that perception found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Atomic number; 0 is the dummy atom `*`.
    pub atomic_number: u8,
    /// Mass number, or 0 when unspecified.
    pub isotope: u16,
    /// Formal charge in units of e.
    pub formal_charge: i8,
    /// Hydrogens written in the brackets (not graph neighbours).
    pub explicit_hydrogens: u8,
    /// Hydrogens added by the valence model.
    pub implicit_hydrogens: u8,
    /// True when the valence model may not add hydrogens (bracket atoms).
    pub no_implicit: bool,
    /// Unpaired electrons.
    pub radical_electrons: u8,
    /// Atom class (`:n`), 0 when absent.
    pub atom_map: u32,
    /// Aromatic after perception.
    pub is_aromatic: bool,
    /// Hybridisation after perception.
    pub hybridization: Hybridization,
    /// Chirality after removal of stereo that is not.
    pub chiral_tag: ChiralTag,
    /// Member of at least one ring.
    pub in_ring: bool,
}

/// One bond.
#[derive(Debug, Clone, PartialEq)]
pub struct Bond {
    /// Order; [`BondOrder::Aromatic`] after perception when `is_aromatic`.
    pub order: BondOrder,
    /// Part of an aromatic ring system.
    pub is_aromatic: bool,
    /// Conjugated.
    pub is_conjugated: bool,
    /// Member of at least one ring.
    pub in_ring: bool,
    /// Double-bond stereochemistry.
    pub stereo: BondStereo,
    /// The neighbours (one on the begin side, one on the end side) that `stereo` refers to.
    pub stereo_atoms: Option<[u32; 2]>,
    /// The slash of the text, begin to end: what is left of the geometry when `stereo_atoms` are cut away.
    pub direction: BondDirection,
}

/// A bond together with its two atoms, in the order they were written.
#[derive(Debug, Clone, Copy)]
pub struct BondRef<'a> {
    /// Position of the bond in the molecule.
    pub index: usize,
    /// Atom index of the begin atom.
    pub begin: usize,
    /// Atom index of the end atom.
    pub end: usize,
    /// The bond.
    pub bond: &'a Bond,
}

impl BondRef<'_> {
    /// The atom at the other end.
    pub fn other(&self, atom: usize) -> usize {
        if atom == self.begin {
            self.end
        } else {
            self.begin
        }
    }
}

/// One set of atom positions, in angstrom, in atom order.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformer {
    /// `[x, y, z]` per atom, in angstrom.
    pub positions: Vec<[f64; 3]>,
    /// False for drawings (2D coordinates).
    pub is_3d: bool,
}

/// What is known of the chirality of a group of centres together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StereoGroupKind {
    /// As drawn.
    Absolute,
    /// The sample holds both what is drawn and its mirror image.
    And,
    /// The sample is what is drawn or its mirror image.
    Or,
}

/// A group of enhanced stereo: centres that are as drawn or inverted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StereoGroup {
    /// What is known.
    pub kind: StereoGroupKind,
    /// Number of the group among those of its kind; 0 for absolute ones.
    pub number: u32,
    /// The centres, in the order of the file.
    pub atoms: Vec<u32>,
}

/// An immutable molecule.
#[derive(Clone)]
pub struct Molecule {
    pub(crate) graph: UnGraph<Atom, Bond, u32>,
    pub(crate) rings: Rows,
    pub(crate) conformers: Vec<Conformer>,
    pub(crate) name: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) stereo_groups: Vec<StereoGroup>,
}

impl Molecule {
    /// Number of atoms that are nodes of the graph.
    pub fn num_atoms(&self) -> usize {
        self.graph.node_count()
    }

    /// Number of bonds.
    pub fn num_bonds(&self) -> usize {
        self.graph.edge_count()
    }

    /// The atom at `index`.
    ///
    /// # Panics
    /// When `index` is not below [`Self::num_atoms`].
    pub fn atom(&self, index: usize) -> &Atom {
        &self.graph[NodeIndex::new(index)]
    }

    /// All atoms in order.
    pub fn atoms(&self) -> impl ExactSizeIterator<Item = &Atom> {
        self.graph.raw_nodes().iter().map(|node| &node.weight)
    }

    /// The bond at `index`.
    ///
    /// # Panics
    /// When `index` is not below [`Self::num_bonds`].
    pub fn bond(&self, index: usize) -> &Bond {
        &self.graph[EdgeIndex::new(index)]
    }

    /// All bonds in order.
    pub fn bonds(
        &self,
    ) -> impl ExactSizeIterator<Item = BondRef<'_>> + DoubleEndedIterator + Clone {
        self.graph
            .raw_edges()
            .iter()
            .enumerate()
            .map(|(index, edge)| BondRef {
                index,
                begin: edge.source().index(),
                end: edge.target().index(),
                bond: &edge.weight,
            })
    }

    /// The bonds of one atom.
    pub fn bonds_of(&self, atom: usize) -> impl Iterator<Item = BondRef<'_>> {
        self.graph.edges(NodeIndex::new(atom)).map(|edge| {
            let (begin, end) = self
                .graph
                .edge_endpoints(edge.id())
                .expect("the edge was just visited");
            BondRef {
                index: edge.id().index(),
                begin: begin.index(),
                end: end.index(),
                bond: edge.weight(),
            }
        })
    }

    /// Number of graph neighbours of an atom.
    pub fn degree(&self, atom: usize) -> usize {
        self.graph.edges(NodeIndex::new(atom)).count()
    }

    /// Neighbours in the graph plus hydrogens that are not nodes.
    pub fn total_degree(&self, atom: usize) -> usize {
        let a = self.atom(atom);
        self.degree(atom) + usize::from(a.explicit_hydrogens) + usize::from(a.implicit_hydrogens)
    }

    /// Hydrogens bound to an atom: bracket, implicit, and those that are graph nodes.
    pub fn total_hydrogens(&self, atom: usize) -> usize {
        let a = self.atom(atom);
        let nodes = self
            .bonds_of(atom)
            .filter(|b| self.atom(b.other(atom)).atomic_number == 1)
            .count();
        nodes + usize::from(a.explicit_hydrogens) + usize::from(a.implicit_hydrogens)
    }

    /// Atom rings: the symmetrised smallest set of smallest rings.
    ///
    /// Each ring begins with its lowest atom and goes on to its lower neighbour.
    pub fn rings(&self) -> impl ExactSizeIterator<Item = &[u32]> + Clone {
        self.rings.iter()
    }

    /// The conformers, possibly none.
    pub fn conformers(&self) -> &[Conformer] {
        &self.conformers
    }

    /// Title line of the record, or empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Data fields of the record, in file order.
    pub fn properties(&self) -> &[(String, String)] {
        &self.properties
    }

    /// Groups of enhanced stereo, with the atoms that are stereocentres.
    ///
    /// V3000 files have them; SMILES and features know nothing of them, and take each
    /// centre as drawn.
    pub fn stereo_groups(&self) -> &[StereoGroup] {
        &self.stereo_groups
    }

    /// The underlying graph, for algorithms of petgraph.
    pub fn graph(&self) -> &UnGraph<Atom, Bond, u32> {
        &self.graph
    }
}
