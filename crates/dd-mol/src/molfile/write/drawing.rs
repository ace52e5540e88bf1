//! How the bonds of a molecule are drawn: Kekulé orders, wedges, crossed and wavy bonds.

use super::super::ctab::Wedge;
use super::super::wedge::{self, Drawn};
use super::{Faults, WriteError};
use crate::adjacency::{Adjacency, Neighbor};
use crate::molecule::{BondOrder, BondStereo, ChiralTag, Molecule};
use crate::perceive;

/// What the lines of atoms and bonds say besides the molecule.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) bonds: Vec<DrawnBond>,
    /// Atoms whose total valence is stated, as the model would not find it.
    pub(super) stated: Vec<bool>,
    pub(super) adjacency: Adjacency,
}

/// What a bond line says besides its atoms.
#[derive(Debug, Clone, Copy)]
pub(super) struct DrawnBond {
    pub(super) order: BondOrder,
    pub(super) wedge: Wedge,
    /// Begin and end are exchanged, to put the narrow end of a wedge first.
    pub(super) reversed: bool,
}

fn is_tetrahedral(tag: ChiralTag) -> bool {
    matches!(tag, ChiralTag::TetrahedralCw | ChiralTag::TetrahedralCcw)
}

/// Whether something has to be shown by coordinates.
pub(super) fn states_geometry(molecule: &Molecule) -> bool {
    let known = |stereo| !matches!(stereo, BondStereo::None | BondStereo::Any);
    let mut atoms = molecule.atoms();
    atoms.any(|atom| atom.chiral_tag != ChiralTag::Unspecified)
        || molecule.bonds().any(|bond| known(bond.bond.stereo))
}

impl Drawing {
    pub(super) fn new(molecule: &Molecule) -> Result<Self, WriteError> {
        let orders = perceive::kekule_orders(molecule)?;
        let bonds = orders.into_iter().zip(molecule.bonds());
        let bonds = bonds.map(|(order, bond)| DrawnBond {
            order,
            wedge: match bond.bond.stereo {
                BondStereo::Any if order == BondOrder::Double => Wedge::Crossed,
                _ => Wedge::Plain,
            },
            reversed: false,
        });
        let mut drawing = Self {
            bonds: bonds.collect(),
            stated: molecule.atoms().map(|atom| atom.no_implicit).collect(),
            adjacency: Adjacency::of(molecule),
        };
        if molecule.conformers().first().is_some_and(|c| !c.is_3d) {
            drawing.add_wedges(molecule)?;
        }
        Ok(drawing)
    }

    /// States valences, and makes wavy or crossed what would be read as stereo but is not.
    pub(super) fn amend(&mut self, molecule: &Molecule, faults: &Faults) {
        for &atom in &faults.atoms {
            self.stated[atom] = true;
            let untagged = molecule.atom(atom).chiral_tag == ChiralTag::Unspecified;
            let choices = self.wedge_choices(molecule, atom);
            if let (true, Some(&place)) = (untagged, choices.first()) {
                self.mark(molecule, atom, place, Wedge::Wavy);
            }
        }
        for &bond in &faults.bonds {
            if self.bonds[bond].order == BondOrder::Double {
                self.bonds[bond].wedge = Wedge::Crossed;
            }
        }
    }

    fn mark(&mut self, molecule: &Molecule, atom: usize, place: usize, wedge: Wedge) {
        let bond = self.adjacency.neighbors(atom)[place].bond;
        let begin = molecule.graph.raw_edges()[bond].source().index();
        self.bonds[bond].wedge = wedge;
        self.bonds[bond].reversed = begin != atom;
    }

    /// Neighbours by plain single bonds: hydrogens and chain ends first, bonds between
    /// centres and in rings last.
    fn wedge_choices(&self, molecule: &Molecule, atom: usize) -> Vec<usize> {
        let steps = self.adjacency.neighbors(atom);
        let plain = |k: &usize| {
            let drawn = &self.bonds[steps[*k].bond];
            drawn.order == BondOrder::Single && drawn.wedge == Wedge::Plain
        };
        let mut choices: Vec<usize> = (0..steps.len()).filter(plain).collect();
        choices.sort_by_key(|&k| {
            let other = molecule.atom(steps[k].atom);
            let is_center = other.chiral_tag != ChiralTag::Unspecified;
            let degree = self.adjacency.degree(steps[k].atom);
            (other.atomic_number != 1, is_center, other.in_ring, degree)
        });
        choices
    }

    /// Marks one single bond of each centre so that reading gives its chirality back.
    fn add_wedges(&mut self, molecule: &Molecule) -> Result<(), WriteError> {
        let positions = &molecule.conformers()[0].positions;
        for (atom, data) in molecule.atoms().enumerate() {
            if data.chiral_tag == ChiralTag::Unspecified {
                continue;
            }
            if !is_tetrahedral(data.chiral_tag) {
                return Err(WriteError::NoWedge { atom });
            }
            let steps = self.adjacency.neighbors(atom);
            let drawn = |place: usize, lift: i8| -> Vec<Drawn> {
                let one = |(k, step): (usize, &Neighbor)| Drawn {
                    position: positions[step.atom],
                    lift: if k == place { lift } else { 0 },
                };
                steps.iter().enumerate().map(one).collect()
            };
            let choices = self.wedge_choices(molecule, atom);
            let tries = choices
                .iter()
                .flat_map(|&place| [(place, 1, Wedge::Up), (place, -1, Wedge::Down)]);
            let mark = tries.into_iter().find(|&(place, lift, _)| {
                let tag = wedge::chirality(positions[atom], &drawn(place, lift), place);
                tag == Some(data.chiral_tag)
            });
            let (place, _, wedge) = mark.ok_or(WriteError::NoWedge { atom })?;
            self.mark(molecule, atom, place, wedge);
        }
        Ok(())
    }
}
