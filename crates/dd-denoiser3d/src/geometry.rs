//! What a layer sees of an edge: how far, in which direction, and through which filter.

use candle_core::{D, DType, Tensor};
use dd_graph::NeighborList;
use dd_kernels::{gather, safe_norm};

use crate::cutoff::CosineCutoff;
use crate::error::{DenoiserError, Result};
use crate::radial::RadialBasis;
use crate::trace::Observer;

/// The edges of a batch in numbers, one row for both directions of a pair where they agree. Differentiable in the
/// positions, also where two atoms coincide.
#[derive(Debug, Clone)]
pub(crate) struct EdgeGeometry {
    /// `R_j - R_i` in angstrom for an edge `j -> i`, `[E, 3]`, and `r = |R_j - R_i|`, `[E]`: for observers.
    seen: Option<(Tensor, Tensor)>,
    /// Unit vectors of the edges, `[E, 3]`; zero for self loops and coincident atoms.
    pub(crate) directions: Tensor,
    /// Radial basis `e(r)` of the pairs, `[P, K]`.
    pub(crate) basis: Tensor,
    /// Cosine cutoff `phi(r)` of the pairs, `[P]`.
    pub(crate) cutoffs: Tensor,
    /// Radial basis of a grid `[G, K]`, and the pairs' coordinates on it, `[P]`: where interpolating the filters is off by
    /// less than the numbers round.
    pub(crate) grid: Option<(Tensor, Tensor)>,
}

impl EdgeGeometry {
    pub(crate) fn new(
        positions: &Tensor,
        edges: &NeighborList,
        basis: &RadialBasis,
        cutoff: CosineCutoff,
        for_observer: bool,
    ) -> Result<Self> {
        if positions.dims() != [edges.num_atoms(), 3] {
            return Err(DenoiserError::Shape {
                name: "positions".to_string(),
                expected: format!("[N, 3] with N = {}", edges.num_atoms()),
                got: positions.dims().to_vec(),
            });
        }
        let ends = [&edges.pair_sources, &edges.pair_targets];
        let [sources, targets] = ends.map(|end| gather(positions, end));
        let vectors = (sources? - targets?)?; // [P, 3]
        let distances = safe_norm(&vectors, D::Minus1)?; // [P]
        let coincident = distances.eq(0.0)?.to_dtype(distances.dtype())?;
        let divisors = (&distances + coincident)?.unsqueeze(D::Minus1)?;
        let signs = signs(edges, &distances)?;
        let of_edges =
            |x: &Tensor| -> Result<Tensor> { Ok(gather(x, &edges.pairs)?.broadcast_mul(&signs)?) };
        // Whatever the number of pairs, so that a molecule's result does not depend on its batch mates.
        let grid = if for_observer || positions.track_op() || positions.dtype() != DType::F32 {
            None
        } else {
            basis.on_grid()?
        };
        Ok(Self {
            grid: grid
                .map(|(grid, basis)| Ok::<_, DenoiserError>((basis, grid.coordinates(&distances)?)))
                .transpose()?,
            seen: for_observer
                .then(|| {
                    Ok::<_, DenoiserError>((of_edges(&vectors)?, gather(&distances, &edges.pairs)?))
                })
                .transpose()?,
            directions: of_edges(&vectors.broadcast_div(&divisors)?)?,
            basis: basis.forward(&distances)?,
            cutoffs: cutoff.apply(&distances)?,
        })
    }

    /// Any numbers, for tests.
    #[cfg(test)]
    pub(crate) fn of(directions: Tensor, basis: Tensor, cutoffs: Tensor) -> Self {
        Self {
            seen: None,
            directions,
            basis,
            cutoffs,
            grid: None,
        }
    }

    /// Shows everything to an observer.
    pub(crate) fn show(&self, edges: &NeighborList, observer: &mut dyn Observer) -> Result<()> {
        if let Some((vectors, distances)) = &self.seen {
            observer.see(format_args!("edge_vec_raw"), vectors);
            observer.see(format_args!("edge_weight"), distances);
            observer.see(format_args!("edge_vec_unit"), &self.directions);
            let basis = gather(&self.basis, &edges.pairs)?;
            observer.see(format_args!("edge_attr_rbf"), &basis);
        }
        Ok(())
    }
}

/// 1 for edges that run as their pair's first edge, -1 for the others, `[E, 1]`.
fn signs(edges: &NeighborList, like: &Tensor) -> candle_core::Result<Tensor> {
    let signs = edges
        .runs_forward()
        .map(|forward| if forward { 1.0 } else { -1.0 });
    let signs: Vec<f32> = signs.collect();
    Tensor::from_vec(signs, (edges.num_edges(), 1), like.device())?.to_dtype(like.dtype())
}
