//! Canonical atom ranks: a numbering of the atoms that does not depend on input order.
//!
//! Colour refinement in the manner of McKay's equitable partitions, with the local
//! geometry of stereocentres and double bonds as part of the colours, then tie
//! breaking: of the atoms in a tied cell the one whose individualisation gives the
//! smallest certificate comes first. Where the geometry of some centre stays open
//! after an individualisation, the certificate looks further ahead until it is settled.
//!
//! # Differences from the original
//! The ranks are not RDKit's; they are used to write one SMILES per molecule and to
//! compare molecules. The work spent on ties is limited, so that a molecule of a million
//! atoms is ranked in seconds; beyond the limit (thousands of interchangeable groups, or
//! hundreds of interchangeable stereocentres) ties are broken by input order.

mod partition;
mod refine;

use crate::Molecule;
use partition::Partition;
use refine::{Desk, Refiner};

/// Atoms that one ranking may visit to compare tied atoms.
const TIE_WORK: usize = 20_000_000;

/// Which features of the atoms tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RankBy {
    /// Chirality, double-bond geometry and isotopes.
    pub(crate) isomeric: bool,
    /// Atom classes.
    pub(crate) atom_maps: bool,
}

/// The rank of every atom, a permutation of `0..num_atoms`.
///
/// Two molecules that differ only in the order of their atoms and bonds get ranks that
/// agree up to a symmetry of the molecule.
///
/// # Complexity
/// `O(m log n)` for `m` bonds and `n` atoms without ties; each tied atom costs up to
/// `O(m log n)` more, within a fixed limit.
///
/// ```
/// let a = dd_mol::smiles::parse("OCC")?;
/// let b = dd_mol::smiles::parse("CCO")?;
/// let (a, b) = (dd_mol::canonical_ranks(&a), dd_mol::canonical_ranks(&b));
/// assert_eq!([a[0], a[1], a[2]], [b[2], b[1], b[0]]);
/// # Ok::<(), dd_mol::smiles::SmilesError>(())
/// ```
pub fn canonical_ranks(molecule: &Molecule) -> Vec<u32> {
    ranks_by(
        molecule,
        RankBy {
            isomeric: true,
            atom_maps: true,
        },
    )
}

/// [`canonical_ranks`] with a choice of the features that count.
pub(crate) fn ranks_by(molecule: &Molecule, by: RankBy) -> Vec<u32> {
    let refiner = Refiner::new(molecule, by);
    let mut desk = Desk::new(molecule.num_atoms());
    let mut partition = refiner.initial(&mut desk);
    let mut work = TIE_WORK;
    loop {
        let affordable = spend(&mut work, molecule.num_atoms());
        desk.geometry = affordable;
        let cell = if affordable {
            partition.smallest_tied_cell()
        } else {
            partition.first_tied_cell()
        };
        let Some(cell) = cell else {
            return partition.into_ranks();
        };
        let members = partition.members(cell);
        if !affordable || refiner.interchangeable(members) {
            let atom = members[0];
            individualize(&refiner, &mut partition, atom, &mut desk);
            continue;
        }
        let mut best: Option<(u64, Partition)> = None;
        for &atom in members {
            let mut candidate = partition.clone();
            individualize(&refiner, &mut candidate, atom, &mut desk);
            let certificate = look_ahead(&refiner, &candidate, &mut work, &mut desk);
            if best.as_ref().is_none_or(|(least, _)| certificate < *least) {
                best = Some((certificate, candidate));
            }
            if !spend(&mut work, molecule.num_atoms()) {
                break;
            }
        }
        partition = best.expect("a tied cell has members").1;
    }
}

fn individualize(refiner: &Refiner, partition: &mut Partition, atom: u32, desk: &mut Desk) {
    let parts = partition.individualize(atom);
    refiner.refine(partition, &parts, desk);
}

/// Takes `atoms` from what is left; false when that is not enough.
fn spend(work: &mut usize, atoms: usize) -> bool {
    let enough = *work >= atoms;
    *work = work.saturating_sub(atoms);
    enough
}

/// A number that depends on the partition and not on the input order; it settles the
/// geometry that the partition leaves open by trying the tied atoms around it.
fn look_ahead(refiner: &Refiner, partition: &Partition, work: &mut usize, desk: &mut Desk) -> u64 {
    let own = refiner.certificate(partition);
    let Some(cell) = refiner.open_stereo_cell(partition) else {
        return own;
    };
    let mut least = u64::MAX;
    for &atom in partition.members(cell) {
        if !spend(work, refiner.num_atoms()) {
            break;
        }
        let mut candidate = partition.clone();
        individualize(refiner, &mut candidate, atom, desk);
        least = least.min(look_ahead(refiner, &candidate, work, desk));
    }
    refine::mix(own, least)
}
