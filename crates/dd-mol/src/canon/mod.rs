//! Canonical atom ranks: a numbering of the atoms that does not depend on input order.
//!
//! Colour refinement: rounds of hashing the neighbours, then McKay's equitable partitions,
//! with the local geometry of stereocentres and double bonds as part of the colours. Ties
//! that are known to be symmetries are broken at will ([`orbits`]); of the atoms in any
//! other tied cell the one whose individualisation gives the smallest certificate comes
//! first. Where the geometry of some centre stays open after an individualisation, the
//! certificate looks further ahead until it is settled.
//!
//! # Differences from the original
//! The ranks are not RDKit's; they are used to write one SMILES per molecule and to
//! compare molecules. The work spent on ties is limited, so that a molecule of a million
//! atoms is ranked in seconds; beyond the limit (thousands of interchangeable groups that
//! no symmetry rule covers, or hundreds of interchangeable stereocentres) ties are broken
//! by input order.

mod geometry;
mod orbits;
mod partition;
mod refine;

use crate::Molecule;
use crate::outline::Outline;
use crate::smiles::WriteOptions;
use orbits::cells_are_orbits;
use partition::Partition;
use refine::{Desk, Refiner};

/// Atoms that one ranking may visit to compare tied atoms.
const TIE_WORK: usize = 5_000_000;

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
    canonical_ranks_with(molecule, WriteOptions::ISOMERIC)
}

/// [`canonical_ranks`] of what `options` ask for: molecules that differ in nothing else get ranks that agree.
pub fn canonical_ranks_with(molecule: &Molecule, options: WriteOptions) -> Vec<u32> {
    ranks(&Outline::of(molecule, options))
}

/// [`canonical_ranks`] of what an outline tells.
pub(crate) fn ranks(outline: &Outline) -> Vec<u32> {
    let refiner = Refiner::new(outline);
    let mut desk = Desk::new(outline.atoms.len());
    let mut partition = refiner.initial(&mut desk);
    let mut work = TIE_WORK;
    while let Some(cell) = partition.first_tied_cell() {
        let affordable = spend(&mut work, outline.atoms.len());
        if !affordable
            || !refiner.has_open_geometry(&partition)
                && cells_are_orbits(outline, &partition, &mut desk.search)
        {
            desk.geometry = false;
            break_ties(&refiner, &mut partition, cell, &mut desk);
            break;
        }
        let cell = partition.smallest_tied_cell().unwrap_or(cell);
        if refiner.interchangeable(partition.members(cell)) {
            let atom = partition.members(cell)[0];
            individualize(&refiner, &mut partition, atom, &mut desk);
        } else {
            partition = best_choice(&refiner, &partition, cell, &mut work, &mut desk);
        }
    }
    partition.into_ranks()
}

/// Takes the tied atoms as they come.
fn break_ties(refiner: &Refiner<'_>, partition: &mut Partition, first: usize, desk: &mut Desk) {
    let mut next = Some(first);
    while let Some(cell) = next {
        let alone = partition.take_last(cell);
        refiner.refine(partition, &[alone], desk);
        next = partition.first_tied_cell();
    }
}

/// The partition with that atom of the cell first which gives the smallest certificate.
fn best_choice(
    refiner: &Refiner<'_>,
    partition: &Partition,
    cell: usize,
    work: &mut usize,
    desk: &mut Desk,
) -> Partition {
    let mut best: Option<(u64, Partition)> = None;
    for &atom in partition.members(cell) {
        let mut candidate = partition.clone();
        individualize(refiner, &mut candidate, atom, desk);
        let certificate = look_ahead(refiner, &candidate, work, desk);
        if best.as_ref().is_none_or(|(least, _)| certificate < *least) {
            best = Some((certificate, candidate));
        }
        if !spend(work, refiner.num_atoms()) {
            break;
        }
    }
    best.expect("a tied cell has members").1
}

fn individualize(refiner: &Refiner<'_>, partition: &mut Partition, atom: u32, desk: &mut Desk) {
    let parts = partition.individualize(atom);
    refiner.refine(partition, &parts, desk);
}

/// Takes `atoms` from what is left; false when that is not enough.
fn spend(work: &mut usize, atoms: usize) -> bool {
    let enough = *work >= atoms;
    *work = work.saturating_sub(atoms);
    enough
}

/// A choice under way: the atoms of an open cell are tried one after another.
struct Choice {
    partition: Partition,
    cell: usize,
    tried: usize,
    /// Certificate of the partition, and the least of what the choices gave.
    own: u64,
    least: u64,
}

/// A number that depends on the partition and not on the input order; it settles the
/// geometry that the partition leaves open by trying the tied atoms around it.
fn look_ahead(
    refiner: &Refiner<'_>,
    partition: &Partition,
    work: &mut usize,
    desk: &mut Desk,
) -> u64 {
    let own = refiner.certificate(partition, desk);
    let Some(cell) = refiner.open_stereo_cell(partition) else {
        return own;
    };
    let choice = |partition, cell, own| Choice {
        partition,
        cell,
        tried: 0,
        own,
        least: u64::MAX,
    };
    let mut stack = vec![choice(partition.clone(), cell, own)];
    loop {
        let open = stack.last_mut().expect("the first choice returns");
        let next = open.partition.members(open.cell).get(open.tried).copied();
        let value = match next.filter(|_| spend(work, refiner.num_atoms())) {
            Some(atom) => {
                open.tried += 1;
                let mut candidate = open.partition.clone();
                individualize(refiner, &mut candidate, atom, desk);
                let own = refiner.certificate(&candidate, desk);
                if let Some(cell) = refiner.open_stereo_cell(&candidate) {
                    stack.push(choice(candidate, cell, own));
                    continue;
                }
                own
            }
            None => {
                let value = refine::mix(open.own, open.least);
                stack.pop();
                if stack.is_empty() {
                    return value;
                }
                value
            }
        };
        let open = stack.last_mut().expect("the first choice returns");
        open.least = open.least.min(value);
    }
}
