//! What a layer sees of an edge: how far, in which direction, and through which filter.

use candle_core::{D, Tensor};
use dd_graph::NeighborList;
use dd_kernels::{gather, safe_norm};

use crate::cutoff::CosineCutoff;
use crate::error::{DenoiserError, Result};
use crate::radial::RadialBasis;
use crate::trace::Observer;

/// The edges of a batch in numbers. Differentiable in the positions, also where two atoms coincide.
#[derive(Debug, Clone)]
pub(crate) struct EdgeGeometry {
    /// `R_j - R_i` in angstrom for an edge `j -> i`, `[E, 3]`.
    pub(crate) vectors: Tensor,
    /// `r = |R_j - R_i|` in angstrom, `[E]`; zero for self loops.
    pub(crate) distances: Tensor,
    /// Unit vectors, `[E, 3]`; zero for self loops and coincident atoms.
    pub(crate) directions: Tensor,
    /// Radial basis `e(r)`, `[E, K]`.
    pub(crate) basis: Tensor,
    /// Cosine cutoff `phi(r)`, `[E]`.
    pub(crate) cutoffs: Tensor,
}

impl EdgeGeometry {
    pub(crate) fn new(
        positions: &Tensor,
        edges: &NeighborList,
        basis: &RadialBasis,
        cutoff: CosineCutoff,
    ) -> Result<Self> {
        if positions.dims() != [edges.num_atoms(), 3] {
            return Err(DenoiserError::Shape {
                name: "positions".to_string(),
                expected: format!("[N, 3] with N = {}", edges.num_atoms()),
                got: positions.dims().to_vec(),
            });
        }
        let vectors = (gather(positions, &edges.sources)? - gather(positions, &edges.targets)?)?; // [E, 3]
        let distances = safe_norm(&vectors, D::Minus1)?; // [E]
        let coincident = distances.eq(0.0)?.to_dtype(distances.dtype())?;
        let divisors = (&distances + coincident)?.unsqueeze(D::Minus1)?;
        Ok(Self {
            directions: vectors.broadcast_div(&divisors)?,
            basis: basis.forward(&distances)?,
            cutoffs: cutoff.apply(&distances)?,
            vectors,
            distances,
        })
    }

    /// Shows everything to an observer.
    pub(crate) fn show(&self, observer: &mut dyn Observer) {
        observer.see(format_args!("edge_vec_raw"), &self.vectors);
        observer.see(format_args!("edge_weight"), &self.distances);
        observer.see(format_args!("edge_vec_unit"), &self.directions);
        observer.see(format_args!("edge_attr_rbf"), &self.basis);
    }
}
