//! From chirality in the order of the text to chirality in the order of the bonds.
//!
//! In SMILES the neighbours of a centre come as written: the preceding atom, the
//! hydrogen, the ring closures, the branches. In a molecule they come by bond index,
//! where closure bonds stand at the end. The parity of the permutation between the two
//! decides whether the tag is inverted. The special cases are those of RDKit's parser.

use super::parse::AtomTrace;
use crate::builder::{BondSpec, MoleculeBuilder};
use crate::molecule::{BondOrder, ChiralTag};
use crate::nontetrahedral::reordered;
use crate::parity::swaps;

/// A ring number at an atom.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClosureAt {
    pub(super) atom: u32,
    pub(super) position: u32,
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

/// Turns every tag from the order of the text to the order of the bonds.
pub(super) fn order_neighbours(
    builder: &mut MoleculeBuilder,
    traces: &[AtomTrace],
    closure_uses: &[ClosureAt],
    mut closure_bonds: Vec<(u32, u32)>,
) {
    closure_bonds.sort_unstable();
    let mut uses = closure_uses.to_vec();
    uses.sort_unstable_by_key(|at| (at.atom, at.position));
    let chain = chain_bonds(builder, traces);
    let mut written = Vec::with_capacity(8);
    for (atom, trace) in traces.iter().enumerate() {
        let tag = builder.atoms()[atom].chiral_tag;
        if matches!(tag, ChiralTag::Unspecified | ChiralTag::Other) {
            continue;
        }
        written.clear();
        written.extend(trace.incoming);
        let first = uses.partition_point(|at| (at.atom as usize) < atom);
        let closures = uses[first..]
            .iter()
            .take_while(|at| at.atom as usize == atom)
            .filter_map(|at| {
                let index = closure_bonds
                    .binary_search_by_key(&at.position, |(position, _)| *position)
                    .ok()?;
                Some(closure_bonds[index].1)
            });
        let before = written.len();
        written.extend(closures);
        let num_closures = written.len() - before;
        written.extend(chain.children_of(atom));
        let mut sorted = written.clone();
        sorted.sort_unstable();
        let mut inversions = swaps(&written, &sorted);
        let spec = builder.atoms()[atom];
        if let ChiralTag::NonTetrahedral(class, number) = tag {
            // A hydrogen in the brackets stands after the atom before, and has no bond.
            let before = usize::from(trace.incoming.is_some());
            let hydrogens = usize::from(spec.explicit_hydrogens.min(1));
            let order = sorted.iter().filter_map(|bond| {
                let place = written.iter().position(|other| other == bond)?;
                Some(place + if place < before { 0 } else { hydrogens })
            });
            if let Some(number) = reordered(class, number, &order.collect::<Vec<_>>()) {
                builder.atoms_mut()[atom].chiral_tag = ChiralTag::NonTetrahedral(class, number);
            }
            continue;
        }
        let starts_fragment = trace.incoming.is_none();
        let fourth_is_hydrogen = spec.explicit_hydrogens == 1;
        let unsaturated = || {
            sorted
                .iter()
                .any(|bond| exceeds_single(builder.bonds()[*bond as usize]))
        };
        if sorted.len() == 3
            && ((starts_fragment && fourth_is_hydrogen)
                || (!fourth_is_hydrogen && num_closures == 1 && !unsaturated()))
        {
            inversions += 1;
        }
        if inversions % 2 == 1 {
            builder.atoms_mut()[atom].chiral_tag = tag.inverted();
        }
    }
}

fn exceeds_single(bond: BondSpec) -> bool {
    matches!(
        bond.order,
        BondOrder::Double | BondOrder::Triple | BondOrder::Quadruple | BondOrder::Aromatic
    )
}

/// The chain bonds that leave each atom, in compressed rows.
struct ChainBonds {
    offsets: Vec<u32>,
    bonds: Vec<u32>,
}

impl ChainBonds {
    fn children_of(&self, atom: usize) -> impl Iterator<Item = u32> + '_ {
        let range = self.offsets[atom] as usize..self.offsets[atom + 1] as usize;
        self.bonds[range].iter().copied()
    }
}

fn chain_bonds(builder: &MoleculeBuilder, traces: &[AtomTrace]) -> ChainBonds {
    let parent = |child: usize| {
        traces[child].incoming.map(|bond| {
            let spec = builder.bonds()[bond as usize];
            let parent = if spec.begin == child {
                spec.end
            } else {
                spec.begin
            };
            (parent, bond)
        })
    };
    let mut offsets = vec![0; traces.len() + 1];
    for child in 0..traces.len() {
        if let Some((parent, _)) = parent(child) {
            offsets[parent + 1] += 1;
        }
    }
    for atom in 0..traces.len() {
        offsets[atom + 1] += offsets[atom];
    }
    let mut next = offsets.clone();
    let mut bonds = vec![0; offsets[traces.len()] as usize];
    for child in 0..traces.len() {
        if let Some((parent, bond)) = parent(child) {
            bonds[next[parent] as usize] = bond;
            next[parent] += 1;
        }
    }
    ChainBonds { offsets, bonds }
}
