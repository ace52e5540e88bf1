//! Two directed edges for each bond.

use dd_mol::{BondRef, Molecule};
use ndarray::Array2;

use crate::error::Result;

/// The edges of a molecule, (begin, end) and (end, begin) of each bond one after the other.
pub(crate) struct DirectedEdges {
    pub(crate) sources: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    /// `[E, C]`, equal for the two edges of a bond.
    pub(crate) features: Array2<u16>,
}

/// Both edges of every bond with its features.
pub(crate) fn directed_edges<const C: usize>(
    molecule: &Molecule,
    features: impl Fn(BondRef<'_>) -> Result<[u16; C]>,
) -> Result<DirectedEdges> {
    let num_edges = 2 * molecule.num_bonds();
    let mut sources = Vec::with_capacity(num_edges);
    let mut targets = Vec::with_capacity(num_edges);
    let mut rows = Vec::with_capacity(num_edges * C);
    for bond in molecule.bonds() {
        let row = features(bond)?;
        let (begin, end) = (bond.begin as u32, bond.end as u32);
        sources.extend([begin, end]);
        targets.extend([end, begin]);
        rows.extend(row);
        rows.extend(row);
    }
    let features = Array2::from_shape_vec((num_edges, C), rows);
    Ok(DirectedEdges {
        sources,
        targets,
        features: features.expect("every edge has a row of features"),
    })
}
