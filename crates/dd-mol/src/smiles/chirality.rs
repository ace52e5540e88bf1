//! From chirality in the order of the text to chirality in the order of the bonds.
//!
//! In SMILES the neighbours of a centre come as written: the preceding atom, the
//! hydrogen, the ring closures, the branches. In a molecule they come by bond index,
//! where closure bonds stand at the end. The parity of the permutation between the two
//! decides whether the tag is inverted. The special cases are those of RDKit's parser.

use super::parse::AtomTrace;
use crate::builder::{BondSpec, MoleculeBuilder};
use crate::molecule::{BondOrder, ChiralTag};
use crate::nontetrahedral::as_read;
use crate::parity::swaps;
use crate::rows::Rows;

/// A ring number at an atom, and the bond that it makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClosureAt {
    pub(super) atom: u32,
    pub(super) bond: u32,
}

/// Corrects the tag of a centre whose ring number comes after a branch, such as
/// `[C@](F)1(Cl)CO1`: `degree` bonds are written before the number.
pub(super) fn late_closure(builder: &mut MoleculeBuilder, atom: usize, degree: u8, last: bool) {
    let late = !last
        && match degree {
            1 => true,
            2 => atom != 0,
            3 => atom == 0,
            _ => false,
        };
    if late {
        let tag = &mut builder.atoms_mut()[atom].chiral_tag;
        *tag = tag.inverted();
    }
}

/// The bonds of each atom as they are written; the memory is reused from molecule to
/// molecule.
#[derive(Debug, Default)]
pub(super) struct NeighborOrder {
    closures: Rows,
    /// The chain bonds that leave each atom.
    children: Rows,
    written: Vec<u32>,
    sorted: Vec<u32>,
}

impl NeighborOrder {
    /// Turns every tag from the order of the text to the order of the bonds.
    pub(super) fn apply(
        &mut self,
        builder: &mut MoleculeBuilder,
        traces: &[AtomTrace],
        closure_uses: &[ClosureAt],
    ) {
        let Self {
            closures,
            children,
            written,
            sorted,
        } = self;
        closures.fill(
            traces.len(),
            closure_uses.iter().map(|at| (at.atom, at.bond)),
        );
        let bonds = builder.bonds();
        let chain = traces.iter().enumerate().filter_map(|(child, trace)| {
            let bond = trace.incoming?;
            let spec = &bonds[bond as usize];
            let from_begin = spec.end == child;
            Some((if from_begin { spec.begin } else { spec.end } as u32, bond))
        });
        children.fill(traces.len(), chain);
        for (atom, trace) in traces.iter().enumerate() {
            let spec = builder.atoms()[atom];
            if matches!(spec.chiral_tag, ChiralTag::Unspecified | ChiralTag::Other) {
                continue;
            }
            let closures = closures.row(atom);
            written.clear();
            written.extend(trace.incoming);
            written.extend_from_slice(closures);
            written.extend_from_slice(children.row(atom));
            sorted.clone_from(written);
            sorted.sort_unstable();
            if let ChiralTag::NonTetrahedral(class, number) = spec.chiral_tag {
                let before = usize::from(trace.incoming.is_some());
                let places = sorted.iter().filter_map(|bond| {
                    let is_it = |other: &u32| other == bond;
                    written.iter().position(is_it)
                });
                let places: Vec<usize> = places.collect();
                if let Some(number) = as_read(class, number, &places, before) {
                    builder.atoms_mut()[atom].chiral_tag = ChiralTag::NonTetrahedral(class, number);
                }
                continue;
            }
            let mut inversions = swaps(written, sorted);
            let starts_fragment = trace.incoming.is_none();
            let fourth_is_hydrogen = spec.explicit_hydrogens == 1;
            let unsaturated = || {
                let mut bonds = sorted.iter().map(|bond| builder.bonds()[*bond as usize]);
                bonds.any(exceeds_single)
            };
            if sorted.len() == 3
                && ((starts_fragment && fourth_is_hydrogen)
                    || (!fourth_is_hydrogen && closures.len() == 1 && !unsaturated()))
            {
                inversions += 1;
            }
            if inversions % 2 == 1 {
                builder.atoms_mut()[atom].chiral_tag = spec.chiral_tag.inverted();
            }
        }
    }
}

fn exceeds_single(bond: BondSpec) -> bool {
    matches!(
        bond.order,
        BondOrder::Double | BondOrder::Triple | BondOrder::Quadruple | BondOrder::Aromatic
    )
}
